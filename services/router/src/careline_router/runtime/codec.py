"""The journal's form of events and snapshots: JSON, tolerant of fields that were added later."""

from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from careline_router.domain.events import EVENTS, Event
from careline_router.domain.floor_state import Snapshot

_ADAPTERS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in EVENTS}
_SNAPSHOT = TypeAdapter(Snapshot)


def encode(event: Event) -> tuple[str, dict[str, Any]]:
    """Kind and data of a journal row."""
    kind = type(event).__name__
    data: dict[str, Any] = _ADAPTERS[kind].dump_python(event, mode="json")
    return kind, data


def decode(kind: str, data: dict[str, Any]) -> Event:
    """The event of a journal row; raises KeyError for a kind this version does not know."""
    event: Event = _ADAPTERS[kind].validate_python(data)
    return event


def encode_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    data: dict[str, Any] = _SNAPSHOT.dump_python(snapshot, mode="json")
    return data


def decode_snapshot(data: dict[str, Any]) -> Snapshot:
    return _SNAPSHOT.validate_python(data)


def moment(seconds: float) -> datetime:
    """The floor's time as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)
