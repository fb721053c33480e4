"""What is read back of callbacks: a callback's own row, beside the record of its call."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.one_of import one_of
from careline_router.db.tables import call_contact, call_record, callback, offer
from careline_router.domain.words import CallbackState

_call = call_record.c
STATES: Mapping[CallbackState, ColumnElement[bool]] = {
    "waiting": _call.state.in_(("queued", "offered")),
    "calling": _call.state == "connected",
    "done": and_(_call.state == "ended", _call.outcome == "handled"),
    "failed": and_(_call.state == "ended", _call.outcome == "lost"),
    "cancelled": and_(_call.state == "ended", _call.outcome.not_in(("handled", "lost"))),
}


def state_of(row: Row[*tuple[Any, ...]]) -> CallbackState:
    """Where a callback stands, by the record of its call."""
    if row.state != "ended":
        return "calling" if row.state == "connected" else "waiting"
    ends: Mapping[str, CallbackState] = {"handled": "done", "lost": "failed"}
    return ends.get(row.outcome, "cancelled")


def _callbacks() -> Select[*tuple[Any, ...]]:
    tries = (
        select(func.count())
        .where(offer.c.call_id == callback.c.call_id, offer.c.state == "connected")
        .scalar_subquery()
    )
    return (
        select(callback, call_record, call_contact.c.phone, tries.label("attempts"))
        .join(call_record, _call.id == callback.c.call_id)
        .outerjoin(call_contact, call_contact.c.call_id == callback.c.call_id)
    )


async def callbacks(
    connection: AsyncConnection,
    *,
    state: CallbackState | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Newest first; `after` is (made_at, id) of the last one seen."""
    statement = _callbacks()
    if state is not None:
        statement = statement.where(STATES[state])
    if after is not None:
        statement = statement.where(tuple_(callback.c.made_at, callback.c.call_id) < tuple_(*after))
    order = (callback.c.made_at.desc(), callback.c.call_id.desc())
    return (await connection.execute(statement.order_by(*order).limit(limit))).all()


async def one_callback(connection: AsyncConnection, call_id: str) -> Row[*tuple[Any, ...]] | None:
    found = await connection.execute(_callbacks().where(callback.c.call_id == call_id))
    return found.one_or_none()


_NUMBERS = select(call_contact.c.call_id, call_contact.c.phone).where(
    one_of(call_contact.c.call_id, "calls")
)


async def numbers_to_dial(
    connection: AsyncConnection, call_ids: Sequence[str]
) -> dict[str, str | None]:
    """The numbers of the people behind calls; None for one that was erased."""
    if not call_ids:
        return {}
    found = await connection.execute(_NUMBERS, {"calls": call_ids})
    return {row.call_id: row.phone for row in found}
