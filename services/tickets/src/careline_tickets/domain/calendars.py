"""Working time: which moments of a zone's local time are worked, and when a span of it is used up.

A moment is working time when its local wall-clock time lies in one of the windows of its local
date. So a night in which clocks go back works the repeated hour twice, and one in which they go
forward does not work the hour that is left out; nothing is ever mapped by a fixed offset.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

YEAR_DAYS = 366
DAY = timedelta(days=1)
ZERO = timedelta(0)
SECOND = timedelta(seconds=1)

_SPAN = re.compile(r"([1-9]\d{0,3})([mhd])", re.ASCII)


class NoWorkingTimeError(Exception):
    """Nothing is worked for a whole year on end, so that no working time is ever used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Working time of a day from `start` to `end`, both as wall-clock time after 00:00.

    The windows of a day stand in order and do not overlap.
    """

    start: timedelta
    end: timedelta


Windows = tuple[Window, ...]


class Unit(StrEnum):
    """Minutes and hours are working time, days are calendar days."""

    MINUTES = "m"
    HOURS = "h"
    DAYS = "d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long a clock has: `30m` and `2h` of working time, or `3d`, calendar days."""

    number: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Self:
        match = _SPAN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no span such as 30m, 2h or 3d")
        return cls(number=int(match[1]), unit=Unit(match[2]))

    @property
    def is_days(self) -> bool:
        return self.unit is Unit.DAYS

    @property
    def working_time(self) -> timedelta:
        """The working time of a span in minutes or hours."""
        assert not self.is_days
        minutes = self.number if self.unit is Unit.MINUTES else self.number * 60
        return timedelta(minutes=minutes)

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The working time of one place.

    `special` are single dates with windows of their own: holidays, which have none, and working
    dates that were moved to a day off.
    """

    zone: str
    weekly: tuple[Windows, ...]
    special: Mapping[date, Windows]

    def windows(self, day: date) -> Windows:
        found = self.special.get(day)
        return self.weekly[day.weekday()] if found is None else found

    def deadline(self, start: datetime, worked: timedelta) -> datetime:
        """The first moment at which `worked` working time has passed since `start`."""
        left = worked
        for begin, end in self._worked_from(start):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise AssertionError("working time is endless or raises")

    def before(self, end: datetime, worked: timedelta) -> datetime:
        """The last moment at which `worked` working time is still to come until `end`.

        So a warning half an hour before ten minutes past nine comes the evening before, and one ten
        minutes before it when work begins, not in the night.
        """
        left = worked
        if left <= ZERO:
            return end
        for opened, closed in self._worked_back(end):
            if left <= closed - opened:
                return closed - left
            left -= closed - opened
        raise AssertionError("working time is endless or raises")

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`, nothing when `end` is before `start`."""
        total = ZERO
        if end <= start:
            return total
        for opened, closed in self._worked_until(start, end):
            total += closed - opened
        return total

    def end_of_day(self, moment: datetime, days: int) -> datetime:
        """24:00 of the `days`-th local date after the one on which `moment` lies."""
        day = moment.astimezone(ZoneInfo(self.zone)).date()
        return self._midnight(day + timedelta(days=days + 1))

    def _worked_until(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.zone)
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        while day <= last:
            for opened, closed in self._intervals(day):
                opened, closed = max(opened, start), min(closed, end)  # noqa: PLW2901 - clipped
                if opened < closed:
                    yield opened, closed
            day += DAY

    def _worked_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = start.astimezone(ZoneInfo(self.zone)).date()
        idle = 0
        while idle <= YEAR_DAYS:
            idle += 1
            for opened, closed in self._intervals(day):
                if closed > start:
                    idle = 0
                    yield max(opened, start), closed
            day += DAY
        raise NoWorkingTimeError(f"nothing is worked in the year before {day}")

    def _worked_back(self, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = end.astimezone(ZoneInfo(self.zone)).date()
        idle = 0
        while idle <= YEAR_DAYS:
            idle += 1
            for opened, closed in reversed(tuple(self._intervals(day))):
                if opened < end:
                    idle = 0
                    yield opened, min(closed, end)
            day -= DAY
        raise NoWorkingTimeError(f"nothing is worked in the year after {day}")

    def _midnight(self, day: date) -> datetime:
        """The first moment of a local date, in UTC."""
        return datetime.combine(day, time(0), ZoneInfo(self.zone)).astimezone(UTC)

    def _intervals(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The working time of a local date as UTC intervals, in order."""
        windows = self.windows(day)
        if not windows:
            return
        wall_midnight = datetime.combine(day, time(0), UTC)
        for begin, end, offset in self._segments(day):
            for window in windows:
                opened = max(wall_midnight + window.start - offset, begin)
                closed = min(wall_midnight + window.end - offset, end)
                if opened < closed:
                    yield opened, closed

    def _segments(self, day: date) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """A local date in pieces of one UTC offset: two on the days when clocks change."""
        begin, end = self._midnight(day), self._midnight(day + DAY)
        first, last = self._offset(begin), self._offset(end - SECOND)
        if first == last:
            yield begin, end, first
            return
        before, after = begin, end - SECOND
        while after - before > SECOND:
            middle = before + (after - before) // 2
            if self._offset(middle) == first:
                before = middle
            else:
                after = middle
        change = after.replace(microsecond=0)
        yield begin, change, first
        yield change, end, last

    def _offset(self, moment: datetime) -> timedelta:
        offset = moment.astimezone(ZoneInfo(self.zone)).utcoffset()
        assert offset is not None
        return offset
