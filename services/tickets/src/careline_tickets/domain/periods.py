"""Weeks and months that are reported about, and when."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_AT = re.compile(r"(\w+) ([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


class Length(StrEnum):
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A week from Monday (ISO 8601) or a month; `last` is its last day."""

    length: Length
    first: date
    last: date

    @classmethod
    def of(cls, length: Length, day: date) -> Self:
        """The period that a day lies in."""
        if length is Length.WEEK:
            first = day - timedelta(days=day.weekday())
            return cls(length=length, first=first, last=first + timedelta(days=6))
        first = day.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
        return cls(length=length, first=first, last=following - timedelta(days=1))

    @classmethod
    def parse(cls, length: Length, text: str) -> Self:
        """`2026-W09`, `2026-03` or any day in it; raises ValueError."""
        week, month = _WEEK.fullmatch(text), _MONTH.fullmatch(text)
        if length is Length.WEEK and week is not None:
            return cls.of(length, date.fromisocalendar(int(week[1]), int(week[2]), 1))
        if length is Length.MONTH and month is not None:
            return cls.of(length, date(int(month[1]), int(month[2]), 1))
        return cls.of(length, date.fromisoformat(text))

    @property
    def name(self) -> str:
        if self.length is Length.MONTH:
            return f"{self.first:%Y-%m}"
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02}"

    @property
    def before(self) -> Self:
        return type(self).of(self.length, self.first - timedelta(days=1))

    @property
    def after(self) -> Self:
        return type(self).of(self.length, self.last + timedelta(days=1))

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From its first midnight up to, not including, its last."""
        return (
            datetime.combine(self.first, time(0), zone),
            datetime.combine(self.last + timedelta(days=1), time(0), zone),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """When a report is due: so many days after the period's end, at this time."""

    days: int
    at: time

    @classmethod
    def parse(cls, length: Length, text: str) -> Self:
        """`mon 08:00` for weeks, `1 08:00` (of the next month, 1 to 28) for months; raises ValueError."""
        match = _AT.fullmatch(text)
        if match is None:
            raise ValueError("give a day and a time, such as mon 08:00 or 1 08:00")
        at = time(int(match[2]), int(match[3]))
        if length is Length.WEEK:
            if match[1] not in DAYS:
                raise ValueError(f"{match[1]!r} is no weekday: {' '.join(DAYS)}")
            return cls(days=DAYS.index(match[1]), at=at)
        if not match[1].isdigit() or not 1 <= int(match[1]) <= 28:
            raise ValueError("the day of a month goes from 1 to 28")
        return cls(days=int(match[1]) - 1, at=at)

    def due(self, period: Period, zone: ZoneInfo) -> datetime:
        """The moment at which a period's report is made; in an hour that a clock change leaves out,
        just after it."""
        return datetime.combine(period.last + timedelta(days=1 + self.days), self.at, zone)

    def last_due(self, length: Length, now: datetime, zone: ZoneInfo) -> Period:
        """The latest period whose report is due."""
        period = Period.of(length, now.astimezone(zone).date()).before
        while self.due(period, zone) > now:
            period = period.before
        return period
