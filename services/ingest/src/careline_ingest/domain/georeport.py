"""GeoReport v2 (wiki.open311.org/GeoReport_v2): what a client may ask and say, and what it is shown.

Times are W3C date-times with a zone. Parameters that are not of the specification are ignored, as
every server does; those that are and cannot be read are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite

MOST_REQUESTS = 1000
"""Of one page, and of an answer that names no page."""
DAYS_SHOWN = timedelta(days=90)
LONGEST_DESCRIPTION = 4000
CLOSED = frozenset({"closed", "merged"})
"""States of an appeal in which its request is closed; a withdrawn record is closed too."""
PLACE = ("address_string", "address_id", "zipcode", "lat", "long", "media_url")
"""What a client says of the place, which is shown again."""
LIMITS: Mapping[str, int] = {"lat": 90, "long": 180}
_STATUSES = {"open": frozenset({"open"}), "closed": frozenset({"closed"})}


class RefusedError(Exception):
    """What was asked cannot be done; `code` is that of HTTP."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which requests are asked for. Bounds are inclusive, as in the specification."""

    ids: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    statuses: frozenset[str] = frozenset({"open", "closed"})
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    page: int = 1
    page_size: int = MOST_REQUESTS

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


def query_of(given: Mapping[str, str], now: datetime) -> Query:
    """Reads the parameters of `GET requests`; raises `RefusedError` (400).

    Ids override everything else. Without any bound of time the last 90 days are shown.
    """
    page = _number(given, "page", 1, 1_000_000)
    size = _number(given, "page_size", MOST_REQUESTS, MOST_REQUESTS)
    ids = _listed(given.get("service_request_id"))
    if ids:
        return Query(ids=ids, page=page, page_size=size)
    bounds = {
        name: _moment(given, name)
        for name in ("start_date", "end_date", "updated_after", "updated_before")
    }
    if not any(bounds.values()):
        bounds["start_date"] = now - DAYS_SHOWN
    for first, last in (("start_date", "end_date"), ("updated_after", "updated_before")):
        begin, end = bounds[first], bounds[last]
        if begin is not None and end is not None and begin > end:
            raise RefusedError(400, f"{first} is after {last}")
    return Query(
        codes=_listed(given.get("service_code")),
        statuses=_statuses(given.get("status")),
        requested_from=bounds["start_date"],
        requested_to=bounds["end_date"],
        updated_from=bounds["updated_after"],
        updated_to=bounds["updated_before"],
        page=page,
        page_size=size,
    )


def cells_of(given: Mapping[str, str]) -> dict[str, object]:
    """A filed request as the fields of an appeal; raises `RefusedError` (400)."""
    description = given.get("description", "").strip()
    if not given.get("service_code", "").strip():
        raise RefusedError(400, "service_code is missing: one of those that services lists")
    if not description:
        raise RefusedError(400, "description is missing: say what the appeal is about")
    if len(description) > LONGEST_DESCRIPTION:
        raise RefusedError(
            400, f"description has {len(description)} characters; at most {LONGEST_DESCRIPTION}"
        )
    check_place(given)
    names = (given.get("first_name", ""), given.get("last_name", ""))
    return {
        "subject": given["service_code"],
        "text": description,
        "phone": given.get("phone", ""),
        "name": " ".join(name.strip() for name in names if name.strip()),
    }


def check_place(given: Mapping[str, str]) -> None:
    """A place on the map is both numbers (WGS 84, in degrees) or none; raises `RefusedError` (400)."""
    said = {name: given.get(name, "").strip() for name in LIMITS}
    if not any(said.values()):
        return
    for name, limit in LIMITS.items():
        degrees = number(said[name])
        if degrees is None or abs(degrees) > limit:
            raise RefusedError(400, f"{name} is a number of degrees from -{limit} to {limit}")


def number(text: str | None) -> float | None:
    """A number that can be; None for anything else."""
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if isfinite(found) else None


def beside(given: Mapping[str, str]) -> dict[str, str]:
    """What a client says that no field of an appeal holds; credentials are nobody's to keep."""
    held = {"api_key", "jurisdiction_id", "service_code", "description", "phone"}
    held |= {"first_name", "last_name"}
    return {name: value for name, value in given.items() if name not in held and value.strip()}


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _statuses(text: str | None) -> frozenset[str]:
    named = _listed(text) or ("open", "closed")
    unknown = [name for name in named if name.lower() not in _STATUSES]
    if unknown:
        raise RefusedError(400, f"status is open or closed, not {unknown[0]!r}")
    return frozenset().union(*(_STATUSES[name.lower()] for name in named))


def _number(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = given.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most or len(text) > 9:
        raise RefusedError(400, f"{name} is a number from 1 to {most}")
    return int(text)


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a + that was not escaped
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RefusedError(400, f"{name} is a time with its zone such as 2026-03-02T09:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise RefusedError(400, f"{name} is a time that cannot be") from None
