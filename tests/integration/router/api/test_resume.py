"""An agent's socket that is cut at any point: what he hears over all his sockets is each message once, in order."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

pytestmark = pytest.mark.integration

MOST_MISSED = 5
Step = tuple[str, int]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("happens"), st.integers(1, MOST_MISSED)),
        st.tuples(st.just("hears"), st.integers(1, MOST_MISSED)),
        st.tuples(st.sampled_from(("is cut", "closes", "is taken over")), st.just(0)),
    ),
    min_size=2,
    max_size=12,
)


class Listener:
    """The agent's desk. It goes on from the last number that it has seen, whatever message had it."""

    def __init__(self, router: Any, address: str, numbers: "itertools.count[int]") -> None:
        self.told: list[str] = []
        """The reasons of all his states, as they were set."""
        self.heard: list[tuple[int, str]] = []
        """Numbers and reasons, as they came."""
        self.numbers: list[int] = []
        self._router = router
        self._address = address
        self._reasons = numbers
        self._socket: websockets.ClientConnection | None = None
        self._left: list[websockets.ClientConnection] = []

    async def happens(self, times: int) -> None:
        for _ in range(times):
            reason = f"r{next(self._reasons)}"
            answer = await self._router.client.put(
                "/v1/agents/me/state",
                json={"state": "not_ready", "reason": reason},
                headers=self._router.agent(),
            )
            assert answer.status_code == 200
            self.told.append(reason)

    async def hears(self, most: int) -> None:
        """As many messages as there are, up to so many; on a new socket if there is none."""
        for _ in range(min(most, len(self.told) - len(self.heard))):
            await self._next()

    async def all_of_it(self) -> None:
        await self.hears(len(self.told))
        if self._socket is None:
            await self._open()
        await self.close()

    async def is_cut(self, _: int) -> None:
        """Without a word, as by a network that is gone."""
        if self._socket is not None:
            self._socket.transport.abort()
            self._left.append(self._socket)
            self._socket = None

    async def closes(self, _: int) -> None:
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    async def is_taken_over(self, _: int) -> None:
        """By a newer socket, while it is open; what the older one still hears, nobody reads."""
        if self._socket is not None:
            self._left.append(self._socket)
            self._socket = None
        await self._open()

    async def close(self) -> None:
        await self.closes(0)
        await asyncio.gather(*(socket.close() for socket in self._left))

    async def _open(self) -> None:
        answer = await self._router.client.post(
            "/v1/agents/me/ws-ticket", headers=self._router.agent()
        )
        after = f"&after={self.numbers[-1]}" if self.numbers else ""
        ticket = answer.json()["ticket"]
        self._socket = await websockets.connect(
            f"ws://{self._address}/v1/agents/me/ws?ticket={ticket}{after}", ping_interval=None
        )
        assert (await self._receive())["type"] == "resync"

    async def _next(self) -> None:
        if self._socket is None:
            await self._open()
        while (message := await self._receive())["type"] != "state.changed":
            pass
        self.heard.append((message["seq"], message["data"]["reason"]))

    async def _receive(self) -> dict[str, Any]:
        assert self._socket is not None
        async with asyncio.timeout(10):
            message: dict[str, Any] = from_json(await self._socket.recv())
        self.numbers.append(message["seq"])
        return message


def test_wherever_a_socket_is_cut_each_message_is_heard_once_and_in_order(
    database_url: str, live_router: Any, serve: Callable[..., Any], tmp_path: Path
) -> None:
    """Fails when `reading.messages` begins at `after` in place of behind it, when `Feed.start` keeps the live
    messages that the missed ones take in, and when `Numbering.behind` begins at the newest message."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        router = runner.run(stack.enter_async_context(live_router(database_url, tmp_path)))
        address = runner.run(stack.enter_async_context(serve(router.service.app)))
        reasons = itertools.count(1)

        @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
        @given(steps=steps)
        def holds(steps: list[Step]) -> None:
            runner.run(_plays(Listener(router, address, reasons), steps))

        try:
            runner.run(_logged_in(router))
            holds()
        finally:
            runner.run(stack.aclose())


async def _logged_in(router: Any) -> None:
    answer = await router.client.post("/v1/agents/me/session", headers=router.agent())
    assert answer.status_code == 201


async def _plays(desk: Listener, steps: list[Step]) -> None:
    await desk.is_taken_over(0)
    for kind, times in steps:
        await getattr(desk, kind.replace(" ", "_"))(times)
    await desk.all_of_it()
    assert [reason for _, reason in desk.heard] == desk.told
    assert desk.numbers == sorted(set(desk.numbers))
