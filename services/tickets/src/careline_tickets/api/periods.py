"""Times as callers give them: a day of the default calendar's zone, or an exact moment."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from careline_common.http.problem import invalid
from careline_tickets.api.types import EARLIEST


def bound(name: str, text: str | None, zone: ZoneInfo, *, days: int) -> datetime | None:
    """A moment is exact; a date is its midnight in the zone, `days` later; raises 422."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-03-02"):
            day = date.fromisoformat(text) + timedelta(days=days)
            moment = datetime.combine(day, time(0), zone)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise invalid(name, "give a date such as 2026-03-02 or a time with its zone") from None
    if moment.year < EARLIEST.year:
        raise invalid(name, f"must not lie before {EARLIEST.year}")
    if moment.tzinfo is None:
        raise invalid(name, "give the time with its zone, such as 2026-03-02T09:00:00Z")
    return moment


def day_of(name: str, text: str, zone: ZoneInfo) -> date:
    """The day of a date or a moment; raises 422."""
    moment = bound(name, text, zone, days=0)
    assert moment is not None
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        raise invalid(name, "is no day that is counted") from None
