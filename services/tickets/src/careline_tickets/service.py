"""What can be done with the journal: register an appeal and act on it.

Each use case runs in the unit of work it is given, so that effect, history, events and answer
stand or fall together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.config import Rules
from careline_tickets.db import tables
from careline_tickets.db.likeness import Duplicate, Likeness, Shares, duplicates
from careline_tickets.db.repository import Repository, Stored
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import (
    REGISTER,
    Change,
    Command,
    Details,
    Ticket,
    act,
    register,
)
from careline_tickets.domain.vocabulary import Action, Outcome
from careline_tickets.domain.workflow import Actor, check, require_permitted
from careline_tickets.lookup import Lookup
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import Chance
from careline_tickets.resolving import Resolver
from careline_tickets.telling import events_of


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
    registered_at: datetime
    closing: Closing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """`fresh` is False when the external id was in the journal already."""

    ticket: Ticket
    fresh: bool


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
    ) -> None:
        self.repository = repository
        self.lookup = lookup
        self.rules = rules
        self._chance = chance
        self._metrics = metrics
        self._resolver = Resolver(repository)
        self._shares = Shares()

    async def register(self, uow: UnitOfWork, new: NewTicket, actor: Actor) -> Registered:
        """Registers an appeal, once for each external id; raises `NotPermitted` on `closing`."""
        known = await self._known(uow, new.details)
        if known is not None:
            return Registered(ticket=known.ticket, fresh=False)
        ticket, changes = await self._fresh(uow, new, actor)
        if not await self.repository.insert(uow, ticket, new.person, changes):
            winner = await self._known(uow, new.details)
            assert winner is not None, "only an external id that is there keeps a row out"
            return Registered(ticket=winner.ticket, fresh=False)
        self._tell(uow, ticket, changes)
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
        number = await uow.connection.scalar(select(tables.ticket_number.next_value()))
        year = new.registered_at.astimezone(rules.zone).year
        ticket, first = register(
            ticket_id=uow.ids.new(),
            number=f"T-{year}-{number:06d}",
            tracking_code=self._chance.code(),
            details=details,
            text=new.text,
            policy=rules.policy(
                kind=details.kind, subject=details.subject, insurer=details.insurer
            ),
            registered_at=new.registered_at,
            actor=actor,
            now=now,
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
        self, uow: UnitOfWork, ticket: Ticket, person: Person, text: str | None = None
    ) -> list[Duplicate]:
        """Other appeals that may be the same; their texts are compared when one is given."""
        likeness = replace(self.lookup.likeness(person, ticket.details, text), external=None)
        return await self.like(uow, likeness, but=ticket.id)

    async def like(
        self, uow: UnitOfWork, likeness: Likeness, *, but: str | None = None
    ) -> list[Duplicate]:
        """Appeals with something in common; they are suggested, and nothing is merged by itself."""
        return await duplicates(
            uow.connection, likeness, shares=self._shares, now=uow.clock.now(), but=but
        )

    async def act(self, uow: UnitOfWork, stored: Stored, command: Command, actor: Actor) -> Ticket:
        """Does one action on an appeal that was loaded for update.

        Raises `NotPermitted`, then `NotNow`, then `InvalidCommandError`.
        """
        check(stored.ticket.facts, command.action, actor)
        command = await self._resolver.resolved(uow, self.rules(), stored.ticket, command)
        ticket, change = act(stored.ticket, command, actor, uow.clock.now())
        await self.repository.save(uow, stored, ticket, change)
        self._tell(uow, ticket, [change])
        return ticket

    def _tell(self, uow: UnitOfWork, ticket: Ticket, changes: Sequence[Change]) -> None:
        """Writes the events of these changes, and counts them once they stand."""
        for change in changes:
            for event in events_of(ticket, change):
                uow.emit(event, subject=ticket.id, sequence=change.version)
            if change.action == REGISTER:
                uow.after_commit(self._metrics.created.labels(ticket.details.channel).inc)
            else:
                uow.after_commit(self._metrics.moved.labels(change.action).inc)
