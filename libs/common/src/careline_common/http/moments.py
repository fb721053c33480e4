"""Times as clients write them."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from careline_common.http.problem import invalid

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Beyond them a time is a slip, and near the calendar's ends it has no counterpart in other zones."""


def _usable(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError("a time between the years 1900 and 9000")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_usable)]
"""A moment that can be told in every zone."""


def bound(name: str, text: str | None, zone: tzinfo, *, whole_day: bool = False) -> datetime | None:
    """An end of a time that is asked for in a query: an exact moment, or the midnight in `zone` with which a
    date begins, with `whole_day` the one with which it ends. Raises 422.

    A `+` that nobody escaped arrives as a blank: it is understood.
    """
    if text is None:
        return None
    try:
        moment = _read(text.replace(" ", "+"), zone, days=1 if whole_day else 0)
        if moment.tzinfo is None:
            raise invalid(name, "give the time with its zone, such as 2026-03-02T09:00:00Z")
        return _usable(moment.astimezone(UTC))
    except OverflowError:
        raise invalid(name, "outside the calendar") from None
    except ValueError:
        raise invalid(
            name, "give a date such as 2026-03-02, or a time with its zone, between 1900 and 9000"
        ) from None


def bounds(
    begin: str | None, end: str | None, zone: tzinfo
) -> tuple[datetime | None, datetime | None]:
    """`from` and `to` of a query, a date as `to` being in it. Raises 422, also when nothing lies between them."""
    first, last = bound("from", begin, zone), bound("to", end, zone, whole_day=True)
    if first is not None and last is not None and first >= last:
        raise invalid("from", "must be before `to`")
    return first, last


def _read(text: str, zone: tzinfo, *, days: int) -> datetime:
    if len(text) > len("2026-03-02"):
        return datetime.fromisoformat(text)
    return datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), zone)
