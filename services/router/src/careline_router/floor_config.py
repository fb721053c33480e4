"""How the floor routes, as configured: its policy, its callbacks, the recipes of its queues."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from careline_common.config.models import ConfigModel, Id, SkillLevel
from careline_router.domain import specs
from careline_router.domain.policies import POLICIES
from careline_router.domain.quiet import DAY_S
from careline_router.domain.skills import SITE
from careline_router.domain.words import CallbackMode, Kind, Priority

DAY = 86_400
Seconds = Annotated[float, Field(gt=0, le=DAY)]
SecondsOrNone = Annotated[float, Field(ge=0, le=DAY)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Percent = Annotated[float, Field(gt=0, le=100)]

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class RelaxStep(ConfigModel):
    """One step of a recipe: when all its conditions hold, the call needs less. Absent is no condition."""

    after_s: SecondsOrNone = 0
    eligible_below: Count | None = None
    idle_below: Count | None = None
    queued_above: Count | None = None
    sl_below_pct: Percent | None = None
    lower_levels_by: Annotated[int, Field(ge=0, le=9)] = 0
    drop_skills: list[Id] = Field(default_factory=list)
    add_skills: dict[Id, SkillLevel] = Field(default_factory=dict)
    queue: Id | None = None
    priority: Priority | None = None

    def spec(self) -> specs.RelaxStep:
        return specs.RelaxStep(
            after_s=self.after_s,
            eligible_below=self.eligible_below,
            idle_below=self.idle_below,
            queued_above=self.queued_above,
            sl_below_pct=self.sl_below_pct,
            lower_levels_by=self.lower_levels_by,
            drop_skills=tuple(self.drop_skills),
            add_skills=dict(self.add_skills),
            queue=self.queue,
            priority=self.priority,
        )

    def faults(self, queues: Iterable[str], skills: Iterable[str]) -> Iterator[tuple[str, str]]:
        """What it names and is not there: path and reason. A skill `@SITE` is a site."""
        if self.queue is not None and self.queue not in queues:
            yield "queue", f"no queue {self.queue!r}"
        named = [(f"drop_skills[{index}]", skill) for index, skill in enumerate(self.drop_skills)]
        named += [(f"add_skills.{skill}", skill) for skill in self.add_skills]
        for path, skill in named:
            if not skill.startswith(SITE) and skill not in skills:
                yield path, f"no skill {skill!r}"


def quiet_span(text: str) -> tuple[float, float]:
    """`21:00-09:00`, which runs over midnight, in seconds from midnight; 24:00 is the day's end."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no span such as 21:00-09:00")
    hours, minutes, end_hours, end_minutes = (int(part) for part in match.groups())
    begin, end = hours * 3600.0 + minutes * 60, end_hours * 3600.0 + end_minutes * 60
    if end > DAY_S:
        raise ValueError(f"{text!r} ends after 24:00")
    if begin == end % DAY_S:
        raise ValueError(f"{text!r} begins and ends at the same time")
    return begin, end % DAY_S


class CallbackRules(ConfigModel):
    """When callers are offered a callback, and how it is kept; durations in seconds.

    Whoever presses `key` after the offer takes it. `missed_queue` is where those wait who called a
    line that was closed, if they are to be called back at all.
    """

    wait_s: Seconds = 60
    after_s: Seconds = 45
    promise_s: Seconds = 1800
    mode: CallbackMode = "defer"
    idle_min: Count = 3
    outstanding_per_busy: Annotated[float, Field(gt=0, le=1000)] = 1.5
    abandoned: bool = False
    short_abandon_s: SecondsOrNone = 5
    missed: bool = False
    missed_queue: Id | None = None
    quiet: list[str] = Field(default_factory=list)
    retry_after_s: Annotated[tuple[Seconds, ...], Field(max_length=20)] = (600.0, 3600.0)
    key: Annotated[str, Field(pattern=r"^[0-9*#]$")] = "1"

    @field_validator("quiet")
    @classmethod
    def _leaves_time(cls, texts: list[str]) -> list[str]:
        spans = [quiet_span(text) for text in texts]
        if spans and all(_is_quiet(end, spans) for _, end in spans):
            raise ValueError("the whole day is quiet: nobody could ever be called")
        return texts

    def spec(self) -> specs.CallbackRules:
        return specs.CallbackRules(
            wait_s=self.wait_s,
            after_s=self.after_s,
            promise_s=self.promise_s,
            mode=self.mode,
            idle_min=self.idle_min,
            outstanding_per_busy=self.outstanding_per_busy,
            abandoned=self.abandoned,
            short_abandon_s=self.short_abandon_s,
            missed=self.missed,
            quiet=tuple(quiet_span(text) for text in self.quiet),
            retry_after_s=self.retry_after_s,
        )


def _is_quiet(at: float, spans: Iterable[tuple[float, float]]) -> bool:
    return any((at - begin) % DAY_S < (end - begin) % DAY_S for begin, end in spans)


def _policy(name: str) -> str:
    if name not in POLICIES:
        raise ValueError(f"no policy {name!r}: one of {', '.join(POLICIES)}")
    return name


class FloorEntry(ConfigModel):
    """What holds for the whole floor. `units` is how much of an agent's capacity an item takes.

    For `presence_grace_s` seconds an agent whose desk is cut off keeps his state. With `flows_by_two` who
    has drafted a flow does not publish it; with `verify_callers` agents see the name of a caller once he
    has been verified.
    """

    policy: Annotated[str, AfterValidator(_policy)] = "careline"
    fair: bool = False
    callbacks: CallbackRules | None = None
    occupancy_cap_pct: Percent | None = None
    units: dict[Kind, Annotated[int, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    interruptible: tuple[Literal["ticket", "task", "message", "outbound"], ...] = ("ticket", "task")
    presence_grace_s: Seconds = 60
    flows_by_two: bool = False
    verify_callers: bool = False

    def spec(self) -> specs.FloorSpec:
        return specs.FloorSpec(
            policy=self.policy,
            fair=self.fair,
            callbacks=None if self.callbacks is None else self.callbacks.spec(),
            occupancy_cap_pct=self.occupancy_cap_pct,
            units=dict(self.units),
            interruptible=self.interruptible,
            presence_grace_s=self.presence_grace_s,
        )

    def faults(self, queues: Iterable[str]) -> Iterator[tuple[str, str]]:
        """What does not fit to the queues: path and reason."""
        rules = self.callbacks
        if rules is None:
            return
        if rules.missed_queue is not None and rules.missed_queue not in queues:
            yield "callbacks.missed_queue", f"no queue {rules.missed_queue!r}"
        if rules.missed and rules.missed_queue is None:
            yield "callbacks.missed", "name the queue in which they wait: missed_queue"
