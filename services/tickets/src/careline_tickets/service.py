"""What can be done with the journal: register an appeal and act on it.

Each use case runs in the unit of work it is given, so that effect, history, events and answer
stand or fall together.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.tickets import MergedAppeal
from careline_tickets.config import Rules
from careline_tickets.db.likeness import Duplicate, Likeness, Shares, duplicates
from careline_tickets.db.merged import merged_into
from careline_tickets.db.repository import Repository, Stored
from careline_tickets.domain.acting import act, register
from careline_tickets.domain.blank import is_blank
from careline_tickets.domain.person import Person
from careline_tickets.domain.reopening import too_late
from careline_tickets.domain.ticket import (
    REGISTER,
    Change,
    Command,
    Details,
    InvalidCommandError,
    Ticket,
)
from careline_tickets.domain.vocabulary import Action, Outcome, Role, Status
from careline_tickets.domain.workflow import Actor, NotNow, check, require_permitted
from careline_tickets.lookup import Lookup
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import Chance
from careline_tickets.resolving import Resolver
from careline_tickets.telling import closes, events_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The answer to a typical question, which closes the appeal as it is registered."""

    answer: str = field(repr=False)
    outcome: Outcome = Outcome.INFORMATION


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """An appeal as it comes in."""

    details: Details
    person: Person = field(default_factory=Person)
    text: str = field(repr=False)
    transcript: str | None = field(default=None, repr=False)
    registered_at: datetime
    closing: Closing | None = None
    follows: str | None = None
    """The appeal that could not be reopened any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """`fresh` is False when the external id was in the journal already."""

    ticket: Ticket
    fresh: bool


Observer = Callable[[UnitOfWork, Ticket, Sequence[Change]], Awaitable[None]]
"""What follows on changes of an appeal in their own transaction; the appeal is as it is after them."""


_POINTED_AT = frozenset({Action.AMEND, Action.FOLLOW_UP})


def _on_behalf_of(actor: Actor) -> Actor:
    """What follows of itself on what somebody did stands in the history under his name."""
    return Actor(id=actor.id, roles=frozenset({Role.SYSTEM}))


class Journal:
    """The use cases. `rules` gives the configuration as it is now."""

    def __init__(
        self,
        *,
        repository: Repository,
        lookup: Lookup,
        chance: Chance,
        rules: Callable[[], Rules],
        metrics: TicketsMetrics,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.repository = repository
        self.lookup = lookup
        self.rules = rules
        self._chance = chance
        self._observers = observers
        self.metrics = metrics
        self._resolver = Resolver(repository)
        self._shares = Shares()

    async def register(self, uow: UnitOfWork, new: NewTicket, actor: Actor) -> Registered:
        """Registers an appeal, once for each external id; raises `NotPermitted` on `closing`."""
        known = await self._known(uow, new.details)
        if known is not None:
            return Registered(ticket=known.ticket, fresh=False)
        ticket, changes = await self._fresh(uow, new, actor)
        tell = partial(self._tell, uow, ticket, changes)
        if not await self.repository.insert(uow, ticket, new.person, changes, tell):
            winner = await self._known(uow, new.details)
            assert winner is not None, "only an external id that is there keeps a row out"
            return Registered(ticket=winner.ticket, fresh=False)
        await self._observe(uow, ticket, changes)
        return Registered(ticket=ticket, fresh=True)

    async def _known(self, uow: UnitOfWork, details: Details) -> Stored | None:
        external = details.external
        if external is None:
            return None
        return await self.repository.find_external(uow.connection, external.source, external.id)

    async def _fresh(
        self, uow: UnitOfWork, new: NewTicket, actor: Actor
    ) -> tuple[Ticket, list[Change]]:
        now, rules, details = uow.clock.now(), self.rules(), new.details
        number = await self.repository.next_number(uow.connection)
        year = new.registered_at.astimezone(rules.zone).year
        ticket, first = register(
            ticket_id=uow.ids.new(),
            number=f"T-{year}-{number:06d}",
            tracking_code=self._chance.code(),
            details=details,
            text=new.text,
            transcript=new.transcript,
            policy=rules.policy(
                kind=details.kind,
                subject=details.subject,
                insurer=details.insurer,
                channel=details.channel,
            ),
            registered_at=new.registered_at,
            actor=actor,
            now=now,
            follows=new.follows,
        )
        changes = [first]
        if new.closing is not None:
            closing = Command(
                action=Action.CLOSE, text=new.closing.answer, outcome=new.closing.outcome
            )
            require_permitted(ticket.facts, Action.CLOSE, actor)
            for command in (Command(action=Action.TAKE), closing):
                ticket, change = act(ticket, command, actor, now)
                changes.append(change)
        return ticket, changes

    async def duplicates_of(
        self,
        uow: UnitOfWork,
        ticket: Ticket,
        person: Person,
        text: str | None = None,
        *,
        written: bool = False,
    ) -> list[Duplicate]:
        """Other appeals that may be the same; their texts are compared when one is given, which with `written`
        is the appeal's own."""
        likeness = replace(self.lookup.likeness(person, ticket.details, text), external=None)
        return await duplicates(
            uow.connection,
            likeness,
            shares=self._shares,
            now=uow.clock.now(),
            but=ticket.id,
            written=written,
        )

    async def like(self, uow: UnitOfWork, likeness: Likeness) -> list[Duplicate]:
        """Appeals with something in common; they are suggested, and nothing is merged by itself."""
        return await duplicates(uow.connection, likeness, shares=self._shares, now=uow.clock.now())

    async def act(
        self,
        uow: UnitOfWork,
        stored: Stored,
        command: Command,
        actor: Actor,
        *,
        now: datetime | None = None,
    ) -> Ticket:
        """Does one action on an appeal that was loaded for update, and what follows on others.

        Answers with the appeal, or with the new one that goes on from it where it is too late to
        reopen it. Raises `NotPermitted`, then `NotNow`, then `InvalidCommandError`.
        """
        now = now or uow.clock.now()
        check(stored.ticket.facts, command.action, actor)
        command = await self._resolver.resolved(uow, self.rules(), stored.ticket, command)
        if command.action is Action.REOPEN and too_late(stored.ticket, now):
            return await self._go_on(uow, stored, command, actor)
        ticket = await self._do(uow, stored, command, actor, now)
        if command.action is Action.MERGE:
            await self._absorb(uow, stored.ticket, ticket, actor, now)
        if ticket.status is Status.MERGED and command.action in _POINTED_AT:
            await self._point_at(uow, ticket, command, actor, now)
        return ticket

    async def check_merge(self, uow: UnitOfWork, command: Command) -> None:
        """Raises `InvalidCommandError` where this merge could never be, whatever the versions."""
        await self._resolver.check_target(uow, command)

    async def _do(
        self, uow: UnitOfWork, stored: Stored, command: Command, actor: Actor, now: datetime
    ) -> Ticket:
        ticket, change = act(stored.ticket, command, actor, now)
        merged = await merged_into(uow.connection, ticket.id) if closes(change) else ()
        self._tell(uow, ticket, [change], merged)
        await self.repository.save(uow, stored, ticket, change)
        await self._observe(uow, ticket, [change])
        return ticket

    async def _absorb(
        self, uow: UnitOfWork, before: Ticket, merged: Ticket, actor: Actor, now: datetime
    ) -> None:
        """What was promised on an appeal that is merged holds for the one it is merged into.

        Where that has promised as much already nothing is changed, and nobody's version is lost."""
        assert merged.merged_into is not None
        target = await self.repository.find(uow.connection, merged.merged_into, for_update=True)
        assert target is not None, "it was there a moment ago, and is locked"
        command = Command(action=Action.ABSORB, other=before)
        ticket, change = act(target.ticket, command, _on_behalf_of(actor), now)
        if ticket.clocks != target.ticket.clocks or change.after:
            self._tell(uow, ticket, [change])
            await self.repository.save(uow, target, ticket, change)
            await self._observe(uow, ticket, [change])

    async def _point_at(
        self, uow: UnitOfWork, merged: Ticket, command: Command, actor: Actor, now: datetime
    ) -> None:
        """Whoever has the appeal that stands for a merged one is told that there are new words in that, or in one
        that goes on from it.

        The words themselves stay there: who sees the one need not see the other."""
        follows = command.action is Action.FOLLOW_UP
        if not (command.text or command.note or follows):
            return
        standing: Stored | None = None
        into = merged.merged_into
        while into is not None:
            standing = await self.repository.find(uow.connection, into, for_update=True)
            assert standing is not None, "appeals are never deleted"
            into = standing.ticket.merged_into
        assert standing is not None, "it is merged into one"
        note = f"{merged.number} has new words since it was merged into this one"
        if follows:
            note = (
                f"{merged.number}, which was merged into this one, goes on in an appeal of its own"
            )
        await self._do(uow, standing, Command(action=Action.AMEND, note=note), actor, now)

    async def _go_on(
        self, uow: UnitOfWork, stored: Stored, command: Command, actor: Actor
    ) -> Ticket:
        """Registers the appeal that goes on from one which cannot be reopened any more."""
        old = stored.ticket
        if old.followed_by is not None:
            raise NotNow(f"a new appeal goes on from this one: {old.followed_by}")
        if command.reason is None or is_blank(command.reason):
            raise InvalidCommandError("reason", "is required")
        now = uow.clock.now()
        new = NewTicket(
            details=replace(old.details, external=None),
            person=await self.repository.person(uow.connection, old.id),
            text=command.reason,
            registered_at=now,
            follows=old.id,
        )
        ticket = (await self.register(uow, new, actor)).ticket
        link = Command(action=Action.FOLLOW_UP, followed_by=ticket.id, note=command.note)
        await self._do(uow, stored, link, _on_behalf_of(actor), now)
        return ticket

    def _tell(
        self,
        uow: UnitOfWork,
        ticket: Ticket,
        changes: Sequence[Change],
        merged: Sequence[MergedAppeal] = (),
    ) -> None:
        """Writes the events of these changes, and counts them once they stand."""
        for change in changes:
            for event in events_of(ticket, change, self.lookup, merged):
                uow.emit(event, subject=ticket.id, sequence=change.version)
            if change.action == REGISTER:
                uow.after_commit(self.metrics.created.labels(ticket.details.channel).inc)
            else:
                uow.after_commit(self.metrics.moved.labels(change.action).inc)

    async def _observe(self, uow: UnitOfWork, ticket: Ticket, changes: Sequence[Change]) -> None:
        """What else follows from these changes, once they are written."""
        for observe in self._observers:
            await observe(uow, ticket, changes)
