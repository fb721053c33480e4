"""`careline bench engine`: what a decision costs as the floor grows.

A decision is who gets whom, for an agent who has become idle or a call that has come, with its record; the
commands around it are told as a rate of their own. Half of the queues have calls
waiting and nobody idle; in the other half agents are idle. Decisions of both kinds are taken in turns.
"""

import gc
import json
import math
import os
import platform
import sys
from collections import deque
from dataclasses import dataclass
from random import Random
from time import perf_counter_ns, process_time

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from careline.datadir import CannotError
from careline_router.domain import commands as cmd
from careline_router.domain.decisions import Match
from careline_router.domain.floor import Floor
from careline_router.domain.specs import AgentSpec, FloorSpec, QueueSpec
from careline_router.domain.states import Agent, Call

SIZES = ((500, 1_000), (5_000, 10_000), (50_000, 100_000))
QUEUES = 24
GROUPS = 64
SKILLS_A_GROUP = (1, 4)
IDLE_SHARE = 0.2
"""Of the agents of the calm half."""
WARM_UP = 500
MOST_P99_US = 15.0
MOST_EXPONENT = 0.25
LEAST_PER_S = 50_000.0
SEED = 20


class TimedFloor(Floor):
    """The floor, with a watch on every decision that ends in an offer."""

    def __init__(self) -> None:
        super().__init__()
        self.took_ns: list[int] = []

    def _choose_agent(self, call: Call) -> Match | None:
        began = perf_counter_ns()
        match = super()._choose_agent(call)
        if match is not None:
            self.took_ns.append(perf_counter_ns() - began)
        return match

    def _choose_call(self, agent: Agent) -> Match | None:
        began = perf_counter_ns()
        match = super()._choose_call(agent)
        if match is not None:
            self.took_ns.append(perf_counter_ns() - began)
        return match


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One size's figures; times in microseconds. `commands_per_s` is of all that the floor was told
    meanwhile: calls that come, phones that answer, talks that end."""

    agents: int
    waiting: int
    decision_us_mean: float
    decision_us_p99: float
    decisions_per_s: float
    commands_per_s: float


class Scene:
    """A floor of one size, kept at it while decisions are taken."""

    def __init__(self, agents: int, waiting: int) -> None:
        self.floor = TimedFloor()
        self._random = Random(SEED)  # noqa: S311 - no secret
        self._now = 1_000_000.0
        self._names = 0
        self.commands = 0
        self._busy: deque[str] = deque()
        self._calm: deque[str] = deque()
        self._do(cmd.ConfigureFloor(floor=FloorSpec(policy="careline")))
        self._do(
            cmd.ConfigureQueues(
                queues=tuple(
                    QueueSpec(id=f"q{number}", max_wait_s=7200, wrap_up_s=0)
                    for number in range(QUEUES)
                )
            )
        )
        self._staff(agents)
        for _ in range(waiting):
            self._call(self._random.randrange(QUEUES // 2))
            self._now += 600 / waiting

    def _do(self, command: cmd.Command) -> None:
        self.commands += 1
        self.floor.handle(command, self._now)

    def _staff(self, agents: int) -> None:
        """Agents in groups of one half's skills each; all at work but the idle of the calm half."""
        signatures = []
        for group in range(GROUPS):
            half = group % 2 * (QUEUES // 2)
            count = self._random.randint(*SKILLS_A_GROUP)
            queues = self._random.sample(range(half, half + QUEUES // 2), count)
            queues[0] = half + group // 2 % (QUEUES // 2)
            signatures.append({f"s{queue}": 10 - rank for rank, queue in enumerate(queues)})
        specs = tuple(
            AgentSpec(id=f"a{i}", skills=signatures[i % GROUPS], endpoint="bench", accept="auto")
            for i in range(agents)
        )
        self._do(cmd.ConfigureAgents(agents=specs))
        for i, spec in enumerate(specs):
            self._do(cmd.LogIn(agent_id=spec.id))
            self._do(cmd.SetReady(agent_id=spec.id))
            calm = i % GROUPS % 2 == 1
            if not calm or self._random.random() >= IDLE_SHARE:
                self._talk(spec)

    def _talk(self, spec: AgentSpec) -> None:
        first = min(spec.skills, key=lambda skill: -spec.skills[skill])
        self._call(int(first[1:]))

    def _call(self, queue: int) -> None:
        """A call comes; whoever is offered it answers at once."""
        self._names += 1
        name = f"c{self._names}"
        self._do(cmd.RegisterCall(call_id=name, pbx="b", pbx_call_id=name, line="1"))
        priority = "cash" if self._names % 3 == 0 else "insured"
        self._do(
            cmd.QueueCall(
                call_id=name,
                queue=f"q{queue}",
                skills={f"s{queue}": 1},
                priority="cash" if priority == "cash" else "insured",
            )
        )
        self._answer(name)

    def _answer(self, name: str) -> None:
        call = self.floor.calls[name]
        if call.offer is not None:
            self._do(cmd.PhoneAnswered(offer_id=call.offer))
            half = int((call.queue or "q0")[1:]) < QUEUES // 2
            (self._busy if half else self._calm).append(name)

    def step(self) -> None:
        """A talk of each half ends and a call comes to each: two decisions."""
        self._now += 0.01
        if self._busy:
            self._do(cmd.HangUp(call_id=self._busy.popleft(), by="caller"))
            for offer in list(self.floor.offers.values()):
                self._answer(offer.call)
            self._call(self._random.randrange(QUEUES // 2))
        if self._calm:
            self._do(cmd.HangUp(call_id=self._calm.popleft(), by="caller"))
        self._call(self._random.randrange(QUEUES // 2, QUEUES))


def measure(agents: int, waiting: int, decisions: int) -> Size:
    """Takes so many decisions on a floor of this size."""
    scene = Scene(agents, waiting)
    for _ in range(WARM_UP):
        scene.step()
    floor = scene.floor
    floor.took_ns.clear()
    scene.commands = 0
    gc.collect()
    gc.freeze()
    began = process_time()
    while len(floor.took_ns) < decisions:
        scene.step()
        floor.take_decisions()
    spent = process_time() - began
    gc.unfreeze()
    took = sorted(floor.took_ns)
    mean_us = sum(took) / len(took) / 1000
    return Size(
        agents=agents,
        waiting=waiting,
        decision_us_mean=round(mean_us, 2),
        decision_us_p99=round(took[math.ceil(0.99 * len(took)) - 1] / 1000, 2),
        decisions_per_s=round(1e6 / mean_us),
        commands_per_s=round(scene.commands / spent),
    )


def measure_and_tell(*, decisions: int, rounds: int, as_json: bool) -> None:
    """Measures all sizes in turns, takes the median round of each, and prints a table or JSON.

    Raises `CannotError` when a limit is missed.
    """
    measured: list[list[Size]] = [[] for _ in SIZES]
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("decisions", total=rounds * len(SIZES))
        for _ in range(rounds):
            for found, (agents, waiting) in zip(measured, SIZES, strict=True):
                found.append(measure(agents, waiting, decisions))
                bar.update(task, advance=1)
    sizes = [
        sorted(found, key=lambda size: size.decision_us_mean)[len(found) // 2] for found in measured
    ]
    growth = sizes[-1].decision_us_mean / sizes[0].decision_us_mean
    exponent = round(math.log(growth) / math.log(SIZES[-1][0] / SIZES[0][0]), 3)
    limits = {
        f"p99 at 5,000 agents <= {MOST_P99_US:g} us": sizes[1].decision_us_p99 <= MOST_P99_US,
        f"exponent <= {MOST_EXPONENT:g}": exponent <= MOST_EXPONENT,
        f">= {LEAST_PER_S:,.0f} decisions/s": min(s.decisions_per_s for s in sizes) >= LEAST_PER_S,
    }
    result = {
        "record": "on",
        "sizes": [{name: getattr(size, name) for name in Size.__slots__} for size in sizes],
        "exponent": exponent,
        "queues": QUEUES,
        "groups": GROUPS,
        "rounds": rounds,
        "runs": rounds,
        "decisions_a_round": decisions,
        "machine": {
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "load": round(os.getloadavg()[0], 1),
        },
        "limits_met": limits,
    }
    if as_json:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        _show(sizes, exponent)
    missed = [name for name, met in limits.items() if not met]
    if missed:
        raise CannotError(f"missed: {'; '.join(missed)}")


def _show(sizes: list[Size], exponent: float) -> None:
    table = Table(title=f"decisions, record on; growth exponent {exponent}")
    for heading in ("agents", "waiting", "mean us", "p99 us", "decisions/s", "commands/s"):
        table.add_column(heading, justify="right")
    for size in sizes:
        table.add_row(
            f"{size.agents:,}",
            f"{size.waiting:,}",
            f"{size.decision_us_mean:.1f}",
            f"{size.decision_us_p99:.1f}",
            f"{size.decisions_per_s:,}",
            f"{size.commands_per_s:,}",
        )
    Console().print(table)
