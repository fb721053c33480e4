"""A patient who calls over Asterisk, by a real SIP phone, and calls again when the line breaks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from story.waiting import until

from careline_common.testing.sipp import Phone
from matrix import floor
from matrix.calls import TALK_S
from matrix.doors import RefusedError
from matrix.people import Agent, People
from matrix.record import Record
from matrix.world import World

REDIALS = 5
CONFLICT = 409
WAITS = frozenset({"queued", "offered"})
LATE_S = 2.0
"""A caller who is answered and of whom the router knows nothing for so long waits in Asterisk's own queue."""


class DroppedError(Exception):
    """The call has ended without its parties' wish, or never came about."""


class RequeuedError(Exception):
    """The call waits in the queue again."""


class SipCall:
    """A call for which `agent` makes himself ready, and which either takes. Each step goes as far as its
    name says, by as many offers and calls as that takes."""

    def __init__(
        self, world: World, people: People, record: Record, agent: Agent, numbers: Iterator[str]
    ) -> None:
        self._world, self._people, self._record, self._agent = world, people, record, agent
        self._numbers = numbers
        self._phone: Phone | None = None
        self._phases: list[Callable[[], Awaitable[None]]] = [
            self._dial, self._queued, self._offered, self._accepted, self._connected,
        ]  # fmt: skip
        self._passed = 0
        self._past: set[str] = set()
        """Offers that came to nothing."""
        self.number = ""
        self.call_id = ""
        self._offer = ""

    async def arrive(self) -> None:
        await self._reach(1)

    async def be_queued(self) -> None:
        await self._reach(2)

    async def be_offered(self) -> None:
        await self._reach(3)

    async def ring(self) -> None:
        await self._reach(4)

    async def be_answered(self) -> None:
        await self._reach(5)

    async def talk(self) -> None:
        await asyncio.sleep(TALK_S)
        await self._reach(5)

    async def hang_up(self) -> None:
        """The caller hangs up; what counts is that the router hears of it, from whomever."""
        await self._reach(5)
        self._record.meant("hang_up", self.number)
        await self._leave()
        await until(
            self._seen, lambda call: call and call["state"] == "ended", "the end of the call"
        )
        self._record.acked("talk", self.number, call_id=self.call_id, agent=self._agent.name)

    async def wrap_up(self) -> None:
        body = {"disposition": "informed", "resolved": True}
        await self._agent.door.post(f"/v1/calls/{self.call_id}/wrap-up", body)
        self._record.acked("wrap_up", self.call_id)
        await self._agent.be("not_ready")

    # -- one call after the other ------------------------------------------------------------------

    async def _reach(self, phase: int) -> None:
        for _ in range(REDIALS):
            try:
                if self._passed:
                    await self._still()
                while self._passed < phase:
                    await self._phases[self._passed]()
                    self._passed += 1
            except RequeuedError:
                self._record.seen("requeued", self.number)
                self._past.add(self._offer)
                self._passed = self._phases.index(self._offered)
            except DroppedError as dropped:
                self._record.seen("dropped", self.number, why=str(dropped))
                await self._leave()
                # a patient calls again after a while: not five times while the router starts
                await self._agent.door.read("/v1/agents/me")
                self._passed = 0
            else:
                return
        raise AssertionError(f"{REDIALS} calls in a row were dropped")

    async def _dial(self) -> None:
        self.number, self.call_id = next(self._numbers), ""
        self._world.outside.crm.people[self.number] = {
            "payer": "insured", "name": f"Patient {self.number[-4:]}",
        }  # fmt: skip
        self._record.meant("call", self.number, pbx=floor.ASTERISK)
        try:
            self._phone = await self._world.outside.phones.call(floor.LINE, number=self.number)
        except AssertionError as error:
            raise DroppedError("nobody answers the INVITE") from error
        asked = self._world.outside.crm.asked
        await self._wait(lambda call: call or self.number in asked, "the look-up")

    async def _queued(self) -> None:
        call = await self._wait(
            lambda call: call and call["state"] in WAITS, "a place in the queue"
        )
        self.call_id = call["id"]
        self._record.acked("call", self.number, call_id=self.call_id)

    async def _offered(self) -> None:
        await self._agent.be("ready")
        await self._wait(lambda _: self._people.offered(self.call_id, self._past), "an offer")
        offered = self._people.offered(self.call_id, self._past)
        assert offered is not None
        self._agent, self._offer = offered

    async def _accepted(self) -> None:
        try:
            await self._agent.door.post(f"/v1/offers/{self._offer}/accept", {})
        except RefusedError as error:
            if error.status != CONFLICT:
                raise
            raise RequeuedError from error
        self._record.acked("accept", self._offer, call_id=self.call_id)

    async def _connected(self) -> None:
        """The agent's phone may not have been reached: then the call waits for another offer."""

        def other_offer() -> Any:
            return self._people.offered(self.call_id, {*self._past, self._offer})

        call = await self._wait(
            lambda call: call and (call["state"] in {"connected", "queued"} or other_offer()),
            "the talk",
        )
        if call["state"] != "connected":
            raise RequeuedError

    async def _still(self) -> None:
        await self._wait(lambda call: call or self._passed < 2, "the call")

    async def _wait(self, accept: Callable[[Any], Any], what: str) -> Any:
        """What is seen of the call once `accept` likes it; raises `DroppedError` when it is over."""
        loop = asyncio.get_running_loop()
        unknown_since: float | None = None

        async def look() -> Any:
            nonlocal unknown_since
            call = await self._seen()
            if call and call["state"] == "ended":
                raise DroppedError(f"ended as {call['outcome']}")
            happened = {one.what for one in self._phone.happenings} if self._phone else set()
            if happened & {"ended", "refused"}:
                raise DroppedError("the caller hears that it is over")
            lonely = call is None and "answered" in happened
            unknown_since = (unknown_since or loop.time()) if lonely else None
            if unknown_since is not None and loop.time() > unknown_since + LATE_S:
                raise DroppedError("waits in the queue of Asterisk")
            return call

        return await until(look, accept, what)

    async def _seen(self) -> dict[str, Any] | None:
        page = await self._people.see["router"].get("/v1/calls", limit=10)
        return next((call for call in page["items"] if call["caller"] == self.number), None)

    async def _leave(self) -> None:
        """The caller hangs up, whether anybody hears it or not."""
        if self._phone is None:
            return
        try:
            await self._phone.hangs_up()
        except AssertionError:
            self._phone.close()
        self._phone = None
