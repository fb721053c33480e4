"""Runs cells of the matrix: worlds side by side, in each one story after the other, checked after each."""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from careline_common.testing.ports import Ports
from matrix import evidence, plan, world
from matrix.checker import Outside, Said, check
from matrix.mutations import MUTATIONS
from matrix.people import People, at_work
from matrix.plan import Cell, Form, Plan, Step
from matrix.record import Record
from matrix.story import Pace, Story, Struck
from matrix.world import World

STORIES_A_WORLD = 12
"""Afterwards a fresh world takes over: the checker compares the whole past each time."""

WORLDS = {Form.STANDALONE: world.standalone, Form.SERVICES: world.services}


@dataclass(frozen=True, slots=True)
class Budget:
    """`worlds` run side by side, by form; `longest_hold_s` is how long a fault lasts at most."""

    seed: int
    longest_hold_s: float
    worlds: Mapping[Form, int]


@dataclass(slots=True)
class Outcome:
    """What came of it. `failures`: what the checker found, or why a story could not go on."""

    struck: list[Struck] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unreached: list[Cell] = field(default_factory=list)
    """Cells in which a story could not go on."""
    stories: int = 0
    unnoticed: list[str] = field(default_factory=list)
    """Mutations of a true account that the checker did not notice."""
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, record: Record) -> None:
        for line in record.lines:
            name = f"{line.kind} {line.what}"
            self.counts[name] = self.counts.get(name, 0) + 1


Progress = Callable[[Outcome], None]


@dataclass(slots=True)
class Bench:
    """Everything a run needs to know."""

    folder: Path
    project: Path
    kept: Path
    budget: Budget
    progress: Progress = lambda _: None
    outcome: Outcome = field(default_factory=Outcome)
    ports: Ports = field(default_factory=Ports)

    async def run(self, cells: Sequence[Cell]) -> Outcome:
        """All these cells; a failure does not keep the others from being run."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for form, count in self.budget.worlds.items():
                    waiting = plan.stories(cells, form)
                    for number in range(min(count, len(waiting))):
                        tasks.create_task(self._worlds(form, number, waiting))
        finally:
            self.ports.close()
        return self.outcome

    async def _worlds(self, form: Form, number: int, waiting: list[Plan]) -> None:
        """One world after the other, until no story waits."""
        for turn in itertools.count():
            if not waiting:
                return
            folder = self.folder / f"{form}-{number}-{turn}"
            folder.mkdir(parents=True)
            failed = len(self.outcome.failures)
            async with (
                WORLDS[form](folder, self.ports, self.project) as made,
                at_work(made) as people,
            ):
                await self._world(made, people, waiting)
            if len(self.outcome.failures) > failed:
                self._keep(folder)

    def _keep(self, folder: Path) -> None:
        """Puts the records and logs of a world in which something went wrong where they stay."""
        for file in (*folder.rglob("*.log"), *folder.rglob("*.jsonl")):
            place = self.kept / folder.name / file.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)

    async def _world(self, made: World, people: People, waiting: list[Plan]) -> None:
        """A story without faults, from which the pace is learnt, and then those that wait."""
        record, pace = Record(made.folder / "record.jsonl"), Pace()
        told: Plan = {}
        for number in range(STORIES_A_WORLD + 1):
            story = Story(
                made, people, record, pace,
                number=number, plan=told, seed=self.budget.seed,
                longest_hold_s=self.budget.longest_hold_s,
            )  # fmt: skip
            if not await self._told(made, people, record, story, told, waiting):
                return
            if not waiting:
                break
            told = waiting.pop()
        else:
            waiting.append(told)
        found = await evidence.findings(made, people, record, whole=True)
        self.outcome.failures += [f"{made.folder.name}: {finding}" for finding in found]
        if not found:
            self.outcome.unnoticed += await _unnoticed(made, people, record)
        self.outcome.count(record)

    async def _told(
        self, made: World, people: People, record: Record, story: Story, told: Plan,
        waiting: list[Plan],
    ) -> bool:  # fmt: skip
        """One story and its check; False where this world is of no more use. What a story that is stuck
        has not come to waits for another world."""
        try:
            await story.run()
            found = await evidence.findings(made, people, record, whole=False)
        except Exception as error:  # noqa: BLE001 - whatever stops a story is a finding
            found = [f"stuck: {_reason(error)}"]
        cells = [struck.cell for struck in story.struck]
        left = [told[step] for step in Step if step in told and told[step] not in cells]
        self.outcome.unreached += left[:1]
        if left[1:]:
            waiting.append({cell.step: cell for cell in left[1:]})
        self.outcome.struck += story.struck
        self.outcome.stories += 1
        last = ", ".join(map(str, [*cells[-2:], *left[:1]]))
        self.outcome.failures += [f"{made.folder.name}: {one} (in {last})" for one in found]
        self.progress(self.outcome)
        return not found


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def _unnoticed(made: World, people: People, record: Record) -> list[str]:
    """Which of the mutations of this world's true account the checker does not notice."""
    said: Said = await evidence.said_by(made, people, record, whole=True)
    outside: Outside = evidence.outside_of(made, people)
    return [
        f"{made.folder.name}: {name}"
        for name, mutate in MUTATIONS.items()
        if not check(*mutate((record, outside, said)))
    ]
