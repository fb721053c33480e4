"""The journal's form of events and snapshots: JSON, tolerant of fields that were added later."""

import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from careline_common.clock import rfc3339
from careline_router.domain.event_catalogue import EVENTS
from careline_router.domain.events import Event
from careline_router.domain.snapshot import Snapshot

_ADAPTERS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in EVENTS}
_WRITERS = {kind: _ADAPTERS[kind.__name__].serializer.to_json for kind in EVENTS}
_SNAPSHOT_FIELDS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(hint) for name, hint in get_type_hints(Snapshot).items()
}
PIECE = 200


def encode(event: Event) -> tuple[str, str]:
    """Kind and data of a journal row; the data are JSON."""
    kind = type(event)
    return kind.__name__, _WRITERS[kind](event).decode()


def decode(kind: str, data: str) -> Event:
    """The event of a journal row; raises KeyError for a kind this version does not know."""
    event: Event = _ADAPTERS[kind].validate_json(data)
    return event


def snapshot_parts(snapshot: Snapshot) -> Iterator[bytes]:
    """A snapshot as JSON, in parts that take a millisecond or two each: others may have their turn in
    between."""
    before = b"{"
    for name, adapter in _SNAPSHOT_FIELDS.items():
        value = getattr(snapshot, name)
        yield before + to_json(name) + b":"
        if isinstance(value, tuple) and len(value) > PIECE:
            yield from _pieces(value, adapter)
        else:
            yield adapter.dump_json(value)
        before = b","
    yield b"}"


def _pieces(things: tuple[Any, ...], adapter: TypeAdapter[Any]) -> Iterator[bytes]:
    before = b"["
    for start in range(0, len(things), PIECE):
        yield before + adapter.dump_json(things[start : start + PIECE])[1:-1]
        before = b","
    yield b"]"


def pack(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The form in which a snapshot is kept, piece by piece: as one text of JSON it would be the largest thing that
    the process ever holds. Slow enough for a thread; it lets others run meanwhile."""
    packer = zlib.compressobj(level=1)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()


def decode_snapshot(data: bytes | str) -> Snapshot:
    """A snapshot as it was packed, or as plain JSON."""
    document = from_json(data if isinstance(data, str) else zlib.decompress(data))
    return Snapshot(
        **{
            name: _read(document[name], _SNAPSHOT_FIELDS[name])
            for name in document.keys() & _SNAPSHOT_FIELDS.keys()
        }
    )


def _read(value: Any, adapter: TypeAdapter[Any]) -> Any:
    """Long lists in pieces: pydantic lets no other thread run until it is done with one."""
    if isinstance(value, list) and len(value) > PIECE:
        pieces = (value[start : start + PIECE] for start in range(0, len(value), PIECE))
        return tuple(each for piece in pieces for each in adapter.validate_python(piece))
    return adapter.validate_python(value)


@lru_cache(
    maxsize=4096
)  # a command's time is in each of its rows, an arrival's in each of its call's
def moment(seconds: float) -> datetime:
    """The floor's time as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(maxsize=4096)
def stamp(seconds: float) -> str:
    """The floor's time as RFC 3339."""
    return rfc3339(moment(seconds))


def moment_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)
