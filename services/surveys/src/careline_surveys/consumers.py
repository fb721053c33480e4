"""What surveys hears: calls that ended, and services that were rendered elsewhere."""

from typing import Any

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope, Event
from careline_common.events.ingest import ServiceRendered
from careline_common.events.router import CallEnded
from careline_common.messaging.subscription import Subscription
from careline_surveys.adapters.phones import Number, read_number
from careline_surveys.adapters.records import Records, RenderedRecord
from careline_surveys.domain.definitions import EndedCall, for_call, for_rendered
from careline_surveys.domain.invitations import Reference, Subject
from careline_surveys.inviting import Request
from careline_surveys.service import SurveysService

log = structlog.get_logger(__name__)

ENDED_CALLS = "surveys.ended-calls"
RENDERED_SERVICES = "surveys.rendered-services"
CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    ENDED_CALLS: (CallEnded,),
    RENDERED_SERVICES: (ServiceRendered,),
}


def subscriptions(service: SurveysService, records: Records) -> tuple[Subscription, ...]:
    """Both are free of order: an invitation belongs to its reference, whatever came before."""
    return (
        Subscription(
            name=ENDED_CALLS,
            events=CONSUMERS[ENDED_CALLS],
            handle=_CallsEnded(service),
            order_free=True,
        ),
        Subscription(
            name=RENDERED_SERVICES,
            events=CONSUMERS[RENDERED_SERVICES],
            handle=_ServicesRendered(service),
            fetch=_FetchRecord(service, records),
            order_free=True,
        ),
    )


class _CallsEnded:
    def __init__(self, service: SurveysService) -> None:
        self._service = service

    async def __call__(self, uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        event = envelope.data
        assert isinstance(event, CallEnded)
        wanted = for_call(self._service.book.definitions, _ended(event))
        if not wanted:
            return
        number = _number(event.contact, envelope)
        if number is None:
            return
        request = Request(
            service="call",
            number=number,
            language=event.language,
            reference=Reference(type="call", id=event.call_id),
            subject=Subject(
                call_id=event.call_id,
                line=event.line,
                agent=event.agent,
                team=event.team or self._service.book.team_of(event.agent),
                queue=event.queue,
            ),
        )
        for definition in wanted:
            await self._service.invite(uow, definition.key, request)


def _ended(event: CallEnded) -> EndedCall:
    return EndedCall(
        call_id=event.call_id,
        line=event.line,
        handled=event.outcome == "handled",
        talk_s=event.talk_s,
        transferred=event.transferred,
        queue=event.queue,
        payer=event.payer,
        survey=event.survey,
    )


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
            subject=Subject(organisation=event.organisation or record.organisation),
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
