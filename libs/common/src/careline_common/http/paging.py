"""Lists by pages: `{"items": […], "next": cursor|null}`.

async def tickets(page: Paging) -> Page[Ticket]:
    after = page.after(datetime, str)          # None on the first page
    rows = await … .limit(page.limit + 1)      # one more tells whether there is a next page
    return page.of(rows, key=lambda row: (row.registered_at, row.id), show=as_ticket)
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from careline_common.http.problem import invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Row = TypeVar("Row")
Item = TypeVar("Item")


class Named(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


NamedRow = TypeVar("NamedRow", bound=Named)

_CHECK_BYTES = 6


class Page(BaseModel, Generic[Item]):
    """One page of a list. `next` is the cursor of the page after this one, null on the last."""

    items: list[Item]
    next: str | None = None


def _check(payload: bytes) -> bytes:
    return hashlib.blake2s(payload, digest_size=_CHECK_BYTES, person=b"cursor").digest()


def encode_cursor(*key: Any) -> str:
    """An opaque cursor that stands after the row with this sort key."""
    return _sealed(to_json(key))


def _sealed(payload: bytes) -> str:
    return base64.urlsafe_b64encode(_check(payload) + payload).rstrip(b"=").decode()


def _opened(cursor: str) -> bytes:
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    payload = raw[_CHECK_BYTES:]
    if _sealed(payload) != cursor:
        raise ValueError(cursor)
    return payload


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """The sort key in a cursor, one value for each of `types`; raises 422 for any other text.

    The check sum finds slips and meddling; it is no secret, and a cursor grants nothing.
    """
    try:
        values = from_json(_opened(cursor))
        return tuple(_read(value, kind) for value, kind in zip(values, types, strict=True))
    except (ValueError, TypeError):
        raise invalid("cursor", "not a cursor of this list") from None


def _read(value: Any, kind: type) -> Any:
    if kind in {date, datetime}:
        return kind.fromisoformat(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(kind)
    return value


class PageQuery:
    """`limit` and `cursor` of a request."""

    def __init__(self, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> None:
        self.limit = limit
        self.cursor = cursor

    def after(self, *types: type) -> tuple[Any, ...] | None:
        """The sort key after which the page begins, None for the first page."""
        return None if self.cursor is None else decode_cursor(self.cursor, *types)

    def of(
        self,
        rows: Sequence[Row],
        *,
        key: Callable[[Row], tuple[Any, ...]],
        show: Callable[[Row], Item],
    ) -> Page[Item]:
        """A page of up to `limit` of the `limit + 1` rows that were read, each as `show` has it."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(
            items=[show(row) for row in shown],
            next=encode_cursor(*key(shown[-1])) if more else None,
        )

    def by_id(self, rows: Iterable[NamedRow], *, show: Callable[[NamedRow], Item]) -> Page[Item]:
        """A page of a list that is all at hand, in the order of its ids."""
        (last,) = self.after(str) or ("",)
        left = sorted((row for row in rows if row.id > last), key=lambda row: row.id)
        return self.of(left, key=lambda row: (row.id,), show=show)


async def _paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> PageQuery:
    return PageQuery(limit, cursor)


Paging = Annotated[PageQuery, Depends(_paging)]
