"""Records of partners as appeals of the journal.

A record's version orders what comes: what is not newer than the appeal knows is ignored, so that
events may come in any order and more than once. A record is fetched as it is now, which may be newer
than the event that told of it; so an appeal follows from the record's last version alone, and from
whether it was ever withdrawn, never from the versions that happened to be seen on the way. What
people have said of the appeal stands where the record says nothing, and whom they sent it to for good.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Row

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.ingest import RecordReceived
from careline_common.phones import parse_phone
from careline_tickets.db.reading import history_of
from careline_tickets.db.repository import Content, Stored
from careline_tickets.domain.blank import is_blank
from careline_tickets.domain.person import Person, birth_date_fault
from careline_tickets.domain.ticket import (
    ANSWERS,
    Command,
    Details,
    External,
    TextKind,
    Ticket,
)
from careline_tickets.domain.vocabulary import Action, Channel, Kind, Role, Status
from careline_tickets.domain.workflow import TABLE, Actor
from careline_tickets.service import Journal, NewTicket

log = structlog.get_logger(__name__)

INGEST = Actor(id="ingest", roles=frozenset({Role.SYSTEM}))
WITHDRAWN = "withdrawn"
SAID = ("channel", "kind", "subject", "territory", "organisation")

Word = TypeVar("Word", bound=StrEnum)


class FeedRecord(BaseModel):
    """A record as ingest gives it; everything but its identity may be missing.

    `version` counts the record's changes; the version that the partner himself may have told, among
    the record's `fields`, is ingest's business.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    external_id: str
    version: int = 1
    withdrawn: bool = False
    registered_at: datetime | None = None
    received_at: datetime | None = None
    """When ingest had its first version."""
    phone: str | None = Field(default=None, repr=False)
    name: str | None = Field(default=None, repr=False)
    birth_date: date | None = Field(default=None, repr=False)
    policy_number: str | None = Field(default=None, repr=False)
    channel: str | None = None
    kind: str | None = None
    subject: str | None = None
    territory: str | None = None
    organisation: str | None = None
    insurer: str | None = None
    text: str | None = Field(default=None, repr=False)
    answer: str | None = Field(default=None, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, document: Any) -> Any:
        """What the partner told stands under `fields`, what ingest knows beside it."""
        if not isinstance(document, dict):
            return document
        known = {name: value for name, value in document.items() if value is not None}
        told = known.pop("fields", {})
        seen = {name: value for name, value in told.items() if not is_blank(str(value))}
        return {**seen, "version": 1, "withdrawn": False, **known}


class FeedDesk:
    """Registers, amends and closes what partners report."""

    def __init__(self, journal: Journal, *, region: str) -> None:
        self._journal = journal
        self._region = region

    async def receive(
        self, uow: UnitOfWork, event: RecordReceived, fetched: dict[str, Any] | None
    ) -> None:
        """Brings the journal to what the record says, unless it is there already."""
        if fetched is None or ("fields" in fetched and fetched["fields"] is None):
            log.warning("feed.record_erased", record=event.record_id, source=event.source)
            return
        record = FeedRecord.model_validate(fetched)
        record = record.model_copy(update={"version": max(record.version, event.version)})
        stored, fresh = await self._find(uow, event), False
        if stored is None:
            fresh = await self._register(uow, event, record)
            if fresh and not record.answer and not _withdrawn(event, record):
                return  # as nearly all are: its text is all that it says
            stored = await self._find(uow, event)
            assert stored is not None
        if not fresh and not _news(stored.ticket, event, record):
            return
        await self._apply(uow, event, record, stored, fresh=fresh)

    async def _find(self, uow: UnitOfWork, event: RecordReceived) -> Stored | None:
        return await self._journal.repository.find_external(
            uow.connection, event.source, event.external_id, for_update=True
        )

    async def _register(self, uow: UnitOfWork, event: RecordReceived, record: FeedRecord) -> bool:
        """False: somebody else was quicker."""
        now = uow.clock.now()
        registered_at = record.registered_at or record.received_at or event.received_at
        if registered_at.tzinfo is None:
            registered_at = registered_at.replace(tzinfo=self._journal.rules().zone)
        new = NewTicket(
            details=_details(event, record),
            person=self._person(record, now),
            text=record.text or "",
            registered_at=min(registered_at.astimezone(UTC), now),
        )
        return (await self._journal.register(uow, new, INGEST)).fresh

    async def _apply(
        self,
        uow: UnitOfWork,
        event: RecordReceived,
        record: FeedRecord,
        stored: Stored,
        *,
        fresh: bool,
    ) -> None:
        history = await history_of(uow.connection, stored.ticket.id)
        details = _details_now(event, record, stored.ticket.details, history)
        for command in await self._commands(uow, event, record, stored, details, fresh=fresh):
            fitting = _fitting(stored.ticket, command)
            if fitting is None:
                log.info("feed.too_late", ticket=stored.ticket.id, status=stored.ticket.status)
                return
            await self._journal.act(uow, stored, fitting, INGEST)
            again = await self._find(uow, event)
            assert again is not None
            stored = again
        if not fresh:
            person = self._person(record, uow.clock.now())
            if history[0].actor != INGEST.id:
                known = await self._journal.repository.person(uow.connection, stored.ticket.id)
                person = person.completed(known)
            await self._journal.repository.put_person(uow, stored.ticket, person)

    async def _commands(
        self,
        uow: UnitOfWork,
        event: RecordReceived,
        record: FeedRecord,
        stored: Stored,
        details: Details,
        *,
        fresh: bool,
    ) -> list[Command]:
        """New words first, then an answer, then the withdrawal: whatever the record has news of."""
        texts = await self._journal.repository.contents(uow.connection, stored.ticket.id)
        commands = []
        if record.text and record.text != _last_told(texts, {TextKind.TEXT}):
            commands.append(Command(action=Action.AMEND, text=record.text, details=details))
        if record.answer and record.answer != _last_told(texts, ANSWERS | {TextKind.NOTE}):
            commands.append(
                Command(action=Action.IMPORT_ANSWER, text=record.answer, details=details)
            )
        if _withdrawn(event, record):
            commands.append(Command(action=Action.WITHDRAW, details=details))
        if not commands and not fresh:
            commands.append(Command(action=Action.AMEND, details=details))
        return commands

    def _person(self, record: FeedRecord, now: datetime) -> Person:
        """Ingest has checked the record; what still does not fit is left out, not guessed."""
        phone, born = None, record.birth_date
        if record.phone:
            try:
                phone = parse_phone(record.phone, self._region)
            except ValueError:
                log.warning("feed.phone_unreadable")
        if born is not None and birth_date_fault(born, now.date()):
            born = None
        return Person(
            phone=phone, name=record.name, birth_date=born, policy_number=record.policy_number
        )


