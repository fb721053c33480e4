"""The lease of a floor, and a leader who stands still in the middle of a transaction."""

import asyncio
from typing import Any

import pytest

from careline_common.clock import SystemClock
from careline_common.db.engine import ASYNCPG_ERRORS, Database
from careline_common.ids import UuidIds
from careline_router.runtime import lease

pytestmark = pytest.mark.integration


@pytest.fixture
def of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that run out soon."""
    for name, seconds in (("TTL_S", 0.6), ("MARGIN_S", 0.1), ("POLL_S", 0.05), ("STUCK_S", 0.1)):
        monkeypatch.setattr(lease, name, seconds)


def lease_of(url: str, holder: str) -> lease.FloorLease:
    return lease.FloorLease(
        url, schema="router", floor="main", holder=holder, clock=SystemClock(), address=holder
    )


@pytest.mark.usefixtures("of_a_second")
async def test_a_leader_that_stands_still_in_a_transaction_does_not_keep_others_from_leading(
    database_url: str,
) -> None:
    """Its session is ended by the server, and what it had not committed is gone.

    Fails when `FloorLease._try_to_take` ends nothing: the row stays locked for a minute.
    """
    old, new = lease_of(database_url, "old"), lease_of(database_url, "new")
    database = Database(
        database_url, schema="router", source="test", clock=SystemClock(), ids=UuidIds()
    )
    await old.acquire(lambda _: None)
    with pytest.raises(ASYNCPG_ERRORS) as lost:  # noqa: PT012 - it is its end that fails
        async with database.unit_of_work() as uow:
            await old.check(uow.connection)
            async with asyncio.timeout(20):
                await new.acquire(lambda _: None)
    assert lost.type is not TimeoutError
    with pytest.raises(lease.DeposedError):
        async with database.unit_of_work() as uow:
            await old.check(uow.connection)
    async with database.unit_of_work() as uow:
        await new.check(uow.connection)
    await new.release()
    await old.release()
    await database.close()


async def test_who_stands_by_does_not_lock_the_row_that_every_commit_reads(
    database_url: str,
) -> None:
    """Fails when `FloorLease._try_to_take` tries the upsert whether or not the lease is free."""
    leader, other = lease_of(database_url, "leader"), lease_of(database_url, "other")
    seen: asyncio.Queue[Any] = asyncio.Queue()
    database = Database(
        database_url, schema="router", source="test", clock=SystemClock(), ids=UuidIds()
    )
    await leader.acquire(lambda _: None)
    async with database.unit_of_work() as uow:
        await leader.check(uow.connection)
        standing_by = asyncio.create_task(other.acquire(seen.put_nowait))
        async with asyncio.timeout(lease.TAKE_S):
            assert await seen.get() == "leader"
        standing_by.cancel()
    await asyncio.gather(standing_by, return_exceptions=True)
    await other.release()
    await leader.release()
    await database.close()
