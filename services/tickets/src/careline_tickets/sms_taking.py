"""An SMS that answers no survey: a question how an appeal stands, words to one, or an appeal."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.surveys import MessageReceived
from careline_tickets import going_on
from careline_tickets.adapters import citizen_words as words
from careline_tickets.config_notices import NoticeKind
from careline_tickets.db import joined, tables
from careline_tickets.db.notice_tables import sms_in
from careline_tickets.db.repository import Stored
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Command, Details, External, Ticket
from careline_tickets.domain.tracking import read_code
from careline_tickets.domain.vocabulary import Action, Channel, Kind, Role, Status
from careline_tickets.domain.workflow import Actor
from careline_tickets.noticing import send_sms
from careline_tickets.ports import Message
from careline_tickets.promising import promised
from careline_tickets.service import Journal, NewTicket

SMS = Actor(id="sms", roles=frozenset({Role.SYSTEM, Role.AGENT}))
"""Under whose name stands what a citizen's SMS does."""
SOURCE = "sms"
"""The external source of appeals by SMS; the id is the message's."""
GOES_ON_FOR = timedelta(hours=24)
"""So long after somebody's last SMS his next one is about the same."""
ANSWERS_A_DAY = 10
SHOWN = 3
LOOKED_AT = 20
_SIGNS = re.compile(r"[\w\-\u2010-\u2015]+")
DAY = timedelta(days=1)


class SmsDesk:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def take(self, uow: UnitOfWork, event: MessageReceived, message: Message | None) -> str:
        """Does what a message asks for, once; returns what that was."""
        if message is None:
            return "erased"
        key = self._journal.lookup.phone_key(Person(phone=message.sender))
        assert key is not None, "there is a number"
        now = uow.clock.now()
        await _turn(uow.connection, key)
        if not await _noted(uow.connection, event.message_id, key, now):
            return "repeated"
        if message.asks_status:
            outcome, ticket_id = await self._status(uow, event, message, key), None
        else:
            outcome, ticket_id = await self._words(uow, event, message, key)
        await uow.connection.execute(
            update(sms_in)
            .where(sms_in.c.message_id == event.message_id)
            .values(outcome=outcome, ticket_id=ticket_id)
        )
        return outcome

    async def _status(
        self, uow: UnitOfWork, event: MessageReceived, message: Message, key: bytes
    ) -> str:
        """Answers how things stand: by the code in the message, else for the sender's open appeals.

        Never what an appeal says, nor whose it is: the same as by its code on the web."""
        if await _answered(uow.connection, key, uow.clock.now() - DAY) >= ANSWERS_A_DAY:
            return "limited"
        language = _language(event, message)
        code = _code_in(message.text)
        if code is not None:
            stored = await self._journal.repository.find_tracked(uow.connection, code)
            found: Sequence[Ticket] = [] if stored is None else [stored.ticket]
        else:
            found = await self._open_of(uow, key)
        lines = [self._stands(ticket, language) for ticket in found]
        if not lines:
            lines = [words.said("no_such" if code is not None else "none_open", language)]
        send_sms(
            uow,
            contact=message.sender,
            kind=NoticeKind.STATUS,
            language=language,
            text="\n".join(lines),
            ticket_id=None,
            at_once=True,
        )
        return "status"

    def _stands(self, ticket: Ticket, language: str) -> str:
        status = words.said(f"status.{ticket.status}", language)
        said = words.said("stands", language, number=ticket.number, status=status)
        return f"{said} {promised(ticket, language, self._journal.rules().zone)}".strip()

    async def _open_of(self, uow: UnitOfWork, key: bytes) -> Sequence[Ticket]:
        """The sender's newest appeals on which somebody works, those among them that were merged into an open one of
        somebody else: of that he is told nothing."""
        ticket, person = tables.ticket.c, tables.person.c
        ids = await uow.connection.execute(
            select(ticket.id)
            .join(tables.person, person.ticket_id == ticket.id)
            .where(person.phone_key == key, ticket.status != Status.CLOSED)
            .order_by(ticket.registered_at.desc())
            .limit(LOOKED_AT)
        )
        found: list[Ticket] = []
        for ticket_id in ids.scalars():
            stored = await self._journal.repository.find(uow.connection, ticket_id)
            if stored is not None and await _in_work(uow.connection, stored.ticket):
                found.append(stored.ticket)
            if len(found) == SHOWN:
                break
        return found

    async def _words(
        self, uow: UnitOfWork, event: MessageReceived, message: Message, key: bytes
    ) -> tuple[str, str]:
        """Words to the appeal of his last SMS while that is fresh; where it has ended, to his own that goes on from
        it or stands for it; else an appeal."""
        repository = self._journal.repository
        last = await _last(uow.connection, key, uow.clock.now() - GOES_ON_FOR)
        stored = None
        if last is not None:
            stored = await repository.find(uow.connection, last, for_update=True)
        if stored is not None:
            stored = await going_on.place_for(uow, self._journal, stored, phone_key=key)
            if not stored.ticket.ended:
                await self._add(uow, stored, message)
                return "added", stored.ticket.id
        new = await self._register(
            uow, event, message, follows=None if stored is None else stored.ticket.id
        )
        if stored is not None:
            await going_on.link(uow, self._journal, stored, new, SMS)
        return "registered", new.id

    async def _add(self, uow: UnitOfWork, stored: Stored, message: Message) -> None:
        note = Command(action=Action.AMEND, note=message.text)
        ticket = await self._journal.act(uow, stored, note, SMS)
        if ticket.status is Status.WAITING:
            again = await self._journal.repository.find(uow.connection, ticket.id, for_update=True)
            assert again is not None, "it was there a moment ago"
            await self._journal.act(uow, again, Command(action=Action.RESUME), SMS)

    async def _register(
        self, uow: UnitOfWork, event: MessageReceived, message: Message, *, follows: str | None
    ) -> Ticket:
        new = NewTicket(
            details=Details(
                channel=Channel.SMS,
                kind=Kind.COMPLAINT,
                language=_language(event, message),
                external=External(source=SOURCE, id=event.message_id),
            ),
            person=Person(phone=message.sender),
            text=message.text,
            registered_at=min(message.at, uow.clock.now()),
            follows=follows,
        )
        return (await self._journal.register(uow, new, SMS)).ticket


