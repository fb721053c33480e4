"""What the router hears: how appeals stand, and which surges of appeals there are."""

from collections.abc import Sequence
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


GATHER_S = 0.25
"""So long news of an appeal waits for more: a partner's feed brings dozens a second, and calls are waiting too."""


def subscriptions() -> tuple[Subscription, ...]:
    """Free of order: of an appeal, and of a surge, the newest version stands."""
    return (
        Subscription(
            name=APPEALS,
            events=CONSUMERS[APPEALS],
            handle=_keep_appeal,
            handle_all=_keep_appeals,
            order_free=True,
            gather_s=GATHER_S,
        ),
        Subscription(name=SURGES, events=CONSUMERS[SURGES], handle=_keep_surge, order_free=True),
    )


async def _keep_appeals(uow: UnitOfWork, events: Sequence[tuple[Envelope, Any]]) -> None:
    """New appeals all at once, what became of others one by one."""
    new = [envelope for envelope, _ in events if isinstance(envelope.data, TicketCreated)]
    if new:
        await appeals.keep(uow.connection, [_version(envelope) for envelope in new])
        codes = {
            envelope.data.ticket_id: envelope.data.code_lookup
            for envelope in new
            if isinstance(envelope.data, TicketCreated) and envelope.data.code_lookup is not None
        }
        if codes:
            await appeals.keep_codes(uow.connection, codes)
    for envelope, _ in events:
        if not isinstance(envelope.data, TicketCreated):
            await _keep_appeal(uow, envelope, None)


async def _keep_appeal(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
    """Those that came out of a call are its caller's; any is told of to who knows its tracking code."""
    event = envelope.data
    if isinstance(event, TicketCreated):
        await _keep_appeals(uow, [(envelope, None)])
        return
    await appeals.keep(uow.connection, [_version(envelope)])
    if isinstance(event, TicketMoved) and not work.is_nobodys(event.status, event.owner):
        await work.note_settled(uow.connection, event.ticket_id, envelope.sequence)


def _version(envelope: Envelope) -> dict[str, Any]:
    event = envelope.data
    assert isinstance(event, TicketCreated | TicketMoved | TicketClosed)
    return {
        "ticket_id": event.ticket_id,
        "call_id": event.call_id,
        "due_at": event.due_at,
        "sequence": envelope.sequence,
        **_standing(event),
    }


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
