"""A scenario: who calls, who answers, and when. Times in seconds, `_h` in hours of the day."""

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveFloat,
    ValidationError,
    model_validator,
)

SLOTS_A_DAY = 48
SLOT_S = 1800.0
DAY_S = 86_400.0
INBOUND_TARGET_S = 20.0
DEFERRABLE_TARGET_S = 900.0
SHOWN_ERRORS = 3

Share = Annotated[FiniteFloat, Field(ge=0)]
Hour = Annotated[FiniteFloat, Field(ge=0, le=24)]
Rank = Annotated[int, Field(ge=1, le=10)]


class ScenarioError(Exception):
    """A scenario cannot be used; one line says where and why."""


class _Part(BaseModel):
    """Fields that are not known are notes for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PayerShare(_Part):
    """Part of a queue's callers. `patience`: mean, None or 0 when they never give up."""

    payer: str
    share: Share
    patience: Annotated[FiniteFloat, Field(ge=0)] | None = None
    target: PositiveFloat | None = None
    weight: PositiveFloat = 1.0


class QueueLoad(_Part):
    """What comes in for one queue. `deferrable`: work that waits and counts in no service level."""

    name: str
    share: Share
    aht: PositiveFloat
    cv: Annotated[FiniteFloat, Field(ge=0)] = 0.9
    deferrable: bool = False
    payers: Annotated[tuple[PayerShare, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        _need_sum_of_one("payers", [payer.share for payer in self.payers])
        return self


class Group(_Part):
    """Agents with the same skills: queue → rank, 1 is their own skill."""

    name: str = ""
    share: Share
    skills: Annotated[dict[str, Rank], Field(min_length=1)]


class Shift(_Part):
    start: Annotated[FiniteFloat, Field(ge=0, lt=24)]
    hours: Annotated[FiniteFloat, Field(gt=0, le=24)]
    share: Share


class Surge(_Part):
    """One queue gets `factor` times its calls between two hours."""

    queue: str
    from_h: Hour
    to_h: Hour
    factor: Annotated[FiniteFloat, Field(ge=0)]


class Outage(_Part):
    """A share of the agents is off between two hours."""

    from_h: Hour
    to_h: Hour
    share: Annotated[FiniteFloat, Field(ge=0, le=1)]


class CallClass(NamedTuple):
    """Callers who differ only in when they call: one payer of one queue."""

    queue: QueueLoad
    payer: PayerShare

    @property
    def name(self) -> str:
        return f"{self.queue.name}/{self.payer.payer}"

    @property
    def share(self) -> float:
        return self.queue.share * self.payer.share

    @property
    def urgent(self) -> bool:
        """Cash or urgent, whatever the payer is called."""
        return self.payer.weight > 1

    @property
    def target_s(self) -> float:
        """Within what a call counts as answered in time: 20 s, and for work that waits its own."""
        if not self.queue.deferrable:
            return INBOUND_TARGET_S
        return self.payer.target or DEFERRABLE_TARGET_S


class Scenario(_Part):
    """One contact centre. `calls` are a day's, `horizon` the simulated seconds (a day)."""

    name: str = ""
    calls: PositiveFloat
    profile: Annotated[tuple[Share, ...], Field(min_length=SLOTS_A_DAY, max_length=SLOTS_A_DAY)]
    queues: Annotated[tuple[QueueLoad, ...], Field(min_length=1)]
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    shifts: Annotated[tuple[Shift, ...], Field(min_length=1)]
    agents_on_phone: Annotated[int, Field(ge=1)]
    breaks: bool = True
    speed_sd: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    level_factor: tuple[FiniteFloat, ...] = (0.0, 1.0, 1.08, 1.16)
    day_cv: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    slot_cv: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    salt: int | str = 0
    surges: tuple[Surge, ...] = ()
    outages: tuple[Outage, ...] = ()
    patience_dist: Literal["exp", "ln"] = "exp"
    patience_cv: PositiveFloat = 1.3
    load: PositiveFloat = 1.0
    service: Literal["lognormal", "exp"] = "lognormal"
    lines: Annotated[int, Field(ge=1)] | None = None
    horizon_s: Annotated[FiniteFloat, Field(ge=SLOT_S, le=366 * DAY_S)] = Field(
        default=DAY_S, validation_alias=AliasChoices("horizon", "horizon_s")
    )

    @cached_property
    def classes(self) -> tuple[CallClass, ...]:
        """Every class of calls, queue by queue."""
        return tuple(CallClass(queue, payer) for queue in self.queues for payer in queue.payers)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _need_sum_of_one("queues", [queue.share for queue in self.queues])
        names = [queue.name for queue in self.queues]
        _need_distinct("queues", names)
        for queue in self.queues:
            _need_distinct(f"payers of {queue.name}", [payer.payer for payer in queue.payers])
        for what, used in (
            ("groups", [skill for group in self.groups for skill in group.skills]),
            ("surges", [surge.queue for surge in self.surges]),
        ):
            for name in used:
                if name not in names:
                    raise ValueError(f"{what} name the queue {name!r}, which is not in queues")
        self._check_weights()
        return self

    def _check_weights(self) -> None:
        worst = max(rank for group in self.groups for rank in group.skills.values())
        if worst >= len(self.level_factor):
            raise ValueError(f"level_factor has no entry for rank {worst}, which groups use")
        if any(factor <= 0 for factor in self.level_factor[1:]):
            raise ValueError("level_factor must be above 0 from rank 1 on")
        for what, weights in (
            ("profile", list(self.profile)),
            ("shares of groups", [group.share for group in self.groups]),
            ("shares of shifts", [shift.share for shift in self.shifts]),
        ):
            if sum(weights) <= 0:
                raise ValueError(f"the {what} sum to 0")


def load_scenario(file: Path) -> Scenario:
    """The scenario in a JSON file; a scenario without a name is called like its file.

    Raises `ScenarioError` for a file that cannot be read and for one that is no scenario.
    """
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise ScenarioError(
            f"cannot read {file}: {error.strerror}; name a file with one scenario"
        ) from error
    except ValueError as error:
        raise ScenarioError(f"{file} is not JSON: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("scenarios"), dict):
        several = ", ".join(content["scenarios"])
        raise ScenarioError(
            f"{file} is a collection ({several}): put one of them in a file of its own"
        )
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        raise ScenarioError(f"{file}: {_in_one_line(error)}") from error
    return scenario if scenario.name else scenario.model_copy(update={"name": file.stem})


def _in_one_line(error: ValidationError) -> str:
    found = error.errors(include_url=False)
    shown = [
        f"{_path(one['loc'])}{one['msg'].removeprefix('Value error, ')}"
        for one in found[:SHOWN_ERRORS]
    ]
    more = len(found) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _path(location: tuple[int | str, ...]) -> str:
    """`("queues", 0, "share")` → `queues[0].share: `; nothing for the scenario as a whole."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".") + ": " if path else ""


def _need_sum_of_one(what: str, shares: list[float]) -> None:
    if abs(sum(shares) - 1) > 0.01:
        raise ValueError(f"the shares of {what} sum to {sum(shares):g}; they must sum to 1")


def _need_distinct(what: str, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"the {what} have the same name more than once")