def _last_told(texts: Sequence[Content], kinds: Collection[str]) -> str | None:
    """What the partner has last said of one kind; people's own texts do not count."""
    told = [text.body for text in texts if text.author == INGEST.id and text.kind in kinds]
    return told[-1] if told else None


def _fitting(ticket: Ticket, command: Command) -> Command | None:
    """The command, or what of it can still be done: an answer that is too late is noted."""
    amending = replace(command, action=Action.AMEND, text=None, note=command.text)
    return next(
        (one for one in (command, amending) if TABLE[one.action].possible(ticket.facts)), None
    )


def _withdrawn(event: RecordReceived, record: FeedRecord) -> bool:
    return event.kind == WITHDRAWN or record.withdrawn


def _news(ticket: Ticket, event: RecordReceived, record: FeedRecord) -> bool:
    """Whether this says more than the appeal knows.

    That a record was withdrawn is in the event alone: an earlier event may have fetched the record
    in its last version already. It closes the appeal for good, whatever the partner says later.
    """
    if event.kind == WITHDRAWN and ticket.status not in {Status.CLOSED, Status.MERGED}:
        return True
    known = ticket.details.external.version if ticket.details.external is not None else 0
    return record.version > known


def _details(
    event: RecordReceived, record: FeedRecord, said: Mapping[str, Any] | None = None
) -> Details:
    """What the record says; where it says nothing what people `said`, or what a feed is likeliest."""
    said = said or {}
    likeliest = Channel.INSURER if record.insurer is not None else Channel.PORTAL
    return Details(
        channel=_word(Channel, record.channel, Channel(said.get("channel", likeliest))),
        kind=_word(Kind, record.kind, Kind(said.get("kind", Kind.COMPLAINT))),
        subject=record.subject or said.get("subject"),
        territory=record.territory or said.get("territory"),
        organisation=record.organisation or said.get("organisation"),
        insurer=record.insurer,
        external=External(source=event.source, id=event.external_id, version=record.version),
    )


def _details_now(
    event: RecordReceived, record: FeedRecord, before: Details, history: Sequence[Row[Any]]
) -> Details:
    """What an appeal that is there is about now, by its record and by what people did with it."""
    said: dict[str, Any] = {}
    for change in history:
        if change.actor != INGEST.id:
            said |= {name: change.after[name] for name in SAID if name in change.after}
    sent = any(change.action == Action.SEND_TO_INSURER for change in history)
    details = _details(event, record, said)
    return replace(
        details,
        insurer=before.insurer if sent else details.insurer or before.insurer,
        language=before.language,
        insured_in=before.insured_in,
        call_id=before.call_id,
        invitation_id=before.invitation_id,
    )


def _word(words: type[Word], text: str | None, otherwise: Word) -> Word:
    try:
        return words(text.strip().lower()) if text else otherwise
    except ValueError:
        return otherwise
