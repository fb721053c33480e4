"""When a source is fetched next."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
LONGEST_RETRY_S = 1800.0
_ANY_MOMENT = datetime(2026, 1, 1)  # noqa: DTZ001 - it only takes part in reading the expression


def is_schedule(cron: str) -> bool:
    """Whether these are five cron fields that come true at some time."""
    if len(cron.split()) != FIELDS:
        return False
    try:
        return next(CronSim(cron, _ANY_MOMENT), None) is not None
    except CronSimError:
        return False


def next_time(cron: str, zone: str, after: datetime) -> datetime:
    """The first moment of a schedule after a moment. Its fields are of the clock in `zone`: a time
    that the change to summer time leaves out comes with the change, one that comes twice is taken
    once."""
    times = (
        local.astimezone(after.tzinfo) for local in CronSim(cron, after.astimezone(ZoneInfo(zone)))
    )
    return next(time for time in times if time > after)  # in the hour that comes twice it goes back


def retry_after(failures: int, first_s: float) -> timedelta:
    """How long to wait after so many failures in a row: twice as long each time, to half an hour."""
    return timedelta(seconds=min(first_s * 2 ** min(failures - 1, 30), LONGEST_RETRY_S))
