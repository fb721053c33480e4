"""What is done to a pair of routers, and what the clients see of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import quote

from careline.bench.router_load import PBX, SECRET
from careline.bench.router_wire import bearer, document
from careline_common.http.issuer import LocalIssuer
from careline_common.testing.processes import CarelineProcess
from careline_common.testing.waiting import eventually
from router_ha.clients import LINE, Centre
from router_ha.seen import check

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`waiting` are callers who come at once just before each blow, so that some wait when it falls; `between_s`
    is how long all goes on before and after it."""

    agents: int
    calls_per_s: float
    talk_s: float
    waiting: int
    between_s: float
    seed: int


def configuration(agents: int) -> bytes:
    """One queue, whose callers are all of one class: whoever came first is served first."""
    return document(
        skills=["adult"],
        queues=[{"id": "adult", "target_s": 3600, "max_wait_s": 3600, "wrap_up_s": 60}],
        flows=[{"id": "main", "default": {"queue": "adult", "skills": {"adult": 1}}}],
        lines=[{"number": LINE, "flow": "main", "language": "ru"}],
        agents=[
            {"id": f"a{number}", "skills": {"adult": 5}, "endpoint": f"PJSIP/a{number}"}
            for number in range(agents)
        ],
        pbxs=[{"id": PBX, "kind": "webhook", "secret": SECRET}],
    )


class Trial:
    """A pair of routers, both running, under load."""

    def __init__(
        self, plan: Plan, pair: list[CarelineProcess], issuer: LocalIssuer, tasks: asyncio.TaskGroup
    ) -> None:
        self.figures: dict[str, Any] = {}
        self._plan = plan
        self._pair = pair
        self._issuer = issuer
        self._tasks = tasks
        self._random = random.Random(plan.seed)
        urls = [process.url for process in pair]
        self._centre = Centre(urls, issuer, tasks, talk_s=plan.talk_s, seed=plan.seed)

    async def run(self, *blows: str) -> list[str]:
        """Strikes with each of `blows` (`kill`, `freeze`, `update`); every fault that the clients can name."""
        centre, admin = self._centre, bearer(self._issuer.token(subject="x", roles=["admin"]))
        await centre.doors.ask("PUT", "/v1/config", admin, configuration(self._plan.agents))
        await centre.open(self._plan.agents)
        calling = self._tasks.create_task(centre.calls(self._plan.calls_per_s))
        for blow in blows:
            await self._go_on()
            self.figures[blow] = await getattr(self, f"_{blow}")()
        await self._go_on()
        calling.cancel()
        await centre.all_over(PATIENCE_S)
        calls = await self._all_calls()
        await centre.close()
        seen = centre.seen
        self.figures |= {
            "calls": len(calls),
            "offers": sum(1 for _ in seen.offers()),
            "messages": len(seen.heard),
            "asked_again": dict(sorted(seen.patience.items())),
            "errors": dict(seen.errors),
        }
        return [
            *check(seen, calls),
            *(f"error: {name}, {n} times" for name, n in seen.errors.items()),
        ]

    async def _go_on(self) -> None:
        await asyncio.sleep(self._plan.between_s * self._random.uniform(0.7, 1.3))

    # -- blows ---------------------------------------------------------------------------------

    async def _kill(self) -> dict[str, float]:
        """kill -9 of the leader; later it is started again."""
        leader = await self._leader()
        figures = await self._struck(leader, self._pair[leader].kill)
        await self._go_on()
        await self._pair[leader].start()
        return figures

    async def _freeze(self) -> dict[str, float]:
        """The leader stands still until another leads, and for a while after that; then it goes on."""
        leader = await self._leader()
        figures = await self._struck(leader, self._pair[leader].freeze)
        await self._go_on()
        await self._pair[leader].thaw()
        await eventually(lambda: self._stands_by(leader), within_s=PATIENCE_S)
        return figures

    async def _update(self) -> list[dict[str, float]]:
        """Each process is stopped in order and started anew, the leader first, as a rollout does it."""
        first = await self._leader()
        figures = []
        for number in (first, 1 - first):
            process = self._pair[number]
            figures.append(await self._struck(number, process.stop))
            await process.start()
            await self._go_on()
        return figures

    async def _struck(self, victim: int, blow: Callable[[], Awaitable[object]]) -> dict[str, float]:
        """How long after the blow, in seconds, the other process leads, and every agent and the PBX are served."""
        centre = self._centre
        for _ in range(self._plan.waiting):
            centre.call()
        await centre.acknowledged(PATIENCE_S)
        offered = {each.data["offer"]["call_id"] for each in centre.seen.offers()}
        waiting = sum(call["id"] not in offered for call in centre.seen.arrived.values())
        answered = len(centre.delays_s)
        began = perf_counter()
        striking = asyncio.ensure_future(blow())
        await eventually(lambda: self._status(1 - victim, "/leaderz"), within_s=PATIENCE_S)
        leads_s = perf_counter() - began
        await eventually(
            lambda: all(desk.back_at > began for desk in centre.desks), within_s=PATIENCE_S
        )
        await striking
        await centre.acknowledged(PATIENCE_S)
        return {
            "waiting": waiting,
            "leads_s": round(leads_s, 2),
            "agents_back_s": round(max(desk.back_at for desk in centre.desks) - began, 2),
            "slowest_arrival_s": round(max(centre.delays_s[answered:], default=0.0), 2),
        }

    # -- asking --------------------------------------------------------------------------------

    async def _status(self, number: int, path: str) -> bool:
        """Whether a process answers 200; one that stands still does not."""
        try:
            async with asyncio.timeout(0.5):
                status, _ = await self._centre.doors.wires[number].ask("GET", path)
        except (OSError, EOFError, TimeoutError):
            return False
        return status == 200

    async def _stands_by(self, number: int) -> bool:
        return await self._status(number, "/readyz") and not await self._status(number, "/leaderz")

    async def _leader(self) -> int:
        async def led() -> list[int]:
            return [number for number in (0, 1) if await self._status(number, "/leaderz")]

        return int((await eventually(led, within_s=PATIENCE_S))[0])

    async def _all_calls(self) -> list[dict[str, Any]]:
        headers = bearer(self._issuer.token(subject="boss", roles=["supervisor", "floor"]))
        calls: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self._centre.doors.ask("GET", f"/v1/calls?limit=200{cursor}", headers)
            calls += page["items"]
            if page["next"] is None:
                return calls
            cursor = f"&cursor={quote(page['next'])}"
