"""The story, step by step, with at most one fault in each: whatever breaks, it goes on to its end."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from story.waiting import until

from matrix import faults, floor
from matrix.calls import Call, Survey
from matrix.people import People
from matrix.plan import Cell, Plan, Step
from matrix.record import Record
from matrix.sip_calls import SipCall
from matrix.world import NAMES, World

LOW, HIGH = 2, 5
TRIES = 4
LOOKUP_S = 0.2


@dataclass(frozen=True, slots=True)
class Struck:
    """What became of one cell. `inside`: the fault began before its step had ended."""

    cell: Cell
    inside: bool
    step_s: float
    seconds: float


@dataclass(slots=True)
class Pace:
    """How long the steps take when nothing breaks, learnt from a story without faults, so that faults
    can be aimed into them."""

    typical: dict[Step, float] = field(default_factory=dict)

    def note(self, step: Step, seconds: float) -> None:
        """The shortest of the times that a step took."""
        self.typical[step] = min(seconds, self.typical.get(step, seconds))

    def offset(self, cell: Cell, seed: int) -> float:
        """When to strike, in seconds after the step has begun: drawn by the seed."""
        chance = random.Random(f"{seed} {cell}")
        return chance.uniform(0.0, 0.6) * self.typical.get(cell.step, 0.0)

    def hold_s(self, cell: Cell, seed: int, longest: float) -> float:
        """How long to hold on to it: a third or the whole of `longest`."""
        return longest * random.Random(f"hold {seed} {cell}").choice((1 / 3, 1.0))


class Story:
    """One story in a world that has seen others: `number` tells its patients and papers from theirs."""

    def __init__(
        self, world: World, people: People, record: Record, pace: Pace,
        *, number: int, plan: Plan, seed: int, longest_hold_s: float,
    ) -> None:  # fmt: skip
        self._world, self._people, self._record, self._pace = world, people, record, pace
        self._number, self._plan, self._seed = number, plan, seed
        self._longest_hold_s = longest_hold_s
        self._numbers = (f"+7900{number:05d}{patient:02d}" for patient in itertools.count())
        self.struck: list[Struck] = []

    async def run(self) -> None:
        """To the end; raises an `AssertionError` where it cannot go on."""
        await self._step(Step.CONFIGURATION, self._configure)
        survey, call, sip = await self._until_a_patient_is_asked()
        await self._step(Step.RECEIPT, survey.be_delivered)
        await self._step(Step.WRAP_UP, lambda: _both(call.wrap_up(), sip.wrap_up()))
        await self._step(Step.REPLY, lambda: survey.reply(str(LOW)))
        appeal = await self._step(Step.APPEAL, lambda: self._appeal_of(call, survey))
        run = await self._step(Step.FEED, self._feed)
        await self._step(Step.ANSWER_TO_SENDER, lambda: self._answer_to_sender(run))
        await self._step(Step.FEED_APPEALS, self._feed_appeals)
        await self._step(Step.WORK, lambda: self._work(appeal))
        await self._step(Step.CLOSE, lambda: self._close(appeal))

    async def _until_a_patient_is_asked(self) -> tuple[Survey, Call, SipCall]:
        """Two calls from their arrival to their surveys. A message whose fate is unknown is never sent
        again, so another patient calls then, and nothing breaks while he does."""
        sip = SipCall(self._world, self._people, self._record, self._people.igor, self._numbers)
        survey, call, invited = await self._call_through(self._step, sip)
        for _ in range(TRIES):
            if invited:
                return survey, call, sip
            await call.wrap_up()
            survey, call, invited = await self._call_through(_plainly, None)
        raise AssertionError("no patient is ever asked")

    async def _call_through(
        self, step: "Stepping", sip: SipCall | None
    ) -> tuple[Survey, Call, bool]:
        """A call over the webhook PBX, and beside it, step by step, one over Asterisk."""
        call = Call(self._world, self._people, self._record, self._people.anna)
        number = next(self._numbers)
        crm = self._world.outside.crm
        crm.people[number] = {"payer": "cash", "name": f"Patient {number[-4:]}"}
        for agent in (self._people.anna, self._people.igor):
            await agent.be("not_ready")
        crm.hold_back()
        arriving = asyncio.create_task(call.arrive(number))
        try:
            await step(
                Step.ARRIVAL,
                lambda: _both(_first_of(call.asked_for(), arriving), sip and sip.arrive()),
            )
            asyncio.get_running_loop().call_later(LOOKUP_S, crm.go_on)
            await step(
                Step.LOOKUP, lambda: _both(asyncio.shield(arriving), sip and sip.be_queued())
            )
        finally:
            crm.go_on()
            await asyncio.gather(arriving, return_exceptions=True)
        survey = Survey(self._world, self._people, self._record, call)
        pairs = (
            (Step.OFFER, call.be_offered, sip and sip.be_offered),
            (Step.RING, call.ring, sip and sip.ring),
            (Step.ANSWER, call.be_answered, sip and sip.be_answered),
            (Step.TALK, call.talk, sip and sip.talk),
            (Step.HANG_UP, call.hang_up, sip and sip.hang_up),
        )
        for name, one, other in pairs:
            await step(name, lambda one=one, other=other: _both(one(), other and other()))
        return survey, call, await step(Step.INVITATION, survey.invited)

    # -- the steps beside the call -----------------------------------------------------------------

    async def _configure(self) -> None:
        document = floor.addition(self._number)
        for name in NAMES:
            self._record.meant("configuration", f"{name}-{self._number}")
            await self._people.admin[name].put("/v1/config", document)
            self._record.acked("configuration", f"{name}-{self._number}", number=self._number)

    async def _appeal_of(self, call: Call, survey: Survey) -> str:
        await survey.scored(LOW)

        async def look() -> list[dict[str, Any]]:
            page = await self._people.see["tickets"].get("/v1/tickets", call_id=call.call_id)
            return list(page["items"])

        found = await until(look, bool, "the appeal of the bad score")
        appeal: str = found[0]["id"]
        return appeal

    async def _feed(self) -> str:
        """The insurer drops his file, whole or not at all; it is read to its end."""
        name, content = f"hotline-{self._number}.csv", floor.feed(self._number)
        self._record.meant("file", name, number=self._number)
        self._world.outside.insurer.put(name, content)
        self._record.acked("file", name, number=self._number)

        async def look() -> list[dict[str, Any]]:
            page = await self._people.see["ingest"].get("/v1/runs", source=floor.SOURCE, limit=200)
            return [r for r in page["items"] if (r["file"], r["status"]) == (name, "done")]

        found = await until(look, bool, "the file's run")
        run: str = found[0]["id"]
        return run

    async def _feed_appeals(self) -> None:
        wanted = set(floor.external_ids(self._number))

        async def look() -> set[str]:
            """The latest, of which there are no more than two files' worth."""
            page = await self._people.see["tickets"].get(
                "/v1/tickets", channel="insurer", limit=2 * floor.GOOD_ROWS
            )
            return {ticket["external"]["id"] for ticket in page["items"]}

        await until(look, lambda found: wanted <= found, "the appeals of the insurer's file")

    async def _answer_to_sender(self, run: str) -> None:
        """The insurer finds on his server what was made of his file."""

        async def look() -> list[dict[str, Any]]:
            answers = self._world.outside.insurer.answers().values()
            return [answer for answer in answers if answer["run"] == run]

        await until(look, bool, "the answer to the sender")

    async def _work(self, appeal: str) -> None:
        await self._act(appeal, "anna", action="take")
        await self._act(appeal, "anna", action="escalate", to_level=2)
        await self._act(appeal, "spec1", action="send_to_insurer", insurer="ins7")
        await self._act(appeal, "op7", action="insurer_answer", text="Разобрались.")

    async def _close(self, appeal: str) -> None:
        await self._act(appeal, "head", action="accept", outcome="justified")

    async def _act(self, appeal: str, who: str, **action: Any) -> None:
        door = self._people.office[who]
        path = f"/v1/tickets/{appeal}"
        ticket = await door.read(path)
        self._record.meant("action", appeal, action=action["action"])
        moved = await door.post(f"{path}/transitions", action, match=ticket["version"])
        self._record.acked("action", appeal, action=action["action"], version=moved["version"],
                           status=moved["status"])  # fmt: skip

    # -- faults ------------------------------------------------------------------------------------

    async def _step(self, step: Step, act: Callable[[], Awaitable[Any]]) -> Any:
        """Does a step, with its fault if it has one, and goes on when both are over."""
        cell = self._plan.get(step)
        clock = asyncio.get_running_loop().time
        began = clock()
        breaking = None if cell is None else asyncio.create_task(self._break(cell))
        try:
            result = await act()
        finally:
            ended = clock()
            if breaking is not None:
                wound = await breaking
        if cell is None or breaking is None:
            self._pace.note(step, ended - began)
            return result
        self.struck.append(
            Struck(cell, wound.began <= ended, ended - began, max(ended, wound.healed) - began)
        )
        return result

    async def _break(self, cell: Cell) -> faults.Wound:
        await asyncio.sleep(self._pace.offset(cell, self._seed))
        hold_s = self._pace.hold_s(cell, self._seed, self._longest_hold_s)
        return await faults.inflict(self._world.targets[cell.victim], cell.fault, hold_s)


Stepping = Callable[[Step, Callable[[], Awaitable[Any]]], Awaitable[Any]]


async def _plainly(_step: Step, act: Callable[[], Awaitable[Any]]) -> Any:
    return await act()


async def _both(one: Awaitable[None], other: Awaitable[None] | None) -> None:
    """Two things at once; with the first failure the other one is given up."""
    async with asyncio.TaskGroup() as tasks:
        for work in (one, other):
            if work is not None:
                tasks.create_task(_awaited(work))


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _first_of(one: Awaitable[None], task: "asyncio.Task[None]") -> None:
    """Ends with whichever ends first; `task` goes on."""
    other = asyncio.ensure_future(one)
    await asyncio.wait({other, task}, return_when=asyncio.FIRST_COMPLETED)
    other.cancel()
    if task.done():
        task.result()
