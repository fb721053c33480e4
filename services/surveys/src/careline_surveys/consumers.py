"""What surveys hears: calls that ended, services that were rendered elsewhere, and notices to be sent."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.ingest import ServiceRendered
from careline_common.events.router import CallEnded, CallKeyed, CallWrappedUp
from careline_common.events.tickets import (
    TicketClosed,
    TicketCreated,
    TicketMoved,
    TicketNoticeIssued,
)
from careline_common.messaging.subscription import Subscription
from careline_surveys.adapters.phones import Number, read_number
from careline_surveys.adapters.records import Records, RenderedRecord
from careline_surveys.db import held_calls
from careline_surveys.db.contacts import Contact
from careline_surveys.db.held_calls import HeldCall
from careline_surveys.domain.definitions import Definition, EndedCall, for_call, for_rendered
from careline_surveys.domain.invitations import Reference, Subject
from careline_surveys.inviting import Request
from careline_surveys.service import SurveysService

log = structlog.get_logger(__name__)

ENDED_CALLS = "surveys.ended-calls"
RENDERED_SERVICES = "surveys.rendered-services"
APPEALS = "surveys.appeals"
KEYED_CALLS = "surveys.keyed-calls"
NOTICES = "surveys.notices"
WAITS_FOR_DISPOSITION = timedelta(days=2)
"""How long a call waits for what its agent made of it, or that for the end of its call."""

CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    ENDED_CALLS: (CallEnded, CallWrappedUp),
    RENDERED_SERVICES: (ServiceRendered,),
    APPEALS: (TicketCreated, TicketMoved, TicketClosed),
    KEYED_CALLS: (CallKeyed,),
    NOTICES: (TicketNoticeIssued,),
}


def subscriptions(
    service: SurveysService, records: Records, *, gather_s: float
) -> tuple[Subscription, ...]:
    """All are free of order: an invitation belongs to its reference, whatever came before, and of an
    appeal the newest version stands."""
    return (
        Subscription(
            name=ENDED_CALLS,
            events=CONSUMERS[ENDED_CALLS],
            handle=_CallsEnded(service),
            handle_all=_CallsEnded(service).several,
            order_free=True,
            gather_s=gather_s,
        ),
        Subscription(
            name=RENDERED_SERVICES,
            events=CONSUMERS[RENDERED_SERVICES],
            handle=_ServicesRendered(service),
            fetch=_FetchRecord(service, records),
            order_free=True,
        ),
        Subscription(
            name=APPEALS,
            events=CONSUMERS[APPEALS],
            handle=_Appeals(service),
            order_free=True,
        ),
        Subscription(
            name=KEYED_CALLS,
            events=CONSUMERS[KEYED_CALLS],
            handle=_CallsKeyed(service),
            order_free=True,
        ),
        Subscription(
            name=NOTICES,
            events=CONSUMERS[NOTICES],
            handle=_NoticesDue(service),
            order_free=True,
        ),
    )


class _CallsEnded:
    """Asks about calls: most when they end, those chosen by disposition when that is known too."""

    def __init__(self, service: SurveysService) -> None:
        self._service = service

    async def __call__(self, uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        event = envelope.data
        if isinstance(event, CallEnded):
            await self._ended(uow, envelope, event)
        elif isinstance(event, CallWrappedUp) and self._by_disposition():
            held = await self._keep(uow, event.call_id, disposition=event.disposition)
            await self._both_known(uow, held)

    def _heard(self, event: CallEnded, number: Number | None) -> Contact:
        """What is kept of somebody's having called."""
        key = None if number is None else self._service.people.key_of(number.e164)
        return _contact(event, key, self._team(event))

    async def _ended(self, uow: UnitOfWork, envelope: Envelope, event: CallEnded) -> None:
        number = _number(event.contact, envelope)
        if number is not None:
            await self._ask_about(uow, event, number)
        await self._service.following.heard(uow, [self._heard(event, number)])

    async def _ask_about(self, uow: UnitOfWork, event: CallEnded, number: Number) -> None:
        wanted = for_call(self._service.book.definitions, _call(event))
        may_be_wanted = self._by_disposition()
        await self._ask(uow, event, number, wanted)
        if not may_be_wanted:
            return
        now = uow.clock.now()
        held = await self._keep(
            uow,
            event.call_id,
            event=event.model_dump(mode="json", exclude={"contact"}),
            person_id=await self._service.people.locked(uow.connection, number.e164, now),
        )
        await self._both_known(uow, held)

    def _team(self, event: CallEnded) -> str | None:
        """As the router told it with the call; only an old router leaves it to us."""
        return event.team or self._service.book.team_of(event.agent)

    def _by_disposition(self) -> tuple[Definition, ...]:
        return tuple(
            definition
            for definition in self._service.book.definitions
            if definition.trigger is not None and definition.trigger.by_disposition
        )

    async def _keep(self, uow: UnitOfWork, call_id: str, **half: Any) -> HeldCall:
        now = uow.clock.now()
        await held_calls.purge(uow.connection, now - WAITS_FOR_DISPOSITION)
        return await held_calls.keep(uow.connection, call_id, now, **half)

    async def _both_known(self, uow: UnitOfWork, held: HeldCall) -> None:
        if held.event is None or held.disposition is None or held.person_id is None:
            return
        contact = await self._service.people.number_of(uow.connection, held.person_id)
        if contact is None:
            return
        event = CallEnded.model_validate(held.event)
        wanted = for_call(self._by_disposition(), _call(event, held.disposition))
        await self._ask(uow, event, read_number(contact), wanted)

    async def several(self, uow: UnitOfWork, heard: Sequence[tuple[Envelope, Any]]) -> None:
        """Calls that ended together. Where a disposition matters, each waits for its own."""
        if self._by_disposition():
            for envelope, _ in heard:
                await self(uow, envelope, None)
            return
        asked: list[tuple[str, Request]] = []
        contacts: list[Contact] = []
        for envelope, _ in heard:
            event = envelope.data
            if not isinstance(event, CallEnded):
                continue
            number = _number(event.contact, envelope)
            contacts.append(self._heard(event, number))
            wanted = for_call(self._service.book.definitions, _call(event))
            if number is not None and wanted:
                request = self._request(event, number)
                asked += [(definition.key, request) for definition in wanted]
        await self._service.invite_several(uow, asked)
        await self._service.following.heard(uow, contacts)

    async def _ask(
        self, uow: UnitOfWork, event: CallEnded, number: Number, wanted: Sequence[Definition]
    ) -> None:
        for definition in wanted:
            await self._service.invite(uow, definition.key, self._request(event, number))

    def _request(self, event: CallEnded, number: Number) -> Request:
        return Request(
            service="call",
            number=number,
            language=event.language,
            reference=Reference(type="call", id=event.call_id),
            subject=Subject(
                call_id=event.call_id,
                line=event.line,
                agent=event.agent,
                team=self._team(event),
                queue=event.queue,
                insurer=event.insurer,
            ),
        )


