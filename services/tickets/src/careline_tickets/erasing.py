"""Erasing a person from the journal: at once where an appeal is closed, else once it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.db import persons
from careline_tickets.db.persons import PersonKeys
from careline_tickets.mail_holding import forget_held

AT_A_TIME = 200
LOOK_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An open appeal, which cannot be answered without the person."""

    number: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    appeals: int = 0
    texts: int = 0
    held_mails: int = 0
    waiting: tuple[Waiting, ...] = field(default=())


async def erase(uow: UnitOfWork, keys: PersonKeys) -> Erased:
    """Erases whoever has this number or mail address. Again changes nothing."""
    found = await persons.appeals_of(uow.connection, keys, lock=True)
    done = [row["id"] for row in found if row["done"]]
    texts = await persons.erase(uow.connection, done) if done else 0
    waiting = [row for row in found if not row["done"]]
    mails = 0 if keys.address is None else await forget_held(uow, keys.address)
    await persons.erase_later(uow.connection, [row["id"] for row in waiting], uow.clock.now())
    return Erased(
        appeals=len(done), texts=texts, held_mails=mails, waiting=tuple(map(_waiting, waiting))
    )


def _waiting(row: Mapping[str, Any]) -> Waiting:
    return Waiting(number=row["number"], due_at=row["due_at"])


async def finish(database: Database) -> int:
    """Erases what has been waited for and is closed now; returns how many appeals that were."""
    async with database.unit_of_work() as uow:
        ready = await persons.erasable(uow.connection, AT_A_TIME)
        if ready:
            await persons.erase(uow.connection, ready)
    return len(ready)


async def keep_finishing(database: Database) -> None:
    """Every minute, until cancelled."""
    while True:
        while await finish(database) == AT_A_TIME:
            pass
        await asyncio.sleep(LOOK_EVERY_S)
