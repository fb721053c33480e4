"""Telling citizens of promises: given, changed, broken, and kept.

Each notice is written in the transaction of what it tells: by mail to who wrote by mail, else as an event
from which surveys sends an SMS. That a promise was broken is told by a row that marks it, under the lock of its
appeal, so once by any number of processes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.tickets import TicketNoticeIssued
from careline_common.observability.errors import describe
from careline_tickets.adapters import citizen_words as words
from careline_tickets.config import Rules
from careline_tickets.config_notices import NoticeKind
from careline_tickets.db import correspondents, joined, promises
from careline_tickets.db.repository import Repository
from careline_tickets.domain.ticket import REGISTER, Change, Ticket
from careline_tickets.domain.vocabulary import Action, Channel, Status
from careline_tickets.mail_writing import MailWriter
from careline_tickets.promising import promise_of, promised, registered, shown_due

log = structlog.get_logger(__name__)

AT_A_TIME = 50
LOOK_EVERY_S = 1.0
TRIED_AGAIN_AFTER = timedelta(minutes=10)
"""What could not be told for a fault of its own waits so long, so that it keeps nobody else's place."""


class Noticer:
    """`rules` gives the configuration as it is now; without `notices` in it nothing is told."""

    def __init__(
        self, repository: Repository, writer: MailWriter, rules: Callable[[], Rules]
    ) -> None:
        self._repository = repository
        self._writer = writer
        self._rules = rules

    async def changed(self, uow: UnitOfWork, ticket: Ticket, changes: Sequence[Change]) -> None:
        """What these changes of an appeal are to the citizen, and to those whose appeals it stands for; the
        journal's observer."""
        wanted, last = self._rules().notices, changes[-1]
        if wanted is None:
            return
        kind = _told_by(changes)
        key = f"{kind}:{ticket.id}:{last.version}"
        if kind is NoticeKind.MERGED and not await self._joined(uow, ticket):
            return
        if ticket.details.channel in wanted.channels:
            promise = promise_of(ticket)
            if promise is not None and ticket.status is not Status.MERGED:
                told_anew = kind is NoticeKind.EXTENDED
                await promises.follow(uow.connection, ticket.id, promise, told_anew=told_anew)
            if kind is not None and wanted.tells(kind, ticket.details.channel):
                text = await self._text(uow, ticket, kind)
                await self._deliver(uow, ticket, kind, text, key)
        if kind in _TOLD_TO_OTHERS:
            await self._tell_others(uow, ticket, kind, last.version)

    async def _joined(self, uow: UnitOfWork, merged: Ticket) -> bool:
        """Joins what was promised on an appeal that was merged just now with what was on the other, where one
        citizen is told of both. False where they are two: then his own promise is watched on, and he hears nothing
        of the other."""
        standing = await joined.standing_for(uow.connection, merged.id)
        if standing.his:
            await promises.join(uow.connection, merged.id, standing.id)
        return standing.his

    async def _tell_others(
        self, uow: UnitOfWork, ticket: Ticket, kind: NoticeKind, version: int
    ) -> None:
        """Tells whose appeals were merged into this one what has become of their own."""
        others = await joined.of_others(uow.connection, ticket.id)
        if not others:
            return
        promise, wanted = promise_of(ticket), self._rules().notices
        assert wanted is not None, "who tells nobody does not come here"
        goes_on = kind is NoticeKind.EXTENDED and promise is not None
        await promises.move(uow.connection, others, promise.due_at if goes_on and promise else None)
        for other_id in others:
            stored = await self._repository.find(uow.connection, other_id)
            assert stored is not None, "appeals are never deleted"
            other = stored.ticket
            if wanted.tells(kind, other.details.channel):
                text = await self._text(uow, other, kind, standing=ticket)
                key = f"{kind}:{other.id}:{ticket.id}:{version}"
                await self._deliver(uow, other, kind, text, key)

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
        if ticket.status is Status.MERGED:
            standing = await joined.standing_for(uow.connection, ticket_id)
            if not standing.open:
                return False
        language = self._language(ticket)
        due = shown_due(due_at, language, self._rules().zone)
        text = words.said("late", language, number=ticket.number, due=due)
        key = f"{NoticeKind.LATE}:{ticket.id}:{ticket.version}:{due_at.isoformat()}"
        return await self._deliver(uow, ticket, NoticeKind.LATE, text, key)

    async def _text(
        self, uow: UnitOfWork, ticket: Ticket, kind: NoticeKind, standing: Ticket | None = None
    ) -> str:
        """What its citizen is told of an appeal, where another one stands for it of what that has promised."""
        language, zone = self._language(ticket), self._rules().zone
        match kind:
            case NoticeKind.REGISTERED:
                return registered(ticket, language, zone)
            case NoticeKind.EXTENDED:
                said = words.said("extended", language, number=ticket.number)
                return f"{said} {promised(standing or ticket, language, zone)}".strip()
            case NoticeKind.MERGED:
                assert ticket.merged_into is not None, "it was merged just now"
                into = await self._repository.find(uow.connection, ticket.merged_into)
                assert into is not None, "appeals are never deleted"
                other = into.ticket.number
                return words.said("joined", language, number=ticket.number, other=other)
            case _ if standing is not None:
                return words.said("settled", language, number=ticket.number)
            case _:
                what = "forwarded" if ticket.forwarded_to is not None else "closed"
                return words.said(what, language, number=ticket.number)

    def _language(self, ticket: Ticket) -> str:
        wanted = self._rules().notices
        own = (ticket.details.language or "")[:2].lower()
        if own in words.LANGUAGES:
            return own
        return "ru" if wanted is None else wanted.language

    async def _deliver(
        self, uow: UnitOfWork, ticket: Ticket, kind: NoticeKind, text: str, key: str
    ) -> bool:
        """Once for each key; False where there is no way to him."""
        to = await correspondents.of(uow.connection, ticket.id)
        if to is not None:
            box = self._rules().mailboxes.get(to.mailbox)
            if box is None or kind in _BY_MAIL_ALREADY:
                return False
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
            language=self._language(ticket),
            text=text,
            ticket_id=ticket.id,
            at_once=kind is NoticeKind.REGISTERED and ticket.details.channel in _JUST_NOW,
        )
        return True


_BY_MAIL_ALREADY = frozenset({NoticeKind.REGISTERED, NoticeKind.CLOSED})
"""Who wrote by mail has these by mail, with all that belongs to them."""
_TOLD_TO_OTHERS = frozenset({NoticeKind.EXTENDED, NoticeKind.CLOSED})
"""What becomes of an appeal has become of those that were merged into it."""
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
    return {Action.EXTEND: NoticeKind.EXTENDED, Action.MERGE: NoticeKind.MERGED}.get(
        Action(last.action)
    )


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
                async with self._database.unit_of_work() as uow:
                    again_at = uow.clock.now() + TRIED_AGAIN_AFTER
                    await promises.put_off(uow.connection, ticket_id, again_at)
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
