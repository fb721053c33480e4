"""What holds for today alone."""

from datetime import UTC, datetime, time, timedelta, tzinfo


def end_of_day(now: datetime, zone: tzinfo) -> datetime:
    """The next midnight of a zone, in UTC; where clocks are put forward at midnight, the moment at which they are."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=zone).astimezone(UTC)
