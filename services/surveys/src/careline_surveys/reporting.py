"""Scores as reports show them: by key and period, asked and as calls tell it, and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db import answers, contacts
from careline_surveys.db.answers import By, Group, Period
from careline_surveys.domain import comparing, scoring
from careline_surveys.domain.definitions import METRICS, Metric, Rules
from careline_surveys.domain.scoring import Tally

REPEAT = "fcr_repeat"
ReportMetric = Literal["csi", "nps", "fcr", "fcr_repeat"]

DEFINITIONS: Mapping[str, str] = {
    "csi": "Percent of the CSI answers (1 to 5) that are 4 or 5; Wilson 95 %. By day of sending.",
    "nps": (
        "Percent of the NPS answers (0 to 10) that are 9 or 10, less the percent that are 0 to 6;"
        " adjusted Wald 95 % (n + 3, ¾ to each end). By day of sending."
    ),
    "fcr": (
        "First contact resolved as patients say: percent of the answers that are yes; Wilson 95 %."
        " By day of sending."
    ),
    "fcr_repeat": (
        "First contact resolved as calls tell: percent of the calls handled by an agent after which"
        " nobody called us again from the same number within 7 days, whatever became of that call;"
        " Wilson 95 %. Calls without a number and calls that ended less than 7 days ago are not"
        " counted; that we call a patient back is no repeat. By the agent and team of the call, by"
        " day of its end."
    ),
    "response_rate_pct": "Invitations with an answer to this question, of those delivered.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is over: [begin, end), by what, in which periods of which zone."""

    by: By
    zone: ZoneInfo
    begin: datetime | None = None
    end: datetime | None = None
    period: Period | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """One score of one key in one period. FCR has what repeat calls tell of the same beside it."""

    key: str
    period: date | None
    tally: Tally
    score: scoring.Score
    response_rate_pct: float | None
    repeat: scoring.Score | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    first: ScoreLine
    second: ScoreLine
    difference: comparing.Difference


async def score_lines(
    connection: AsyncConnection, asked: Asked, metric: ReportMetric | None, now: datetime
) -> Sequence[ScoreLine]:
    """Scores for one metric, or for the three that patients are asked for."""
    if metric == REPEAT:
        return await _repeat_lines(connection, asked, now)
    lines: list[ScoreLine] = []
    for each in METRICS:
        if metric not in {None, each}:
            continue
        found = await _asked_lines(connection, asked, each)
        if each == "fcr":
            calls = {
                (line.key, line.period): line.score
                for line in await _repeat_lines(connection, asked, now)
            }
            found = [replace(line, repeat=calls.get((line.key, line.period))) for line in found]
        lines += found
    return lines


async def compared(
    connection: AsyncConnection,
    first: Asked,
    second: Asked,
    metric: ReportMetric,
    now: datetime,
) -> Comparison:
    """Two keys, or one key in two periods, each over all its time."""
    a = await _one(connection, first, metric, now)
    b = await _one(connection, second, metric, now)
    hidden = a.score.hidden or b.score.hidden
    difference = comparing.difference(metric, None if hidden else (a.tally, b.tally))
    return Comparison(first=a, second=b, difference=difference)


async def _one(
    connection: AsyncConnection, asked: Asked, metric: ReportMetric, now: datetime
) -> ScoreLine:
    lines = await score_lines(connection, asked, metric, now)
    nothing = Group(
        key=asked.key or "", period=None, tally=Tally(n=0, good=0), min_n=Rules().min_n, delivered=0,
        answered=0,
    )  # fmt: skip
    return lines[0] if lines else _line(metric, nothing)


async def _asked_lines(
    connection: AsyncConnection, asked: Asked, metric: Metric
) -> Sequence[ScoreLine]:
    found = await answers.groups(
        connection,
        by=asked.by,
        metric=metric,
        period=asked.period,
        zone=asked.zone,
        begin=asked.begin,
        end=asked.end,
        key=asked.key,
    )
    return [_line(metric, group) for group in found]


async def _repeat_lines(
    connection: AsyncConnection, asked: Asked, now: datetime
) -> Sequence[ScoreLine]:
    found = await contacts.groups(
        connection,
        by=asked.by,
        period=asked.period,
        zone=asked.zone,
        begin=asked.begin,
        end=asked.end,
        key=asked.key,
        now=now,
        min_n=Rules().min_n,
    )
    return [_line(REPEAT, group) for group in found]


def _line(metric: str, group: Group) -> ScoreLine:
    return ScoreLine(
        key=group.key,
        period=group.period,
        tally=group.tally,
        score=scoring.score(metric, group.tally, min_n=group.min_n),
        response_rate_pct=scoring.rate_pct(group.answered, group.delivered),
    )
