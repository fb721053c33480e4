"""Agents whose socket is cut off: who comes back has lost nothing, who does not goes away by himself."""

import asyncpg
import pytest

from careline_common.testing.waiting import eventually
from careline_router import presence

pytestmark = pytest.mark.integration

GRACE_S = 60


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(presence, "SETTLE_S", 0.0)
    monkeypatch.setattr(presence, "EVERY_S", 0.02)


@pytest.fixture
def noted(database_url):
    """Waits until something stands in the journal so often."""

    async def _noted(kind: str, times: int = 1) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            count = "SELECT count(*) >= $2 FROM router.journal WHERE kind = $1"
            await eventually(lambda: connection.fetchval(count, kind, times), what=kind)
        finally:
            await connection.close()

    return _noted


async def test_who_comes_back_in_time_has_kept_his_offer(router, desk, noted):
    await router.ready()
    async with desk() as socket:
        await noted("DeskConnected")
        await router.arrive()
        offer = (await socket.until("offer"))["data"]["offer"]
        seen = max(socket.numbered())
    await noted("DeskDropped")
    router.clock.advance(10)
    async with desk(after=seen) as socket:
        assert (await socket.receive())["data"]["snapshot"]["offer"]["id"] == offer["id"]
        await noted("DeskConnected", 2)
        assert (await socket.send("offer.accept", offer_id=offer["id"]))["type"] == "ack"


async def test_who_stays_away_is_not_ready_and_is_told_so_when_he_comes_back(
    router, desk, noted, database_url
):
    await router.ready()
    async with desk() as socket:
        await socket.receive()
        await noted("DeskConnected")
        seen = max(socket.numbered())
    await noted("DeskDropped")
    await router.advance(GRACE_S + 1)
    me = await eventually(lambda: gone(router))
    assert me["reason"] == "disconnected"
    told = await router.arrive()
    assert told["call"]["state"] == "queued"
    async with desk(after=seen) as socket:
        assert (await socket.until("state.changed"))["data"]["reason"] == "disconnected"
        assert (await socket.send("state.set", state="ready"))["type"] == "ack"
        await socket.until("offer")
    connection = await asyncpg.connect(database_url)
    reasons = await connection.fetch(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'reason' AS reason FROM router.outbox"
        " WHERE type LIKE 'careline.agent.state_changed.%' AND subject = 'a1' ORDER BY id"
    )
    await connection.close()
    assert "disconnected" in [row["reason"] for row in reasons]


async def gone(router):
    me = await router.me()
    return me if me["state"] == "not_ready" else None


async def test_a_new_leader_waits_for_who_was_connected_to_the_old_one(start, router, desk, noted):
    """Fails when `Presence` remembers by itself whom it has told of."""
    await router.ready()
    async with desk() as socket:
        await socket.receive()
        await noted("DeskConnected")
        await router.stop()
    async with start() as second_life:
        await noted("DeskDropped")
        await second_life.advance(GRACE_S + 1)
        assert (await eventually(lambda: gone(second_life)))["reason"] == "disconnected"
