"""Days off out of the `holidays` library (python-holidays) and out of iCalendar (RFC 5545) texts."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import holidays
import icalendar
from icalendar.error import BrokenCalendarProperty

from careline_router.domain.calendar_days import NamedDay

MOST_EVENTS = 2000
LONGEST_NAME = 200


class UnusableSourceError(ValueError):
    """`path` is the field of the request that is at fault."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


def of_country(country: str, subdivision: str | None, year: int) -> list[NamedDay]:
    """The public holidays of a year, with the days to which working days were transferred, where the library knows
    of them (Russia's by decree for each year)."""
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=year)
    except NotImplementedError as error:  # `holidays` says so of a country or part it does not know
        known = country in holidays.list_supported_countries()
        raise UnusableSourceError("subdivision" if known else "country", str(error)) from error
    if not found:
        raise UnusableSourceError("year", f"no holidays are known of {country} in {year}")
    closed = [
        NamedDay(day=day, name=name[:LONGEST_NAME])
        for day, name in found.items()
        if day.year == year
    ]
    worked = [
        NamedDay(day=day, name="transferred working day", kind="working")
        for day in found.weekend_workdays
        if day.year == year
    ]
    return closed + worked


def of_ical(text: str, year: int) -> list[NamedDay]:
    """The whole-day events of a year; what has hours, or was cancelled, closes no day.

    An event may recur every year (`FREQ=YEARLY` and nothing else); of any other rule it is said that it cannot be
    read, for a day too few would be closed without anybody noticing.
    """
    try:
        calendar = icalendar.Calendar.from_ical(text)
    except ValueError as error:
        raise UnusableSourceError("text", f"this is no iCalendar: {error}"[:300]) from error
    events = calendar.walk("VEVENT")
    if len(events) > MOST_EVENTS:
        raise UnusableSourceError("text", f"more than {MOST_EVENTS} events")
    try:
        days = [day for event in events for day in _days_of(event, year)]
    except BrokenCalendarProperty as error:
        raise UnusableSourceError("text", str(error)[:300]) from error
    if not days:
        raise UnusableSourceError("text", f"no whole-day event in {year}")
    return days


def _days_of(event: icalendar.Component, year: int) -> Iterator[NamedDay]:
    name = str(event.get("SUMMARY", "")).strip()[:LONGEST_NAME] or "no name"
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    first = _date(event, "DTSTART", name)
    if first is None:
        return
    after = _date(event, "DTEND", name) or _after_duration(event, first, name)
    length = (after - first).days
    if length < 1:
        raise UnusableSourceError("text", f"{name}: it ends before it begins")
    first = _occurrence(event, first, year, name)
    if first in _excluded(event):
        return
    for offset in range(min(length, 366)):
        day = first + timedelta(days=offset)
        if day.year == year:
            yield NamedDay(day=day, name=name)


def _date(event: icalendar.Component, field: str, name: str) -> date | None:
    """A whole day; None when the event has hours, or no such field."""
    if field not in event:
        return None
    value = getattr(event[field], "dt", None)
    if not isinstance(value, date):
        raise UnusableSourceError("text", f"{name}: {field} is no date")
    return None if isinstance(value, datetime) else value


def _after_duration(event: icalendar.Component, first: date, name: str) -> date:
    """The day after the last; without an end an event takes one day."""
    lasts = getattr(event.get("DURATION"), "dt", timedelta(days=1))
    try:
        return first + lasts
    except (OverflowError, TypeError) as error:
        raise UnusableSourceError("text", f"{name}: DURATION is none") from error


def _occurrence(event: icalendar.Component, first: date, year: int, name: str) -> date:
    """When it begins in this year, if it recurs every year; else as it is."""
    if "RRULE" not in event:
        return first
    rules = event["RRULE"]
    if not isinstance(rules, dict) or dict(rules) != {"FREQ": ["YEARLY"]}:
        reason = f"{name}: cannot read its rule, only FREQ=YEARLY: give its days"
        raise UnusableSourceError("text", reason)
    try:
        return first.replace(year=max(year, first.year))
    except ValueError:  # the 29th of February
        return first


def _excluded(event: icalendar.Component) -> set[date]:
    given = event.get("EXDATE", [])
    lists = given if isinstance(given, list) else [given]
    return {each.dt for dates in lists for each in dates.dts}
