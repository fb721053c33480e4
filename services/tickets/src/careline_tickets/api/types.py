"""Types of the bodies: strict where JSON has a type, exact where a text stands for something."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from careline_tickets.domain.blank import is_blank

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""No moment lies so near the end of the calendar that days cannot be added to it."""


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*", re.ASCII)


def _read_day(value: Any) -> Any:
    """Pydantic would also read numbers, as seconds since 1970."""
    if value is None or isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("give a date such as 1980-12-31")
    return date.fromisoformat(value)


def _read_moment(value: Any) -> Any:
    if value is None or isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("give a time such as 2026-03-02T09:00:00Z")
    return datetime.fromisoformat(value.upper())


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("give a time with its zone, such as 2026-03-02T09:00:00Z")
    if value < EARLIEST:
        raise ValueError(f"must not lie before {EARLIEST.year}")
    if value >= LATEST:
        raise ValueError(f"must lie before {LATEST.year}")
    return value.astimezone(UTC)


def _not_blank(value: str) -> str:
    if is_blank(value):
        raise ValueError("must not be blank")
    return value


Moment = Annotated[datetime, BeforeValidator(_read_moment), AfterValidator(_moment)]
Day = Annotated[date, BeforeValidator(_read_day)]
Text = Annotated[str, AfterValidator(_not_blank)]
Reference = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_not_blank)
]
"""An id or a name from elsewhere."""


class Body(BaseModel):
    """A body of a request: fields that nobody knows are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
