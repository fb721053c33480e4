"""Telling citizens of promises: given, changed, broken, and kept.

Each notice is written in the transaction of what it tells: by mail to who wrote by mail, else as an event
from which surveys sends an SMS. That a promise was broken is told by a row that marks it, under the lock of its
appeal, so once by any number of processes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.tickets import TicketNoticeIssued
from careline_common.observability.errors import describe
from careline_tickets.adapters import citizen_words as words
from careline_tickets.config import Rules
from careline_tickets.config_notices import NoticeKind, NoticesEntry
from careline_tickets.db import correspondents, promises
from careline_tickets.db.repository import Repository
from careline_tickets.domain.ticket import REGISTER, Change, Ticket
from careline_tickets.domain.vocabulary import Action, Channel, Status
from careline_tickets.mail_writing import MailWriter
from careline_tickets.promising import promise_of, promised, registered, shown_due

log = structlog.get_logger(__name__)

AT_A_TIME = 50
LOOK_EVERY_S = 1.0


class Noticer:
    """`rules` gives the configuration as it is now; without `notices` in it nothing is told."""

    def __init__(
        self, repository: Repository, writer: MailWriter, rules: Callable[[], Rules]
    ) -> None:
        self._repository = repository
        self._writer = writer
        self._rules = rules

    async def changed(self, uow: UnitOfWork, ticket: Ticket, changes: Sequence[Change]) -> None:
        """What these changes of an appeal are to the citizen; the journal's observer."""
        wanted = self._rules().notices
        if wanted is None or ticket.details.channel not in wanted.channels:
            return
        promise = promise_of(ticket)
        if promise is not None:
            await promises.follow(uow.connection, ticket.id, promise)
        kind = _told_by(changes)
        if kind is not None and wanted.tells(kind, ticket.details.channel):
            await self.tell(uow, ticket, kind, version=changes[-1].version)

    async def broken(self, uow: UnitOfWork, ticket_id: str) -> bool:
        """Tells that an appeal's promise is broken, if it is and nobody was told; False otherwise."""
        stored = await self._repository.find(uow.connection, ticket_id, for_update=True)
        assert stored is not None, "promises belong to appeals"
        due_at = await promises.tell(uow.connection, ticket_id, uow.clock.now())
        wanted, ticket = self._rules().notices, stored.ticket
        if due_at is None or wanted is None:
            return False
        if not wanted.tells(NoticeKind.LATE, ticket.details.channel):
            return False
        language = self._language(ticket, wanted)
        due = shown_due(due_at, language, self._rules().zone)
        text = words.said("late", language, number=ticket.number, due=due)
        return await self._deliver(uow, ticket, NoticeKind.LATE, text, ticket.version)

    async def tell(
        self, uow: UnitOfWork, ticket: Ticket, kind: NoticeKind, *, version: int
    ) -> bool:
        """Tells whom an appeal is from what has become of it; False where there is no way to him."""
        rules = self._rules()
        language = self._language(ticket, rules.notices)
        match kind:
            case NoticeKind.REGISTERED:
                text = registered(ticket, language, rules.zone)
            case NoticeKind.EXTENDED:
                said = words.said("extended", language, number=ticket.number)
                text = f"{said} {promised(ticket, language, rules.zone)}".strip()
            case _:
                what = "forwarded" if ticket.forwarded_to is not None else "closed"
                text = words.said(what, language, number=ticket.number)
        return await self._deliver(uow, ticket, kind, text, version)

    def _language(self, ticket: Ticket, wanted: NoticesEntry | None) -> str:
        own = (ticket.details.language or "")[:2].lower()
        if own in words.LANGUAGES:
            return own
        return "ru" if wanted is None else wanted.language

    async def _deliver(
        self, uow: UnitOfWork, ticket: Ticket, kind: NoticeKind, text: str, version: int
    ) -> bool:
        to = await correspondents.of(uow.connection, ticket.id)
        if to is not None:
            box = self._rules().mailboxes.get(to.mailbox)
            if box is None or kind in _BY_MAIL_ALREADY:
                return False
            key = f"{kind}:{ticket.id}:{version}"
            return await self._writer.write(
                uow, box, to, key=key, purpose=kind, text=text, automatic=True, ticket=ticket
            )
        person = await self._repository.person(uow.connection, ticket.id)
        if person.phone is None:
            return False
        send_sms(
            uow,
            contact=person.phone,
            kind=kind,
            language=self._language(ticket, self._rules().notices),
            text=text,
            ticket_id=ticket.id,
            at_once=kind is NoticeKind.REGISTERED and ticket.details.channel in _JUST_NOW,
        )
        return True


_BY_MAIL_ALREADY = frozenset({NoticeKind.REGISTERED, NoticeKind.CLOSED})
"""Who wrote by mail has these by mail, with all that belongs to them."""
_JUST_NOW = frozenset({Channel.PHONE, Channel.SMS, Channel.APP, Channel.WALK_IN, Channel.PORTAL})
"""Who comes by these is awake."""


def send_sms(
    uow: UnitOfWork,
    *,
    contact: str,
    kind: NoticeKind,
    language: str,
    text: str,
    ticket_id: str | None,
    at_once: bool,
) -> None:
    """Has surveys send an SMS, once, when this transaction stands."""
    notice_id = uow.ids.new()
    event = TicketNoticeIssued(
        notice_id=notice_id,
        ticket_id=ticket_id,
        kind=kind,
        contact=contact,
        language=language,
        message=text,
        at_once=at_once,
    )
    uow.emit(event, subject=notice_id, sequence=1, correlation_id=ticket_id)


def _told_by(changes: Sequence[Change]) -> NoticeKind | None:
    """Of what these changes tell the citizen: the last of them counts, as it says where things stand."""
    last = changes[-1]
    if last.after.get("status") == Status.CLOSED and last.action != Action.WITHDRAW:
        # answered as he asked: nothing was promised, and he has it
        return None if len(changes) > 1 else NoticeKind.CLOSED
    if last.action == REGISTER:
        return NoticeKind.REGISTERED
    return NoticeKind.EXTENDED if last.action == Action.EXTEND else None


class PromiseWatch:
    """Tells of promises that are broken as their time is over. Any number of these may run."""

    def __init__(self, database: Database, noticer: Noticer, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._noticer = noticer

    async def step(self) -> int:
        """Looks at promises whose time is over; returns how many there were."""
        async with self._database.read() as connection:
            due = await promises.due(connection, self._clock.now(), AT_A_TIME)
        for ticket_id in due:
            try:
                async with self._database.unit_of_work() as uow:
                    await self._noticer.broken(uow, ticket_id)
            except Exception as error:
                if is_unavailable(error):
                    raise
                log.exception("promise.not_told", ticket=ticket_id, error=describe(error))
        return len(due)


def watching_promises(
    watch: PromiseWatch, rules: Callable[[], Rules]
) -> Callable[[], Awaitable[None]]:
    async def look() -> None:
        while True:
            if rules().notices is not None:
                await watch.step()
            await asyncio.sleep(LOOK_EVERY_S)

    return look
