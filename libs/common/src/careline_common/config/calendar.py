"""Working time: which minutes of which days are worked."""

import itertools
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator

from careline_common.config.models import ConfigModel, Id, ZoneName

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
YEAR_DAYS = 366

Opening = Literal["open", "closed", "holiday"]

_WINDOW = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


class Window(NamedTuple):
    """From `start` up to, not including, `end`; both in minutes after local midnight."""

    start: int
    end: int


def parse_windows(texts: Any) -> tuple[Window, ...]:
    """Reads `["09:00-13:00", "14:00-18:00"]`, in order of time; raises ValueError."""
    if not isinstance(texts, list | tuple):
        raise ValueError("give a list of windows such as 09:00-13:00")  # noqa: TRY004 - pydantic
    windows = sorted(_parse_window(text) for text in texts)
    for before, after in itertools.pairwise(windows):
        if after.start < before.end:
            raise ValueError(f"{_text(before)} and {_text(after)} overlap")
    return tuple(windows)


def _parse_window(text: Any) -> Window:
    match = _WINDOW.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no window such as 09:00-13:00")
    hours, minutes, end_hours, end_minutes = (int(part) for part in match.groups())
    window = Window(hours * 60 + minutes, end_hours * 60 + end_minutes)
    if minutes > 59 or end_minutes > 59 or window.end > DAY_MINUTES:
        raise ValueError(f"{text!r} is no time of a day")
    if window.start >= window.end:
        raise ValueError(f"{text!r} runs backwards")
    return window


def _text(window: Window) -> str:
    start, end = window
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


class Calendar(ConfigModel):
    """Windows by weekday, with days that are closed and days that are worked after all.

    A `working` date takes its own windows, or else those of its weekday, or else Monday's.
    """

    id: Id
    zone: ZoneName
    weekly: dict[str, list[str]] = Field(default_factory=dict)
    closed: list[date] = Field(default_factory=list)
    working: list[date] | dict[date, list[str]] = Field(default_factory=list)

    @field_validator("weekly")
    @classmethod
    def _check_weekly(cls, weekly: dict[str, list[str]]) -> dict[str, list[str]]:
        for day, texts in weekly.items():
            if day not in DAYS:
                raise ValueError(f"{day!r} is no weekday: {' '.join(DAYS)}")
            _windows_of(day, texts)
        return weekly

    @field_validator("working")
    @classmethod
    def _check_working(cls, working: Any) -> Any:
        if isinstance(working, Mapping):
            for day, texts in working.items():
                if not _windows_of(day, texts):
                    raise ValueError(f"{day}: no windows; a day without work is closed")
        return working

    @model_validator(mode="after")
    def _check_days(self, info: ValidationInfo) -> Self:
        both = sorted(set(self.closed) & set(self.working))
        if both:
            raise ValueError(f"{both[0]} is both closed and working")
        for day in self.working:
            if not self.windows_on(day):
                raise ValueError(f"{day} has no windows: neither its weekday nor mon has any")
        today = (info.context or {}).get("today")
        if not self._has_working_time(today):
            raise ValueError("there is no working time in a year")
        return self

    def _has_working_time(self, today: date | None) -> bool:
        if today is None:
            return bool(self.working) or any(self.weekly.values())
        return any(self.windows_on(today + timedelta(days=days)) for days in range(YEAR_DAYS))

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """The working time of a date in the calendar's zone; empty when it is not worked."""
        if day in self.closed:
            return ()
        weekday = self.weekly.get(DAYS[day.weekday()], [])
        if day in self.working:
            own = self.working[day] if isinstance(self.working, dict) else []
            return parse_windows(own or weekday or self.weekly.get("mon", []))
        return parse_windows(weekday)

    def opening(self, moment: datetime) -> Opening:
        """Whether it is working time; a date in `closed` is a holiday from midnight to midnight."""
        local = moment.astimezone(zone_of(self.zone))
        if local.date() in self.closed:
            return "holiday"
        minute = local.hour * 60 + local.minute
        windows = self.windows_on(local.date())
        return "open" if any(each.start <= minute < each.end for each in windows) else "closed"


@cache
def zone_of(name: str) -> ZoneInfo:
    """A zone by its name. `ZoneInfo` itself keeps eight, and a Russian number may be in a dozen."""
    return ZoneInfo(name)


def _windows_of(day: object, texts: list[str]) -> tuple[Window, ...]:
    try:
        return parse_windows(texts)
    except ValueError as error:
        raise ValueError(f"{day}: {error}") from None
