"""What ingest hears from the journal: what became of the appeals that partners have to do with."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope, Event
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_common.messaging.subscription import Subscription
from careline_ingest.db import appeals
from careline_ingest.db.appeals import Told

APPEALS = "ingest.appeals"
CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    APPEALS: (TicketCreated, TicketMoved, TicketClosed),
}


def subscriptions() -> tuple[Subscription, ...]:
    """Free of order: of an appeal the newest version stands, whenever it comes."""
    return (
        Subscription(
            name=APPEALS, events=CONSUMERS[APPEALS], handle=_appeal_changed, order_free=True
        ),
    )


async def _appeal_changed(uow: UnitOfWork, envelope: Envelope, _fetched: None) -> None:
    told = told_by(envelope)
    if told.external_id is None and told.insurer is None:
        return
    await appeals.note(uow.connection, told)


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
