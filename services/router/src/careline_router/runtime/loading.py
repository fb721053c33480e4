"""A floor as it stands in the database: the last snapshot, and what the journal has after it."""

import asyncio
from dataclasses import dataclass

from careline_common.db.engine import Database
from careline_router.db import repository
from careline_router.domain.floor import Floor
from careline_router.runtime.codec import decode, decode_snapshot
from careline_router.runtime.contacts import Contact
from careline_router.runtime.projection import Numbers

PAGE = 5_000
BREATH = 500
"""After so many events others have a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """`snapshot_seq` is where the snapshot stands in the journal: 0 when there is none."""

    floor: Floor
    numbers: Numbers
    snapshot_seq: int
    contacts: dict[str, Contact]


def _restored(snapshot: bytes | str) -> Floor:
    """For a thread of its own: others have a turn now and then."""
    return Floor.restore(decode_snapshot(snapshot))


async def load_floor(database: Database, floor_id: str) -> Loaded:
    """Reads a floor, all of it as of one moment."""
    floor, seq = Floor(), 0
    async with database.read() as connection:
        found = await repository.read_snapshot(connection, floor_id)
        if found is not None:
            seq = found[0]
            floor = await asyncio.to_thread(_restored, found[1])
        snapshot_seq = seq
        while rows := await repository.read_journal(connection, floor_id, after=seq, limit=PAGE):
            for place, (number, kind, data) in enumerate(rows):
                floor.apply(decode(kind, data))
                seq = number
                if place % BREATH == 0:
                    await asyncio.sleep(0)  # the lease must be kept meanwhile
        messages = await repository.read_message_numbers(connection)
        contacts = await repository.read_open_contacts(connection)
    return Loaded(
        floor=floor,
        numbers=Numbers(journal=seq, messages=messages),
        snapshot_seq=snapshot_seq,
        contacts={
            row.call_id: Contact(phone=row.phone, name=row.name, attributes=row.attributes)
            for row in contacts
        },
    )
