"""Two router processes over one PostgreSQL: whoever is asked, the leader answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from careline_common.clock import SystemClock
from careline_common.http.issuer import LocalIssuer
from careline_common.testing.processes import CarelineProcess
from careline_common.testing.waiting import eventually
from careline_router.runtime import lease
from careline_router.runtime.floor_actor import FLOOR, FloorActor

pytestmark = pytest.mark.integration


@dataclass
class Pair:
    """Both processes, and everybody who talks to a router, at each of them."""

    processes: list[CarelineProcess]
    at: list[Any]

    async def status(self, number: int, path: str) -> int:
        try:
            return int((await self.at[number].client.get(path)).status_code)
        except httpx.TransportError:
            return 0

    async def leads(self, number: int) -> bool:
        return await self.status(number, "/leaderz") == 200

    def address(self, number: int) -> str:
        return self.processes[number].url.removeprefix("http://")


@pytest_asyncio.fixture
async def pair(database_url, processes, callers) -> AsyncIterator[Pair]:
    """The first leads, the second stands by, and through it the floor was configured."""
    tokens = LocalIssuer(processes.folder / "issuer.json")
    jwks = processes.folder / "jwks.json"
    jwks.write_text(json.dumps(tokens.jwks()))
    environment = {
        "CARELINE_DATABASE_URL": database_url,
        "CARELINE_OIDC_JWKS": str(jwks),
        "CARELINE_PII_KEY": "of a test",
    }
    both = [processes.service("router", **environment) for _ in range(2)]
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=each.url, timeout=30, verify=False)
            )
            for each in both
        ]
        for each in both:
            await each.start()
        yield Pair(
            both, [callers(client=client, issuer=tokens, clock=SystemClock()) for client in clients]
        )


async def answers_or_asks_for_patience(
    ask: Callable[[], Awaitable[httpx.Response]], wanted: int
) -> None:
    """Asks until the answer is the wanted one; before it there is nothing but 503 with Retry-After."""

    async def wanted_now() -> bool:
        answer = await ask()
        if answer.status_code == 503:
            assert answer.json()["type"] == "not-ready"
            assert answer.headers["retry-after"] == "1"
            return False
        assert answer.status_code == wanted, answer.text
        return True

    await eventually(wanted_now)


async def test_all_is_done_through_a_standby_and_by_it_when_the_leader_is_killed(
    pair, configured, open_at
):
    leader, standby = pair.at
    assert [await pair.status(number, "/readyz") for number in (0, 1)] == [200, 200]
    assert [await pair.status(number, "/leaderz") for number in (0, 1)] == [200, 503]
    await configured(standby)
    assert (await standby.client.get("/v1/queues")).status_code == 401
    too_large = await standby.post_event(b"[" + b" " * (2 << 20) + b"]")
    assert too_large.status_code == 413

    early = await standby.client.put(
        "/v1/agents/me/state", json={"state": "ready"}, headers=standby.agent()
    )
    assert (early.status_code, early.json()["status"]) == (409, 409)
    await standby.client.post("/v1/agents/me/session", headers=standby.agent())
    async with open_at(standby, pair.address(1)) as desk:
        assert (await desk.send("state.set", state="ready"))["type"] == "ack"
        arrived = standby.event("call.arrived", "p-1", caller="+79161234567", line="+74950000001")
        first = await standby.post_event(arrived, webhook_id="m-1")
        again = await leader.post_event(arrived, webhook_id="m-1")
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json() == again.json()
        statuses = [
            (await standby.post_event(b"{}", webhook_id="m-2")).status_code,
            (
                await standby.post_event(arrived, webhook_id="m-3", secret="whsec_b3RoZXI=")
            ).status_code,
        ]
        assert statuses == [422, 401]
        offer = (await desk.until("offer"))["data"]["offer"]
        assert (await desk.send("offer.accept", offer_id=offer["id"]))["type"] == "ack"
        seen = max(desk.numbered())

        await pair.processes[0].kill()
        with pytest.raises(ConnectionClosed):
            await desk.until("nothing of this kind")
        assert desk.connection.close_code == 1012
    await answers_or_asks_for_patience(
        lambda: standby.client.get("/v1/agents/me", headers=standby.agent()), 200
    )
    assert await pair.leads(1)
    async with open_at(standby, pair.address(1), after=seen) as desk:
        snapshot = (await desk.receive())["data"]["snapshot"]
        assert snapshot["offer"]["id"] == offer["id"]
    answered = standby.event("call.answered", "p-1", offer_id=offer["id"])
    assert (await standby.post_event(answered)).status_code == 202


async def test_a_leader_that_stops_leaves_the_floor_first(router, start):
    async with start(leads=False) as other:
        assert (await other.client.get("/leaderz")).status_code == 503
        await router.service.hand_over()

        async def moved() -> bool:
            asked = [await each.client.get("/leaderz") for each in (router, other)]
            return [each.status_code for each in asked] == [503, 200]

        await eventually(moved)
        assert (await router.client.get("/v1/queues", headers=router.admin)).status_code == 503
        assert (await other.client.get("/v1/queues", headers=other.admin)).status_code == 200


async def test_a_floor_that_takes_longer_to_load_than_a_lease_lasts_is_led_by_who_loads_it(
    database_url, live_router, tmp_path, monkeypatch
) -> None:
    """Fails when `Leadership._lead` keeps the lease only once the floor is loaded: two processes then depose
    each other for ever."""
    for name, seconds in (("TTL_S", 0.9), ("RENEW_S", 0.2), ("MARGIN_S", 0.2), ("POLL_S", 0.05)):
        monkeypatch.setattr(lease, name, seconds)
    load = FloorActor.load

    async def slow(actor: FloorActor) -> None:
        await asyncio.sleep(2)
        await load(actor)

    monkeypatch.setattr(FloorActor, "load", slow)
    other = lease.FloorLease(
        database_url, schema="router", floor=FLOOR, holder="other", clock=SystemClock()
    )

    async def rival() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            taken = "SELECT count(*) FROM router.floor_lease"
            await eventually(lambda: connection.fetchval(taken))
        finally:
            await connection.close()
        await other.acquire(lambda _: None)

    taking = asyncio.create_task(rival())
    async with live_router(database_url, tmp_path) as running:
        assert await running.client.get("/leaderz")
        assert not taking.done()
        taking.cancel()
    await other.release()
