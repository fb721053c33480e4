"""Answers that are kept with their effect, where that is committed elsewhere than by the floor.

The floor does the same for its own commands, many at once (`runtime.work`).
"""

from typing import Any

from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import find_answer, lock_key, store_answer
from careline_router.ports import AlreadyAnswered, Receipt


async def look(database: Database, receipt: Receipt | None) -> None:
    """Raises `AlreadyAnswered` for a request that was answered before, `KeyReusedError` for another under its key."""
    if receipt is None:
        return
    async with database.read() as connection:
        found = await find_answer(connection, receipt.scope, receipt.key, receipt.fingerprint)
    if found is not None:
        raise AlreadyAnswered(found)


async def claim(uow: UnitOfWork, receipt: Receipt | None) -> None:
    """As `look`, within the transaction of the effect: of two equal requests at once the second waits for the first."""
    if receipt is None:
        return
    await lock_key(uow.connection, receipt.scope, receipt.key)
    found = await find_answer(uow.connection, receipt.scope, receipt.key, receipt.fingerprint)
    if found is not None:
        raise AlreadyAnswered(found)


async def keep(uow: UnitOfWork, receipt: Receipt | None, result: Any) -> None:
    """Keeps the answer that `result` makes."""
    if receipt is not None:
        await store_answer(
            uow.connection,
            receipt.scope,
            receipt.key,
            receipt.fingerprint,
            receipt.render(result),
            at=uow.clock.now(),
        )
