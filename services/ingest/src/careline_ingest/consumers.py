"""What ingest hears from the journal: what became of the appeals that partners have to do with."""

from collections.abc import Callable, Iterator, Mapping

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_common.messaging.subscription import Subscription
from careline_ingest.config import SourceEntry
from careline_ingest.db import appeals, ledger, records
from careline_ingest.db.appeals import Told
from careline_ingest.domain.notices import Notice, event_of

Sources = Callable[[], Mapping[str, SourceEntry]]

APPEALS = "ingest.appeals"
CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    APPEALS: (TicketCreated, TicketMoved, TicketClosed),
}


def subscriptions(sources: Sources) -> tuple[Subscription, ...]:
    """Free of order: of an appeal the newest version stands, and news has its version with it."""

    async def appeal_changed(uow: UnitOfWork, envelope: Envelope, _fetched: None) -> None:
        told, event = told_by(envelope), news_in(envelope)
        about = list(ended_with(envelope))
        if told.external_id is not None or told.insurer is not None:
            await appeals.note(uow.connection, told)
            about.append(told)
        if event is not None:
            notices = [
                await _notice(uow, source.id, each, event)
                for each in about
                for source in _hearing(sources(), each)
            ]
            await ledger.add(uow.connection, notices)

    return (
        Subscription(
            name=APPEALS,
            events=CONSUMERS[APPEALS],
            handle=appeal_changed,
            order_free=True,
        ),
    )


def ended_with(envelope: Envelope) -> Iterator[Told]:
    """The appeals that were merged into one which is closed: to their partners that is their end. Its version
    is behind whatever they were told of them before, and the same whenever this is heard."""
    event = envelope.data
    if not isinstance(event, TicketClosed):
        return
    for each in event.merged:
        yield Told(
            ticket_id=each.ticket_id,
            sequence=each.version + envelope.sequence,
            source=each.external_source,
            external_id=each.external_id,
            insurer=each.insurer,
            number=each.number,
            status="closed",
            outcome=event.outcome,
            returns=event.returns,
            due_at=None,
            at=event.closed_at,
        )


def news_in(envelope: Envelope) -> str | None:
    """What a partner hears of this event; None: it is no news to him."""
    match envelope.data:
        case TicketCreated():
            return "registered"
        case TicketClosed():
            return "closed"
        case TicketMoved(action=action):
            return event_of(action)
    raise AssertionError(envelope.type)


def _hearing(sources: Mapping[str, SourceEntry], told: Told) -> Iterator[SourceEntry]:
    """Who is to hear of an appeal: the source it came by, and those that hear all of its insurer."""
    for source in sources.values():
        if source.updates is None:
            continue
        its_insurer = source.updates.scope == "insurer" and source.insurer is not None
        if source.id == told.source or (its_insurer and source.insurer == told.insurer):
            yield source


async def _notice(uow: UnitOfWork, source: str, told: Told, event: str) -> Notice:
    """Another source's number of an appeal is nothing to a partner, and its record even less."""
    record_id = None
    if source == told.source and told.external_id is not None:
        record_id = await records.id_of(uow.connection, source, told.external_id)
    return Notice(
        id=uow.ids.new(),
        source=source,
        ticket_id=told.ticket_id,
        version=told.sequence,
        external_id=told.external_id if source == told.source else None,
        record_id=record_id,
        number=told.number,
        event=event,
        status=told.status,
        outcome=told.outcome,
        returns=told.returns,
        due_at=told.due_at,
        at=told.at,
    )


def told_by(envelope: Envelope) -> Told:
    """What an event says of its appeal. Its move into `closed` and its closing have one version."""
    event = envelope.data
    match event:
        case TicketCreated():
            status, at, outcome = "new", event.registered_at, None
        case TicketMoved():
            status, at, outcome = event.status, event.at, None
        case TicketClosed():
            status, at, outcome = "closed", event.closed_at, event.outcome
        case _:
            raise AssertionError(envelope.type)
    return Told(
        ticket_id=event.ticket_id,
        sequence=envelope.sequence,
        source=event.external_source,
        external_id=event.external_id,
        insurer=event.insurer,
        number=event.number,
        status=status,
        outcome=outcome,
        returns=0 if isinstance(event, TicketCreated) else event.returns,
        due_at=event.due_at,
        at=at,
    )
