"""Files and held mails get the key that seals now, also those from before there were keys: so that an old key can be
dropped, and nothing lies open for being older."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import Column, Table

from careline_common.db.engine import Database
from careline_common.sealed import SealError
from careline_tickets.adapters.vault import Vault
from careline_tickets.db import sealed_files
from careline_tickets.ports import AtRest

log = structlog.get_logger(__name__)

AT_A_TIME = 5
"""They may be large, and all of them are in memory at once."""
LOOK_EVERY_S = 600.0


async def seal_anew(database: Database, vault: Vault) -> int:
    """Seals all that the present key does not; returns how many those were. Any number of these may run. Raises
    `SealError` where the keys cannot be read."""
    return sum([await _table(database, vault, *each) for each in sealed_files.SEALED])


async def _table(database: Database, vault: Vault, table: Table, content: Column[bytes]) -> int:
    key, after, count = vault.current(), "", 0
    while key is not None:
        async with database.unit_of_work() as uow:
            found = await sealed_files.sealed_otherwise(
                uow.connection, table, content, key=key, after=after, most=AT_A_TIME
            )
            for id_, kept in found:
                anew = await asyncio.to_thread(_anew, vault, kept, id_)
                if anew is not None:
                    await sealed_files.put(uow.connection, table, content, id_, anew)
                    count += 1
        if len(found) < AT_A_TIME:
            break
        after = found[-1][0]
    return count


def _anew(vault: Vault, kept: AtRest, id_: str) -> AtRest | None:
    """None for what cannot be opened: its key was dropped, or it was changed. It stays as it is, and is told."""
    try:
        return vault.anew(kept)
    except SealError as error:
        log.error("file.not_opened", id=id_, error=str(error))  # noqa: TRY400 - it has no cause
        return None


def sealing_files(database: Database, vault: Vault) -> Callable[[], Awaitable[None]]:
    async def seal() -> None:
        while True:
            await seal_anew(database, vault)
            await asyncio.sleep(LOOK_EVERY_S)

    return seal