async def _in_work(connection: AsyncConnection, ticket: Ticket) -> bool:
    if ticket.status is not Status.MERGED:
        return True
    standing = await joined.standing_for(connection, ticket.id)
    return standing.open and not standing.his


def _language(event: MessageReceived, message: Message) -> str:
    own = (event.language or "")[:2]
    return own if own in words.LANGUAGES else words.language_of(message.text)


def _code_in(text: str) -> str | None:
    """The tracking code in a message, with or without its dashes or with spaces for them."""
    signs = _SIGNS.findall(text)
    whole = [*signs, *("".join(signs[start : start + 3]) for start in range(len(signs) - 2))]
    return next((code for each in whole if (code := read_code(each)) is not None), None)


async def _turn(connection: AsyncConnection, key: bytes) -> None:
    """Messages of one sender are taken one after the other: two at once are not two appeals."""
    name = f"sms {key.hex()}"
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def _noted(connection: AsyncConnection, message_id: str, key: bytes, at: datetime) -> bool:
    noted = await connection.execute(
        insert(sms_in)
        .values(message_id=message_id, phone_key=key, at=at, outcome="taken")
        .on_conflict_do_nothing()
        .returning(sms_in.c.message_id)
    )
    return noted.first() is not None


async def _answered(connection: AsyncConnection, key: bytes, since: datetime) -> int:
    found = await connection.execute(
        select(func.count()).where(
            sms_in.c.phone_key == key, sms_in.c.at >= since, sms_in.c.outcome == "status"
        )
    )
    return found.scalar_one()


async def _last(connection: AsyncConnection, key: bytes, since: datetime) -> str | None:
    found = await connection.execute(
        select(sms_in.c.ticket_id)
        .where(sms_in.c.phone_key == key, sms_in.c.at >= since, sms_in.c.ticket_id.is_not(None))
        .order_by(sms_in.c.at.desc(), sms_in.c.message_id.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()
