"""Between our messages and AMQP's."""

from datetime import UTC, datetime
from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from careline_common.events.envelope import CONTENT_TYPE
from careline_common.messaging.transport import OutgoingMessage, ParkedMessage

ATTEMPTS = "x-careline-attempts"
REASON = "x-careline-reason"
PARKED_AT = "x-careline-parked-at"
LONGEST_REASON = 500

BROKERS_REASONS = {
    "expired": "not handled in time",
    "delivery_limit": "killed its consumer too often",
}


def outgoing(message: OutgoingMessage) -> Message:
    return Message(
        message.body,
        message_id=message.event_id,
        type=message.type,
        content_type=CONTENT_TYPE,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


def attempts(message: AbstractIncomingMessage) -> int:
    """How often it was tried and failed; not the broker's count, which also counts crashes."""
    count = message.headers.get(ATTEMPTS, 0)
    return count if isinstance(count, int) else 0


def moved(message: AbstractIncomingMessage, **headers: Any) -> Message:
    """A copy for another queue, with only these headers."""
    return Message(
        message.body,
        message_id=message.message_id,
        type=message.type,
        content_type=CONTENT_TYPE,
        delivery_mode=DeliveryMode.PERSISTENT,
        headers=headers,
    )


def again(message: AbstractIncomingMessage) -> Message:
    return moved(message, **{ATTEMPTS: attempts(message) + 1})


def parked(message: AbstractIncomingMessage, reason: str, at: datetime) -> Message:
    return moved(
        message,
        **{
            ATTEMPTS: attempts(message) + 1,
            REASON: reason[:LONGEST_REASON],
            PARKED_AT: at.isoformat(),
        },
    )


def shown(consumer: str, message: AbstractIncomingMessage) -> ParkedMessage:
    """What `careline parked list` says; the broker parks by itself too and then names no attempt."""
    reason, at = message.headers.get(REASON), message.headers.get(PARKED_AT)
    death = _first_death(message)
    broker_reason, died_at = str(death.get("reason", "")), death.get("time")
    return ParkedMessage(
        consumer=consumer,
        event_id=message.message_id or "",
        type=message.type or "",
        reason=str(reason or BROKERS_REASONS.get(broker_reason, broker_reason)),
        attempts=attempts(message),
        parked_at=datetime.fromisoformat(str(at)) if at else _utc(died_at),
    )


def _first_death(message: AbstractIncomingMessage) -> dict[str, Any]:
    deaths = message.headers.get("x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        return deaths[0]
    return {}


def _utc(moment: Any) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
