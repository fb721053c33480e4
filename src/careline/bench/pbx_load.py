"""The same floor, and callers whose PBX tells what happens: by the router's use cases, with receipts."""

import asyncio
from typing import Any

from careline.bench.floor_load import GIVES_UP_EVERY, QUEUES, FloorLoad
from careline_common.config import ConfigStore
from careline_router.api.pbx_events import render
from careline_router.config import SECTIONS, cross_check
from careline_router.domain import commands as cmd
from careline_router.domain.events import OfferMade
from careline_router.ports import Arrival, Receipt
from careline_router.runtime.projection import Projection
from careline_router.service import RouterService
from careline_router.usecases.parts import Parts

PBX = "pbx2"
LINES = {queue: f"+7495000000{number}" for number, queue in enumerate(QUEUES)}
FINGERPRINT = b"\0" * 32


class PbxLoad(FloorLoad):
    """Arrivals, answers and hang-ups come as a PBX's events; what agents do comes as before."""

    def __init__(self, parts: Parts, *, agents: int, callers: int) -> None:
        super().__init__(parts, agents=agents, callers=callers)
        self._service = RouterService(parts)

    async def open(self) -> None:
        """Has lines, flows and the agents configured; those are at work already."""
        store = ConfigStore(
            self.parts.database, SECTIONS, clock=self.parts.clock, cross_check=cross_check
        )
        store.on_applied(self._service.configuration_changed)
        await store.apply(self._configuration())

    def _configuration(self) -> dict[str, Any]:
        specs = [self._spec(number) for number in range(self._agents)]
        return {
            "skills": list(QUEUES),
            "queues": [{"id": queue} for queue in QUEUES],
            "flows": [
                {"id": queue, "default": {"queue": queue, "skills": {queue: 1}}} for queue in QUEUES
            ],
            "lines": [{"number": number, "flow": queue} for queue, number in LINES.items()],
            "agents": [
                {"id": spec.id, "skills": dict(spec.skills), "endpoint": spec.endpoint}
                for spec in specs
            ],
            "pbxs": [{"id": PBX, "kind": "webhook", "secret": "whsec_c2VjcmV0"}],
        }

    async def _story(self, number: int) -> None:
        name, line = self.parts.ids.new(), LINES[QUEUES[number % len(QUEUES)]]
        arrival = Arrival(pbx_call_id=name, caller=f"+7916{number:07d}", line=line)
        answer = await self._service.call_arrived(PBX, arrival, receipt=self._receipt())
        self.commands += 2
        offered = self._waiting_for(answer.call.id)
        if number % GIVES_UP_EVERY:
            await self._talk_at(name, answer.call.id, await offered)
        else:
            await self._service.hung_up(PBX, name, "caller", receipt=self._receipt())
            self.commands += 1
        del self._offers[answer.call.id]

    async def _talk_at(self, name: str, call_id: str, offer: OfferMade) -> None:
        await self._submit(cmd.AcceptOffer(agent_id=offer.agent_id, offer_id=offer.offer_id))
        await self._service.call_answered(PBX, name, offer.offer_id, receipt=self._receipt())
        await self._service.hung_up(PBX, name, "caller", receipt=self._receipt())
        self.commands += 2
        await self._submit(cmd.CompleteWrapUp(agent_id=offer.agent_id, call_id=call_id))

    def _receipt(self) -> Receipt:
        key = self.parts.ids.new()
        return Receipt(scope=f"signed:{PBX}", key=key, fingerprint=FINGERPRINT, render=render)

    def _waiting_for(self, call_id: str) -> "asyncio.Future[OfferMade]":
        """The first offer of a call, whether it has been made already or not."""
        future = self._offers.get(call_id)
        if future is None:
            future = self._offers[call_id] = asyncio.get_running_loop().create_future()
        return future

    def _see_offers(self, batch: Projection) -> None:
        calls = self._actor.floor.calls
        for event in batch.events:
            if isinstance(event, OfferMade) and calls[event.call_id].pbx == PBX:
                offered = self._waiting_for(event.call_id)
                if not offered.done():
                    offered.set_result(event)
