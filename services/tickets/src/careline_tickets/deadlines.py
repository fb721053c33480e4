"""The configuration's `deadlines`: what is promised for which appeals, and what follows on it."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from careline_common import config as common
from careline_common.config import ConfigModel, Configuration, Fault, Id
from careline_tickets.domain.calendars import Calendar, Span
from careline_tickets.domain.clocks import (
    DEFAULT,
    ClockKind,
    DeadlineRule,
    ReopenClocks,
    StepRule,
    Terms,
)
from careline_tickets.domain.policies import make_policy
from careline_tickets.domain.steps import StepAction, parse_when
from careline_tickets.domain.vocabulary import Channel, Kind

PEOPLE = frozenset({"owner", "group", "head", "expert", "insurer"})
"""Who can be told of an appeal without being named."""

_DAYS = re.compile(r"[1-9]\d{0,3}d", re.ASCII)


def _check_span(text: str) -> str:
    Span.parse(text)
    return text


def _check_when(text: str) -> str:
    parse_when(text)
    return text


def _check_days(text: str) -> str:
    if not _DAYS.fullmatch(text):
        raise ValueError(f"{text!r} is no number of calendar days such as 30d")
    return text


SpanText = Annotated[str, AfterValidator(_check_span)]
WhenText = Annotated[str, AfterValidator(_check_when)]
DaysText = Annotated[str, AfterValidator(_check_days)]


class Step(ConfigModel):
    """What happens at a moment of a clock: `80%` of its time, `-1d` or `-2h` before its end,
    `breach`, or `+1d` after it."""

    id: Id | None = None
    clock: ClockKind
    at: WhenText
    do: StepAction
    to: Id | None = None
    """Who is told or gets it: owner, group, head, expert, insurer, or a user's or group's id."""
    to_level: Annotated[int, Field(ge=1, le=3)] | None = None

    @property
    def name(self) -> str:
        return self.id or f"{self.clock}:{self.at}:{self.do}"

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.do is StepAction.ESCALATE and self.to is None and self.to_level is None:
            raise ValueError("escalate takes to_level, or to with a group's id")
        if self.do is StepAction.REASSIGN and self.to is None:
            raise ValueError("reassign takes to: group, head, or a user's or group's id")
        return self

    def rule(self) -> StepRule:
        told = "owner" if self.do is StepAction.NOTIFY else None
        return StepRule(
            id=self.name,
            clock=self.clock,
            when=parse_when(self.at),
            do=self.do,
            to=self.to or told,
            to_level=self.to_level,
        )


class Reopening(ConfigModel):
    """`within: null` is always. `clocks` says what becomes of them; see `ReopenClocks`."""

    within: DaysText | None = "30d"
    clocks: ReopenClocks = ReopenClocks.CONTINUE


class Returns(ConfigModel):
    """After `max` returns the head of department decides; `rework` is the time for each."""

    max: Annotated[int, Field(ge=0, le=100)] = 3
    rework: SpanText | None = None


class Deadline(ConfigModel):
    """Promises to the citizen: a span for each clock, for the appeals that fit the conditions."""

    id: Id
    calendar: Id
    clocks: dict[ClockKind, SpanText] = Field(min_length=1)
    calendars: dict[ClockKind, Id] = Field(default_factory=dict)
    kinds: list[Kind] = Field(default_factory=list)
    subjects: list[Id] = Field(default_factory=list)
    insurers: list[Id] = Field(default_factory=list)
    channels: list[Channel] = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list, max_length=50)
    reopen: Reopening = Reopening()
    returns: Returns = Returns()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.id == DEFAULT and (self.kinds or self.subjects or self.insurers or self.channels):
            raise ValueError("default holds for all the others: it names no conditions")
        for kind in (*self.calendars, *(step.clock for step in self.steps)):
            if kind not in self.clocks:
                raise ValueError(f"there is no clock {kind} in clocks")
        names = [step.name for step in self.steps]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two steps are {twice!r}: give each an id of its own")
        return self

    def rule(self, calendars: Mapping[str, Calendar]) -> DeadlineRule:
        """The entry as the domain works with it; its calendars are there."""
        within = self.reopen.within
        policy = make_policy(
            calendars[self.calendar],
            {kind: Span.parse(text) for kind, text in self.clocks.items()},
            calendars={kind: calendars[name] for kind, name in self.calendars.items()},
            steps=tuple(step.rule() for step in self.steps),
            terms=Terms(
                reopen_within_days=None if within is None else Span.parse(within).number,
                reopen_clocks=self.reopen.clocks,
                returns=self.returns.max,
                rework=None if self.returns.rework is None else Span.parse(self.returns.rework),
            ),
        )
        return DeadlineRule(
            name=self.id,
            policy=policy,
            kinds=frozenset(map(str, self.kinds)),
            subjects=frozenset(self.subjects),
            insurers=frozenset(self.insurers),
            channels=frozenset(map(str, self.channels)),
        )


Missing = tuple[str, Literal["calendars", "subjects", "insurers"], str]


def check_deadlines(configuration: Configuration) -> Iterator[Fault]:
    """What an entry names must be there."""
    groups = configuration.all("groups", common.Group)
    users = configuration.all("users", common.User)
    for name, deadline in configuration.all("deadlines", Deadline).items():
        for path, section, named in _named(deadline):
            if not configuration.has(section, named):
                reason = f"there is no such entry in {section}: {named!r}"
                yield Fault("deadlines", name, path, reason)
        for index, step in enumerate(deadline.steps):
            if step.to is not None and step.to not in PEOPLE | groups.keys() | users.keys():
                reason = f"{step.to!r} is no group, no user and none of {', '.join(sorted(PEOPLE))}"
                yield Fault("deadlines", name, f"steps[{index}].to", reason)


def _named(deadline: Deadline) -> Iterator[Missing]:
    yield "calendar", "calendars", deadline.calendar
    for kind, named in deadline.calendars.items():
        yield f"calendars.{kind}", "calendars", named
    for index, named in enumerate(deadline.subjects):
        yield f"subjects[{index}]", "subjects", named
    for index, named in enumerate(deadline.insurers):
        yield f"insurers[{index}]", "insurers", named
