"""Calls turned into appointments: the figure by which a chain of clinics lives."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from careline_common.db.engine import Database
from careline_router.db.conversions import By, conversions
from careline_router.domain.proportions import wilson_pct
from careline_router.views import Viewer


class ConversionSheetRow(BaseModel):
    """As in JSON; `reasons` is `word: calls`, with semicolons between them."""

    key: str | None
    answered: int
    wanted: int
    booked: int
    conversion_pct: float | None
    low_pct: float | None
    high_pct: float | None
    of_wanted_pct: float | None
    reasons: str


class ConversionRow(BaseModel):
    """The calls with one key that agents had; null is the key of calls that have none (of `clinic`: in which
    none was spoken of).

    `wanted` is in how many an appointment was spoken of: one was ordered, or the wrap-up says what came of
    it. `conversion_pct` is booked of answered, with its 95 % Wilson interval; `of_wanted_pct` booked of
    wanted; `reasons` why the others were not booked, by word.
    """

    key: str | None
    answered: int
    wanted: int
    booked: int
    conversion_pct: float | None
    low_pct: float | None
    high_pct: float | None
    of_wanted_pct: float | None
    reasons: dict[str, int]

    def for_sheet(self) -> ConversionSheetRow:
        reasons = "; ".join(f"{word}: {calls}" for word, calls in self.reasons.items())
        return ConversionSheetRow(**{**self.model_dump(), "reasons": reasons})


@dataclass(slots=True)
class _Count:
    answered: int = 0
    wanted: int = 0
    booked: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


async def conversion_rows(
    database: Database, viewer: Viewer, by: By, since: datetime, until: datetime
) -> list[ConversionRow]:
    """By key. Of agents and teams a supervisor sees his own."""
    limited = by in {"agent", "team"} and not (viewer.everything or viewer.overview)
    async with database.read() as connection:
        counted = await conversions(
            connection,
            by,
            since,
            until,
            only_teams=sorted(viewer.teams) if limited else None,
        )
    return _rows(counted)


def _rows(counted: Sequence[Row[*tuple[Any, ...]]]) -> list[ConversionRow]:
    counts: dict[str | None, _Count] = {}
    for row in counted:
        count = counts.setdefault(row.key, _Count())
        count.answered += row.calls
        count.wanted += row.calls if row.wanted else 0
        count.booked += row.calls if row.booked else 0
        if row.reason and not row.booked:
            count.reasons[row.reason] = count.reasons.get(row.reason, 0) + row.calls
    return [_row(key, counts[key]) for key in _sorted(counts)]


def _sorted(keys: Iterable[str | None]) -> list[str | None]:
    return sorted(keys, key=lambda key: (key is None, key or ""))


def _row(key: str | None, count: _Count) -> ConversionRow:
    share, low, high = wilson_pct(count.booked, count.answered)
    of_wanted, _, _ = wilson_pct(count.booked, count.wanted)
    return ConversionRow(
        key=key,
        answered=count.answered,
        wanted=count.wanted,
        booked=count.booked,
        conversion_pct=share,
        low_pct=low,
        high_pct=high,
        of_wanted_pct=of_wanted,
        reasons=dict(sorted(count.reasons.items())),
    )
