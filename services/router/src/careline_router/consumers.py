"""What the router hears: how appeals stand, and which surges of appeals there are."""

from typing import Any

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope, Event
from careline_common.events.tickets import (
    SurgeClosed,
    SurgeOpened,
    TicketClosed,
    TicketCreated,
    TicketMoved,
)
from careline_common.messaging.subscription import Subscription
from careline_router.db import appeals, surges

APPEALS = "router.appeals"
SURGES = "router.surges"

CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    APPEALS: (TicketCreated, TicketMoved, TicketClosed),
    SURGES: (SurgeOpened, SurgeClosed),
}


def subscriptions() -> tuple[Subscription, ...]:
    """Free of order: of an appeal, and of a surge, the newest version stands."""
    return (
        Subscription(name=APPEALS, events=CONSUMERS[APPEALS], handle=_keep_appeal, order_free=True),
        Subscription(name=SURGES, events=CONSUMERS[SURGES], handle=_keep_surge, order_free=True),
    )


async def _keep_appeal(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
    """Those that came out of a call are its caller's; any is told of to who knows its tracking code."""
    event = envelope.data
    assert isinstance(event, TicketCreated | TicketMoved | TicketClosed)
    status, owner, at = _standing(event)
    await appeals.keep(
        uow.connection,
        event.ticket_id,
        call_id=event.call_id,
        status=status,
        owner=owner,
        updated_at=at,
        sequence=envelope.sequence,
    )
    if isinstance(event, TicketCreated) and event.code_lookup is not None:
        await appeals.keep_code(uow.connection, event.ticket_id, event.code_lookup)


def _standing(event: TicketCreated | TicketMoved | TicketClosed) -> tuple[str, str | None, Any]:
    match event:
        case TicketCreated():
            return "new", None, event.registered_at
        case TicketMoved():
            return event.status, None if event.status in appeals.OVER else event.owner, event.at
        case TicketClosed():
            return "closed", None, event.closed_at


async def _keep_surge(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
    event = envelope.data
    assert isinstance(event, SurgeOpened | SurgeClosed)
    await surges.keep(uow.connection, event, envelope.sequence)
