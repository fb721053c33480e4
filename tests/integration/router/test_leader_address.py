"""What the lease's row says about where the leader is reached."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from careline_common.clock import SystemClock
from careline_common.db.migrate import upgrade
from careline_common.testing.waiting import eventually
from careline_router.runtime.lease import FloorLease

pytestmark = pytest.mark.integration

HERE, THERE = "http://192.0.2.1:8080", "http://192.0.2.2:8080"
BY_A_RELEASE_BEFORE = """
    UPDATE router.floor_lease
    SET epoch = epoch + 1, holder = 'old', expires_at = clock_timestamp() + interval '1 hour'"""


def lease(url: str, address: str | None) -> FloorLease:
    return FloorLease(
        url, schema="router", floor="x", holder="h", clock=SystemClock(), address=address
    )


@pytest_asyncio.fixture
async def migrated(database_url: str) -> AsyncIterator[str]:
    await upgrade(database_url, package="careline_router", schema="router")
    yield database_url


async def looks(url: str, own: str | None) -> str | None:
    """What a process with this address of its own is first told of the leader's."""
    seen: list[str | None] = []
    onlooker = lease(url, own)
    looking = asyncio.create_task(onlooker.acquire(seen.append, wanted=False))
    try:
        await eventually(lambda: seen)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await onlooker.release()
    return seen[0]


async def test_the_leader_is_where_he_says_until_he_gives_the_floor_up(migrated: str) -> None:
    leader = lease(migrated, THERE)
    assert await looks(migrated, HERE) is None
    await leader.acquire(lambda _: None)
    assert await looks(migrated, HERE) == THERE
    assert await looks(migrated, None) == THERE
    assert await looks(migrated, THERE) is None, "never to itself"
    await leader.release()
    assert await looks(migrated, HERE) is None


async def test_one_who_tells_no_address_does_not_inherit_the_one_before(migrated: str) -> None:
    before = lease(migrated, THERE)
    await before.acquire(lambda _: None)
    connection = await asyncpg.connect(migrated)
    await connection.execute(BY_A_RELEASE_BEFORE)
    await connection.close()
    assert await looks(migrated, HERE) is None
    await before.release()
