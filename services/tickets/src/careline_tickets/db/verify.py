"""Checks the whole journal against its own history."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.engine import Database
from careline_tickets.db import seals, tables
from careline_tickets.domain.history import START, Entry, chained, digest

BATCH = 500
REPLAYED = {
    "status": "status",
    "level": "level",
    "owner": "owner",
    "group": "group_id",
    "channel": "channel",
    "kind": "kind",
    "subject": "subject",
    "territory": "territory",
    "organisation": "organisation",
    "insurer": "insurer",
    "outcome": "outcome",
    "returns": "returns",
    "merged_into": "merged_into",
}
"""Fields of the history, and the columns that must say the same at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A place where the journal is not what its history says."""

    ticket_id: str
    version: int
    reason: str


@dataclass(slots=True)
class ChainReport:
    """What was checked; the chain holds when `breaks` is empty."""

    appeals: int = 0
    entries: int = 0
    breaks: list[Break] = field(default_factory=list)
    seals: int = 0
    broken_seals: list[int] = field(default_factory=list)
    """Numbers of seals since whose forerunner rows were taken out, put in or changed."""
    seal_hashes: set[str] = field(default_factory=set)
    last_seal: str | None = None
    """What to note outside of the database: later it must still stand there."""

    @property
    def holds(self) -> bool:
        return not self.breaks and not self.broken_seals


async def verify_chain(database: Database) -> ChainReport:
    """Recomputes every hash from the first row on, in one snapshot.

    Finds rows that were changed, taken out, put in or cut off at the end, texts that were changed
    (erased ones are no break), appeals that are not what their history leads to, and by the seals
    appeals and ends of histories that are gone without a trace.
    """
    report = ChainReport()
    async with database.read() as connection:
        async for ticket in _tickets(connection):
            report.appeals += 1
            await _check(connection, ticket, report)
        await _check_seals(connection, report)
    return report


async def _check_seals(connection: AsyncConnection, report: ChainReport) -> None:
    before = None
    for seal in await seals.every(connection):
        report.seals += 1
        report.seal_hashes.add(bytes(seal.hash).hex())
        report.last_seal = f"{seal.number} of {seal.until.isoformat()}: {bytes(seal.hash).hex()}"
        entries, hash_ = await seals.computed(connection, before, seal.until)
        in_order = seal.number == (1 if before is None else before.number + 1)
        if not in_order or (entries, hash_) != (seal.entries, bytes(seal.hash)):
            report.broken_seals.append(seal.number)
        before = seal


async def _tickets(connection: AsyncConnection) -> AsyncIterator[Row[Any]]:
    columns = tables.ticket.c
    last = ""
    while True:
        query = select(tables.ticket).where(columns.id > last).order_by(columns.id).limit(BATCH)
        rows = (await connection.execute(query)).all()
        for row in rows:
            yield row
        if len(rows) < BATCH:
            return
        last = rows[-1].id


async def _check(connection: AsyncConnection, ticket: Row[Any], report: ChainReport) -> None:
    texts = await _digests(connection, ticket.id)
    rows = await connection.execute(
        select(tables.history)
        .where(tables.history.c.ticket_id == ticket.id)
        .order_by(tables.history.c.version)
    )
    previous, version, state = START, 0, dict[str, object]()

    def broken(at: int, reason: str) -> None:
        report.breaks.append(Break(ticket_id=ticket.id, version=at, reason=reason))

    for row in rows:
        report.entries += 1
        version += 1
        if row.version != version:
            broken(version, "a row is missing")
            version = row.version
        hash_ = chained(previous, _entry(row))
        if bytes(row.previous) != previous or bytes(row.hash) != hash_:
            broken(row.version, "the row is not what was written")
        for content_id, known in row.contents.items():
            if texts.get(content_id, known) != known:
                broken(row.version, "a text was changed")
        state |= row.after
        previous = bytes(row.hash)
    if bytes(ticket.chain) != previous or ticket.version != version:
        broken(ticket.version, "the end of the history is missing")
    for name, column in REPLAYED.items():
        if state.get(name) != getattr(ticket, column):
            broken(ticket.version, f"{name} is not what the history says")


async def _digests(connection: AsyncConnection, ticket_id: str) -> dict[str, str]:
    columns = tables.content.c
    found = await connection.execute(
        select(columns.id, columns.salt, columns.body).where(columns.ticket_id == ticket_id)
    )
    return {row.id: digest(bytes(row.salt), row.body) for row in found}


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        ticket_id=row.ticket_id,
        version=row.version,
        at=row.at,
        actor=row.actor,
        action=row.action,
        before=row.before,
        after=row.after,
        contents=row.contents,
    )
