"""Days as callers give them."""

from datetime import date
from zoneinfo import ZoneInfo

from careline_common.http.moments import bound


def day_of(name: str, text: str, zone: ZoneInfo) -> date:
    """The day of a date or a moment; raises 422."""
    moment = bound(name, text, zone)
    assert moment is not None
    return moment.astimezone(zone).date()
