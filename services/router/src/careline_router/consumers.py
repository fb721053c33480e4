"""What the router hears: how appeals stand, and which surges of appeals there are."""

from typing import Any

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.tickets import (
    SurgeClosed,
    SurgeOpened,
    TicketClosed,
    TicketCreated,
    TicketMoved,
)
from careline_common.messaging.subscription import Subscription
from careline_router.db import appeals, surges, work

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
    await appeals.keep(
        uow.connection,
        event.ticket_id,
        call_id=event.call_id,
        due_at=event.due_at,
        sequence=envelope.sequence,
        **_standing(event),
    )
    if isinstance(event, TicketCreated) and event.code_lookup is not None:
        await appeals.keep_code(uow.connection, event.ticket_id, event.code_lookup)
    if isinstance(event, TicketMoved) and not work.is_nobodys(event.status, event.owner):
        await work.note_settled(uow.connection, event.ticket_id, envelope.sequence)


def _standing(event: TicketCreated | TicketMoved | TicketClosed) -> dict[str, Any]:
    match event:
        case TicketCreated():
            return {"status": "new", "owner": None, "updated_at": event.registered_at}
        case TicketMoved():
            return {
                "status": event.status,
                "owner": None if event.status in appeals.OVER else event.owner,
                "group_id": event.group,
                "priority": event.priority,
                "updated_at": event.at,
            }
        case TicketClosed():
            return {"status": "closed", "owner": None, "updated_at": event.closed_at}


async def _keep_surge(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
    event = envelope.data
    assert isinstance(event, SurgeOpened | SurgeClosed)
    await surges.keep(uow.connection, event, envelope.sequence)
