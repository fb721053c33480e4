"""How one walks through a list that a partner gives page by page. Pure: what to ask for next.

`next`: each page has the address of the next. `cursor`: each page has a mark that asks for the next.
`page`, `offset`: numbers that count up to an empty page. `since`: what has changed since a moment,
again and again until nothing new comes; the next visit begins a little earlier than the last ended,
because a partner's clock and his transactions may let a change appear late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Mode = Literal["next", "cursor", "page", "offset", "since"]
PARAMETERS: Mapping[str, str] = {
    "cursor": "cursor",
    "page": "page",
    "offset": "offset",
    "since": "since",
}
MILLISECONDS = 10**11
"""A number of seconds since 1970 of this size would be in the year 5138."""


class PageRefusedError(Exception):
    """An answer that is no page of the list; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a partner's list is walked through. `next` is the path of the next address, of the
    cursor, or of what says that there is more; `time` that of the time of change, in each item or
    in the answer."""

    mode: Mode = "next"
    items: str | None = None
    next: str | None = None
    time: str | None = None
    param: str | None = None
    overlap_s: float = 300.0
    first: int = 1
    sizes: Mapping[str, str] | None = None
    """Parameters of every question, such as the size of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The question for one page: an address of the partner's own making, or parameters."""

    link: str | None = None
    params: tuple[tuple[str, str], ...] = ()


def at(document: object, path: str) -> object:
    """What stands at a path such as `$.data.items`; None where there is nothing."""
    for step in path.removeprefix("$").strip(".").split("."):
        if not step:
            continue
        document = document.get(step) if isinstance(document, dict) else None
    return document


def items_of(document: object, path: str | None) -> list[object]:
    """The items of a page; raises `PageRefusedError` for an answer that has none, such as an error
    that a server reports with status 200."""
    found = at(document, path) if path else document
    if isinstance(found, list):
        return found
    where = f"at {path}" if path else "at the top"
    hint = ""
    if isinstance(document, dict) and not path:
        lists = [name for name, value in document.items() if isinstance(value, list)]
        hint = f"; set paging.items to one of: {', '.join(lists[:5])}" if lists else ""
    raise PageRefusedError(f"the server answers 200 without a list of items {where}{hint}")


def first(plan: Plan, since: str | None) -> Ask:
    """The question that a visit begins with; `since` is where the last one ended."""
    if plan.mode == "page":
        return _ask(plan, str(plan.first))
    if plan.mode == "offset":
        return _ask(plan, "0")
    if plan.mode == "since" and since is not None:
        return _ask(plan, earlier(since, plan.overlap_s))
    return _ask(plan, None)


def following(
    plan: Plan, ask: Ask, document: object, items: Sequence[object], link: str | None
) -> Ask | None:
    """The question after an answer; None at the end. `link` is what the `Link` header has (RFC 8288)
    as next."""
    if plan.mode == "next":
        found = at(document, plan.next) if plan.next else link
        return Ask(link=str(found)) if found and isinstance(found, str) else None
    if plan.mode == "cursor":
        mark = at(document, plan.next or "next_cursor")
        return _ask(plan, str(mark)) if mark not in (None, "", False) else None
    if plan.mode == "since":
        newest = newest_of(plan, document, items)
        return None if newest is None or not items else _ask(plan, newest)
    if not items or (plan.next and not at(document, plan.next)):
        return None
    step = len(items) if plan.mode == "offset" else 1
    return _ask(plan, str(int(dict(ask.params)[_param(plan)]) + step))


def newest_of(
    plan: Plan, document: object, items: Sequence[object], *, until: datetime | None = None
) -> str | None:
    """The last time of change in an answer, as the partner writes it; with `until` the last one that
    does not lie beyond it. Numbers need not be times, and never do."""
    if plan.time is None:
        return None
    told = at(document, plan.time)
    times = [told] if isinstance(told, str | int) else [at(item, plan.time) for item in items]
    written = [str(time) for time in times if isinstance(time, str | int) and time != ""]
    if until is not None:
        latest = order(until.isoformat())
        written = [time for time in written if order(time)[0] != latest[0] or order(time) <= latest]
    return max(written, key=order, default=None)


def order(time: str) -> tuple[int, float, str]:
    """Times in the order of what they mean: numbers and moments by value, others as text."""
    if time.isascii() and time.isdigit():
        return (0, float(time), "")
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return (2, 0.0, time)
    if moment.tzinfo is None:  # one clock wrote them all: which it was does not matter
        return (1, (moment - datetime(1970, 1, 1)).total_seconds(), "")  # noqa: DTZ001
    return (1, moment.timestamp(), "")


def earlier(time: str, seconds: float) -> str:
    """A time so much before, written as the partner writes it; a text that is no time stays."""
    if time.isascii() and time.isdigit():
        step = seconds * 1000 if int(time) >= MILLISECONDS else seconds
        return str(max(int(time) - int(step), 0))
    try:
        moment = datetime.fromisoformat(time) - timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return time
    written = moment.isoformat()
    return written.replace("+00:00", "Z") if time.endswith(("Z", "z")) else written


def _param(plan: Plan) -> str:
    return plan.param or PARAMETERS.get(plan.mode, "")


def _ask(plan: Plan, value: str | None) -> Ask:
    sizes = tuple((plan.sizes or {}).items())
    return Ask(params=sizes if value is None else (*sizes, (_param(plan), value)))
