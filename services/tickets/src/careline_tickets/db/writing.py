"""Rows of several tables in one statement, so that an appeal is one round trip to the server.

A statement's text follows from its shape alone, and the driver prepares each shape once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.copying import driver_of
from careline_common.db.unit_of_work import OUTBOX_COLUMNS, outbox_channel, outbox_insert
from careline_tickets.db.wording import VECTOR

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows with the same columns. With `conflict` named, rows that are there take `changing` anew, where
    the condition `only` holds for them."""

    table: Table
    rows: Sequence[Values]
    conflict: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    only: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """New values of the one row with this id."""

    table: Table
    values: Values
    id: str


@dataclass(frozen=True, slots=True)
class Delete:
    """The rows with these keys for which the condition `only` holds."""

    table: Table
    keys: Sequence[Values]
    only: str


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a text: `vector` is what `wording.vector_values` made of it."""

    values: Values
    vector: tuple[str, list[str]]


@dataclass(frozen=True, slots=True)
class Events:
    """Rows of a schema's outbox; its relay hears of them once they are committed. They come last."""

    schema: str
    rows: Sequence[tuple[Any, ...]]


Part = Insert | Update | Delete | Wording | Events
_Shape = tuple[str, ...]


async def write(connection: AsyncConnection, parts: Sequence[Part]) -> None:
    """Writes all of it, or raises and writes nothing; foreign keys are checked at the end."""
    wanted = [part for part in parts if not _empty(part)]
    shapes = tuple(_shape(part) for part in wanted)
    values = [value for part in wanted for value in _values(part)]
    driver = driver_of(connection)
    await driver.execute(_statement(shapes), *values)


def _empty(part: Part) -> bool:
    match part:
        case Insert() | Events():
            return not part.rows
        case Delete():
            return not part.keys
        case _:
            return False


def _shape(part: Part) -> tuple[Any, ...]:
    match part:
        case Insert():
            columns = tuple(part.rows[0])
            upsert = (part.conflict, part.changing, part.only)
            return ("insert", part.table.fullname, columns, len(part.rows), upsert)
        case Delete():
            return ("delete", part.table.fullname, tuple(part.keys[0]), len(part.keys), part.only)
        case Update():
            return ("update", part.table.fullname, tuple(part.values))
        case Wording():
            return ("wording", tuple(part.values))
        case Events():
            return ("events", part.schema)


def _values(part: Part) -> Sequence[Any]:
    match part:
        case Insert():
            return [value for row in part.rows for value in row.values()]
        case Delete():
            return [value for key in part.keys for value in key.values()]
        case Update():
            return [*part.values.values(), part.id]
        case Wording():
            return [*part.values.values(), *part.vector]
        case Events():
            return [list(column) for column in zip(*part.rows, strict=True)]


@lru_cache(maxsize=256)
def _statement(shapes: tuple[tuple[Any, ...], ...]) -> str:
    """All parts but the last stand in a WITH; PostgreSQL carries them out in any case."""
    first, texts = 1, []
    for kind, *shape in shapes:
        text, taken = _TEXTS[kind](first, *shape)
        texts.append(text)
        first += taken
    if shapes[-1][0] == "events":
        texts.append(f"SELECT pg_notify('{outbox_channel(shapes[-1][1])}', '')")
    *before, last = texts
    named = ", ".join(f"part{number} AS ({text})" for number, text in enumerate(before))
    return f"WITH {named} {last}" if before else last


def _insert(
    first: int,
    table: str,
    columns: _Shape,
    rows: int,
    upsert: tuple[_Shape, _Shape, str],
) -> tuple[str, int]:
    conflict, changing, only = upsert
    lines, taken = _lines(first, len(columns), rows)
    text = f"INSERT INTO {table} ({_names(columns)}) VALUES {lines}"  # noqa: S608 - our own names
    if conflict:
        anew = ", ".join(f'"{name}" = excluded."{name}"' for name in changing)
        text += f" ON CONFLICT ({_names(conflict)}) DO UPDATE SET {anew}"
        text += f" WHERE {only}" if only else ""
    return text, taken


def _lines(first: int, width: int, rows: int) -> tuple[str, int]:
    """Places for so many rows, and how many places that are."""
    lines = (
        "(" + ", ".join(f"${first + row * width + at}" for at in range(width)) + ")"
        for row in range(rows)
    )
    return ", ".join(lines), width * rows


def _update(first: int, table: str, columns: _Shape) -> tuple[str, int]:
    sets = ", ".join(f'"{name}" = ${first + at}' for at, name in enumerate(columns))
    text = f"UPDATE {table} SET {sets} WHERE id = ${first + len(columns)}"  # noqa: S608 - our own names
    return text, len(columns) + 1


def _delete(first: int, table: str, columns: _Shape, rows: int, only: str) -> tuple[str, int]:
    lines, taken = _lines(first, len(columns), rows)
    text = f"DELETE FROM {table} WHERE ({_names(columns)}) IN ({lines}) AND {only}"  # noqa: S608 - our own names
    return text, taken


def _events(first: int, schema: str) -> tuple[str, int]:
    return outbox_insert(f"{schema}.outbox", first), len(OUTBOX_COLUMNS)


def _wording(first: int, columns: _Shape) -> tuple[str, int]:
    count = len(columns)
    taken = ", ".join(f"${first + at}" for at in range(count))
    vector = VECTOR.format(stemmed=f"${first + count}::text", exact=f"${first + count + 1}")
    anew = ", ".join(f"{name} = excluded.{name}" for name in (*columns, "words"))
    text = (
        f"INSERT INTO tickets.wording ({_names(columns)}, words) VALUES ({taken}, {vector})"  # noqa: S608 - our own names
        f" ON CONFLICT (ticket_id) DO UPDATE SET {anew}"
    )
    return text, count + 2


def _names(columns: _Shape) -> str:
    return ", ".join(f'"{name}"' for name in columns)


_TEXTS: Mapping[str, Callable[..., tuple[str, int]]] = {
    "insert": _insert,
    "update": _update,
    "delete": _delete,
    "wording": _wording,
    "events": _events,
}
