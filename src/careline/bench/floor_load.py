"""A floor at work, for the benchmarks: a real router's parts over a real database, and callers who live
whole call stories on it, many at once.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter

from pydantic import SecretStr

from careline_common.clock import SystemClock
from careline_common.db.migrate import upgrade
from careline_common.ids import UuidIds
from careline_common.observability.metrics import MetricsRegistry
from careline_router.app import PACKAGE, build
from careline_router.db.tables import SCHEMA
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event, OfferMade
from careline_router.domain.specs import AgentSpec, QueueSpec
from careline_router.intake import contact_of
from careline_router.runtime.projection import Projection
from careline_router.settings import RouterSettings
from careline_router.usecases.parts import Parts

QUEUES = ("adult", "child", "vip", "dental")
PBX = "pbx1"
LINE = "+74950000001"
CRM = {
    "status": "found",
    "reason": None,
    "cached": False,
    "payer": "insured",
    "insurance": "DMS-100",
    "insurer": "alfa",
    "policy_state": "active",
    "vip": False,
    "language": "ru",
    "last_agent": None,
}
"""What a CRM says of a caller and every call's record keeps."""
GIVES_UP_EVERY = 16
"""Every so many callers one hangs up before an agent has taken the call."""
COMMANDS_A_CALL = 6


class FloorLoad:
    """Agents at work and callers with their stories; `commands` counts what was acknowledged."""

    def __init__(self, parts: Parts, *, agents: int, callers: int) -> None:
        self.commands = 0
        self.parts = parts
        self._actor = parts.actor
        self._agents = agents
        self._callers = callers
        self._numbers = itertools.count(1)
        self._offers: dict[str, asyncio.Future[OfferMade]] = {}
        self._going_on = False
        self._actor.on_committed(self._see_offers)

    async def open(self) -> None:
        """Configures the floor, logs everybody in and sets them ready."""
        queues = tuple(QueueSpec(id=name) for name in QUEUES)
        specs = tuple(self._spec(number) for number in range(self._agents))
        await self._submit(cmd.ConfigureQueues(queues=queues))
        await self._submit(cmd.ConfigureAgents(agents=specs))
        await asyncio.gather(*(self._come(spec.id) for spec in specs))

    def _spec(self, number: int) -> AgentSpec:
        """Two queues each, in six skill signatures."""
        pair = list(itertools.combinations(QUEUES, 2))[number % 6]
        skills = {queue: 3 + (number + place) % 3 for place, queue in enumerate(pair)}
        name = f"a{number}"
        return AgentSpec(id=name, team=f"t{number % 20}", skills=skills, endpoint=f"PJSIP/{name}")

    async def _come(self, agent_id: str) -> None:
        await self._submit(cmd.LogIn(agent_id=agent_id))
        await self._submit(cmd.SetReady(agent_id=agent_id))

    async def run(self, seconds: float) -> float:
        """Lets all callers call again and again for so long; gives acknowledged commands/s."""
        self._going_on = True
        callers = [asyncio.create_task(self._caller()) for _ in range(self._callers)]
        began, before = perf_counter(), self.commands
        await asyncio.sleep(seconds)
        rate = (self.commands - before) / (perf_counter() - began)
        self._going_on = False
        await asyncio.gather(*callers)
        return rate

    async def _caller(self) -> None:
        while self._going_on:
            await self._story(next(self._numbers))

    async def _story(self, number: int) -> None:
        """Arrives, is queued, offered, taken, connected, hangs up; the agent wraps up."""
        call_id = self.parts.ids.new()
        queue = QUEUES[number % len(QUEUES)]
        self.parts.contacts.put(call_id, contact_of(f"+7916{number:07d}", {}))
        await self._submit(
            cmd.RegisterCall(call_id=call_id, pbx=PBX, pbx_call_id=f"c-{call_id}", line=LINE)
        )
        offered = self._offers[call_id] = asyncio.get_running_loop().create_future()
        await self._submit(
            cmd.QueueCall(
                call_id=call_id, queue=queue, skills={queue: 1}, priority="insured",
                payer="insured", insurance="DMS-100", language="ru", flow="main", flow_version=3, crm=CRM,
            )
        )  # fmt: skip
        if number % GIVES_UP_EVERY == 0:
            await self._submit(cmd.HangUp(call_id=call_id, by="caller"))
        else:
            await self._talk(call_id, await offered)
        del self._offers[call_id]
        self.parts.contacts.forget(call_id)

    async def _talk(self, call_id: str, offer: OfferMade) -> None:
        await self._submit(cmd.AcceptOffer(agent_id=offer.agent_id, offer_id=offer.offer_id))
        await self._submit(cmd.PhoneAnswered(offer_id=offer.offer_id))
        await self._submit(cmd.HangUp(call_id=call_id, by="caller"))
        await self._submit(cmd.CompleteWrapUp(agent_id=offer.agent_id, call_id=call_id))

    async def _submit(self, command: cmd.Command) -> None:
        self._told(command, await self._actor.submit(command))

    def _told(self, command: cmd.Command, events: Sequence[Event]) -> None:
        """Whoever has submitted a command knows now that it stands, and what it has brought about."""
        self.commands += 1

    def _see_offers(self, batch: Projection) -> None:
        for event in batch.events:
            if isinstance(event, OfferMade):
                waiting = self._offers.get(event.call_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(event)


@asynccontextmanager
async def floor_at_work(
    url: str, *, agents: int, callers: int, kind: Callable[..., FloorLoad] = FloorLoad
) -> AsyncIterator[FloorLoad]:
    """A router that leads a floor in this database, as a router process would."""
    await upgrade(url, package=PACKAGE, schema=SCHEMA)
    settings = RouterSettings(database_url=SecretStr(url), pii_key=SecretStr("benchmark"))
    parts, lease = build(settings, MetricsRegistry("router"), SystemClock(), UuidIds())
    try:
        await lease.acquire(lambda _: None)
        await parts.actor.load()
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(lease.keep(), name="floor.lease"),
                tasks.create_task(parts.actor.run(), name="floor.actor"),
            ]
            await parts.actor.started()
            load = kind(parts, agents=agents, callers=callers)
            await load.open()
            yield load
            for each in running:
                each.cancel()
    finally:
        await lease.release()
        await parts.close()
