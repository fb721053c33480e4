"""Times as clients write them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Beyond them a time is a slip, and near the calendar's ends it has no counterpart in other zones."""


def _usable(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError("a time between the years 1900 and 9000")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_usable)]
"""A moment that can be told in every zone."""
