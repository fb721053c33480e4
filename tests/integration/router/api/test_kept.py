"""A router keeps nothing of calls that are over: counted by objects, which no allocator can blur."""

import gc
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic_core import to_json

pytestmark = pytest.mark.integration

CALLS = 15
OF_THE_TESTS = (
    "careline_common.messaging.transport.OutgoingMessage",
    "careline_common.messaging.memory.MemoryTransport",
)
"""The transport of these tests keeps what it was given, so that they can look at it."""
Headers = dict[str, str]
FORGOTTEN_S = 200.0
"""After so long the floor has forgotten what was wrapped up."""


async def plays_calls(router, first: int, agent: Headers, pbx: Headers) -> None:
    """Whole stories: arrived, offered, accepted, answered, hung up, wrapped up; and then long ago."""
    for number in range(first, first + CALLS):
        name = f"p-{number}"
        told = await router.arrive(name, caller=f"+7916{number:07}")
        me = await router.client.get("/v1/agents/me", headers=agent)
        offer = me.json()["offer"]
        await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=agent)
        await router.tell("call.answered", name, offer_id=offer["id"])
        commands = await router.client.get("/v1/pbx/pbx1/commands?wait=0", headers=pbx)
        for command in commands.json()["items"]:
            done = f"/v1/pbx/pbx1/commands/{command['id']}/done"
            await router.client.post(done, json={"ok": True}, headers=pbx)
        await router.tell("call.hung_up", name, by="caller")
        answer = await router.client.post(
            f"/v1/calls/{told['call']['id']}/wrap-up",
            content=to_json({"disposition": "done", "resolved": True}),
            headers={**agent, "Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
    router.clock.advance(FORGOTTEN_S)
    await router.client.post("/v1/agents/me/session", headers=agent)


def kept() -> Counter[str]:
    """Careline's own objects by type, and how much is in their collections."""
    gc.collect()
    counts: Counter[str] = Counter()
    for each in gc.get_objects():
        kind = type(each)
        name = f"{kind.__module__}.{kind.__name__}"
        if not name.startswith("careline_") or name in OF_THE_TESTS or isinstance(each, type):
            continue
        counts[name] += 1
        slots = [slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ())]
        for attribute in {*slots, *getattr(each, "__dict__", ())}:
            held = getattr(each, attribute, None)
            if isinstance(held, dict | list | set | frozenset | deque):
                counts[f"{name}.{attribute}"] += len(held)
    return counts


@contextmanager
def only_circles() -> Iterator[Counter[str]]:
    """Our objects, and SQLAlchemy's, by type, that nobody but each other held any more after the block: they stay
    until the collector looks, and it looks the less often the better."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        names = (f"{type(each).__module__}.{type(each).__name__}" for each in gc.garbage)
        found.update(name for name in names if name.startswith(("careline_", "sqlalchemy.")))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def test_nothing_is_kept_of_calls_that_are_over(router, desk):
    """Fails when `PbxLink._forget` forgets no told media, when `FloorActor._release` forgets no contacts, and when
    `_calls_forgotten` leaves `by_pbx` as it is; and when `reading.calls_by_id` or `bookings.of_calls` asks by `in_`."""
    await router.ready("a1")
    tokens = router.agent("a1"), router.pbx
    async with desk() as socket:
        await plays_calls(router, 0, *tokens)  # whatever is made once is there after that
        before = kept()
        assert before["careline_router.domain.floor.Floor.agents"] > 0  # it looks into floors
        with only_circles() as circles:
            await plays_calls(router, CALLS, *tokens)
        more = kept() - before
        await socket.receive()
    assert {what: count for what, count in more.items() if count >= CALLS // 2} == {}
    assert {what: count for what, count in circles.items() if count >= CALLS // 2} == {}