def _call(event: CallEnded, disposition: str | None = None) -> EndedCall:
    return EndedCall(
        call_id=event.call_id,
        line=event.line,
        handled=event.outcome == "handled",
        talk_s=event.talk_s,
        transferred=event.transferred,
        queue=event.queue,
        payer=event.payer,
        survey=event.survey,
        disposition=disposition,
    )


def _contact(event: CallEnded, person_key: bytes | None, team: str | None) -> Contact:
    return Contact(
        call_id=event.call_id,
        person_key=person_key,
        agent=event.agent,
        team=team,
        queue=event.queue,
        insurer=event.insurer,
        handled=event.outcome == "handled",
        callback=event.callback,
        arrived_at=event.arrived_at,
        ended_at=event.ended_at,
        talked_at=event.answered_at,
    )


class _CallsKeyed:
    def __init__(self, service: SurveysService) -> None:
        self._service = service

    async def __call__(self, uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        event = envelope.data
        assert isinstance(event, CallKeyed)
        await self._service.voicing.keyed(uow, event)


class _NoticesDue:
    def __init__(self, service: SurveysService) -> None:
        self._service = service

    async def __call__(self, uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        event = envelope.data
        assert isinstance(event, TicketNoticeIssued)
        await self._service.notices.queue(uow, event)
        uow.after_commit(self._service.sender.wake)


class _Appeals:
    def __init__(self, service: SurveysService) -> None:
        self._service = service

    async def __call__(self, uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        event = envelope.data
        assert isinstance(event, TicketCreated | TicketMoved | TicketClosed)
        await self._service.following.appeal(uow, event, envelope.sequence)


class _FetchRecord:
    """Asks ingest only when some survey wants to know."""

    def __init__(self, service: SurveysService, records: Records) -> None:
        self._service = service
        self._records = records

    async def __call__(self, envelope: Envelope) -> RenderedRecord | None:
        event = envelope.data
        assert isinstance(event, ServiceRendered)
        if not for_rendered(self._service.book.definitions, event.service):
            return None
        return await self._records.get(event.record_id)


class _ServicesRendered:
    def __init__(self, service: SurveysService) -> None:
        self._service = service

    async def __call__(
        self, uow: UnitOfWork, envelope: Envelope, record: RenderedRecord | None
    ) -> None:
        event = envelope.data
        assert isinstance(event, ServiceRendered)
        number = None if record is None else _number(record.phone, envelope)
        if record is None or number is None:
            return
        request = Request(
            service=event.service,
            number=number,
            language=None,
            reference=Reference(type="record", id=event.record_id),
            subject=Subject(
                organisation=event.organisation or record.organisation, insurer=record.insurer
            ),
        )
        for definition in for_rendered(self._service.book.definitions, event.service):
            await self._service.invite(uow, definition.key, request)


def _number(text: str | None, envelope: Envelope) -> Number | None:
    """None for callers who hid their number or came from an internal one: nobody can be asked."""
    if text is None:
        return None
    try:
        return read_number(text)
    except ValueError:
        log.info("survey.no_number", event_type=envelope.type, subject=envelope.subject)
        return None
