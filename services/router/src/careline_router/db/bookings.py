"""Appointments and their orders, as this router knows of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.one_of import one_of
from careline_router.booking_port import Appointment
from careline_router.db.tables import appointment, call_contact

AppointmentRow = Row[*tuple[Any, ...]]


async def add(connection: AsyncConnection, **values: Any) -> AppointmentRow:
    """A new appointment with the order to book it."""
    statement = insert(appointment).values(**values).returning(*appointment.c)
    return (await connection.execute(statement)).one()


async def order(connection: AsyncConnection, identity: str, **values: Any) -> AppointmentRow | None:
    """Puts an order into an appointment that stands and has none; None when it is not so."""
    statement = (
        update(appointment)
        .where(
            appointment.c.id == identity,
            appointment.c.ordered.is_(None),
            appointment.c.standing == "booked",
        )
        .values(reason=None, **values)
        .returning(*appointment.c)
    )
    return (await connection.execute(statement)).one_or_none()


async def settle(
    connection: AsyncConnection,
    row: AppointmentRow,
    *,
    standing: str | None,
    found: Appointment | None,
    reason: str | None,
) -> AppointmentRow | None:
    """Takes the order out of an appointment, for its outcome is known; None when another has done that.

    An order that was not carried out (`reason`) may be given again under the same key.
    """
    values: dict[str, Any] = {"ordered": None, "ask_at": None, "standing": standing}
    if found is not None:
        values |= {
            "external_id": found.id,
            "slot_id": found.slot_id or row.slot_id,
            "starts_at": found.starts_at or row.starts_at,
            "ends_at": found.ends_at or row.ends_at,
        }
    if reason is not None:
        values |= {"reason": reason, "order_scope": None, "order_key": None, "order_print": None}
    statement = (
        update(appointment)
        .where(
            appointment.c.id == row.id,
            appointment.c.ordered == row.ordered,
            appointment.c.ordered_at == row.ordered_at,
        )
        .values(**values)
        .returning(*appointment.c)
    )
    return (await connection.execute(statement)).one_or_none()


async def ask_later(connection: AsyncConnection, row: AppointmentRow, at: datetime) -> None:
    await connection.execute(
        update(appointment)
        .where(appointment.c.id == row.id, appointment.c.ordered.is_not(None))
        .values(ask_at=at)
    )


async def one(connection: AsyncConnection, identity: str) -> AppointmentRow | None:
    found = await connection.execute(select(appointment).where(appointment.c.id == identity))
    return found.one_or_none()


async def by_key(connection: AsyncConnection, scope: str, key: str) -> AppointmentRow | None:
    """The appointment whose last order came under an Idempotency-Key."""
    found = await connection.execute(
        select(appointment).where(
            appointment.c.order_scope == scope, appointment.c.order_key == key
        )
    )
    return found.one_or_none()


_NEWEST_FIRST = select(appointment).order_by(appointment.c.made_at.desc(), appointment.c.id)
_OF_CALLS = _NEWEST_FIRST.where(one_of(appointment.c.call_id, "calls"))


async def of_calls(
    connection: AsyncConnection, call_ids: Collection[str]
) -> Sequence[AppointmentRow]:
    """The newest first."""
    found = await connection.execute(_OF_CALLS, {"calls": list(call_ids)})
    return found.all()


async def of_person(connection: AsyncConnection, lookup_hmac: bytes) -> Sequence[AppointmentRow]:
    """Those of all calls of one number, the newest first."""
    his = select(call_contact.c.call_id).where(call_contact.c.lookup_hmac == lookup_hmac)
    found = await connection.execute(_NEWEST_FIRST.where(appointment.c.call_id.in_(his)))
    return found.all()


async def to_ask_about(
    connection: AsyncConnection, now: datetime, *, most: int
) -> Sequence[AppointmentRow]:
    """Orders whose outcome nobody knows, and about which it is time to ask."""
    found = await connection.execute(
        select(appointment)
        .where(appointment.c.ordered.is_not(None), appointment.c.ask_at <= now)
        .order_by(appointment.c.ask_at)
        .limit(most)
    )
    return found.all()


async def under_way(connection: AsyncConnection) -> int:
    """How many orders have an outcome that is not known."""
    found = await connection.execute(
        select(func.count()).select_from(appointment).where(appointment.c.ordered.is_not(None))
    )
    return int(found.scalar_one())


async def erase(connection: AsyncConnection, call_ids: Collection[str]) -> None:
    """Takes out what leads to a person: which doctor he saw, and where his appointment is found. What comes of an
    order that is under way is not written down any more."""
    await connection.execute(
        update(appointment)
        .where(appointment.c.call_id.in_(call_ids))
        .values(
            speciality=None, external_id=None, slot_id=None, starts_at=None, ends_at=None,
            wanted_slot=None, ordered=None, ask_at=None,
        )
    )  # fmt: skip
