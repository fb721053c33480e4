"""Scores as the API shows them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from pydantic import BaseModel

from careline_surveys.domain.scoring import Score
from careline_surveys.reporting import Comparison, ScoreLine


class RepeatView(BaseModel):
    """First contact resolved as repeat calls within `window_days` tell it, over `n` calls."""

    value: float | None
    n: int
    low: float | None
    high: float | None
    hidden: bool
    window_days: int = 7

    @classmethod
    def of(cls, score: Score) -> Self:
        return cls(
            value=score.value, n=score.n, low=score.low, high=score.high, hidden=score.hidden
        )


def _figures(line: ScoreLine) -> dict[str, Any]:
    """What a score says in every form of it."""
    score = line.score
    return {
        "key": line.key,
        "metric": score.metric,
        "period": line.period,
        "value": score.value,
        "n": score.n,
        "low": score.low,
        "high": score.high,
        "response_rate_pct": line.response_rate_pct,
        "hidden": score.hidden,
    }


class ScoreView(BaseModel):
    """`low` and `high` bound the value with 95 % confidence; hidden below the survey's `min_n`.

    `period` is the first day of the day, week or month, null over all the time asked for.
    `by_repeat_calls` stands with fcr alone.
    """

    key: str
    metric: str
    period: date | None
    value: float | None
    n: int
    low: float | None
    high: float | None
    response_rate_pct: float | None
    hidden: bool
    by_repeat_calls: RepeatView | None

    @classmethod
    def of(cls, line: ScoreLine) -> Self:
        return cls(
            **_figures(line),
            by_repeat_calls=None if line.repeat is None else RepeatView.of(line.repeat),
        )


class ScoreRow(BaseModel):
    """A score as a row of a sheet: what repeat calls tell in columns beside it, and what it is."""

    key: str
    metric: str
    period: date | None
    value: float | None
    n: int
    low: float | None
    high: float | None
    response_rate_pct: float | None
    hidden: bool
    repeat_value: float | None
    repeat_n: int | None
    repeat_low: float | None
    repeat_high: float | None
    definition: str

    @classmethod
    def of(cls, line: ScoreLine, definitions: Mapping[str, str]) -> Self:
        repeat = line.repeat
        return cls(
            **_figures(line),
            repeat_value=None if repeat is None else repeat.value,
            repeat_n=None if repeat is None else repeat.n,
            repeat_low=None if repeat is None else repeat.low,
            repeat_high=None if repeat is None else repeat.high,
            definition=definitions[line.score.metric],
        )


class ScorePage(BaseModel):
    """All scores asked for; `definitions` says what each figure is."""

    items: list[ScoreView]
    next: None = None
    definitions: dict[str, str]


class DifferenceView(BaseModel):
    """First minus second in percentage points. `real`: the 95 % interval does not hold zero; null
    while either score is hidden. `test` names the method and its source."""

    value: float | None
    low: float | None
    high: float | None
    real: bool | None
    test: str


class ComparisonView(BaseModel):
    first: ScoreView
    second: ScoreView
    difference: DifferenceView
    definition: str

    @classmethod
    def of(cls, found: Comparison, definition: str) -> Self:
        difference = found.difference
        return cls(
            first=ScoreView.of(found.first),
            second=ScoreView.of(found.second),
            difference=DifferenceView(
                value=difference.value,
                low=difference.low,
                high=difference.high,
                real=difference.real,
                test=difference.test,
            ),
            definition=definition,
        )
