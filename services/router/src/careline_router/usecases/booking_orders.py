"""Orders to the booking system, from before they are sent until their outcome is known.

An order is written down before it is sent, sent once, and its outcome written down after it. Where the outcome
is not known (the answer did not come, or was none), the booking system is asked how the appointment stands,
at once and then again and again, also by a process that comes after this one.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import KeyReusedError, find_answer, lock_key, store_answer
from careline_common.http.problem import Conflict
from careline_router.booking_desk import BookingDesk
from careline_router.booking_port import Appointment, BookingFault, BookingRefused, BookingSystem
from careline_router.db import bookings
from careline_router.db.bookings import AppointmentRow
from careline_router.domain.bookings import Order, verdict
from careline_router.ports import AlreadyAnswered, Receipt
from careline_router.runtime.floor_actor import FloorActor
from careline_router.usecases.booking_views import not_available, refused_as, shown
from careline_router.views import AppointmentView

Begin = Callable[[UnitOfWork], Awaitable[AppointmentRow]]
Send = Callable[[AppointmentRow, BookingSystem], Awaitable[Appointment]]
MARGIN_S = 5.0
ASK_AGAIN_S = 10.0


class BookingOrders:
    """Carries orders out and settles them. Orders of one call, and those for one appointment, go one after
    the other by the locks of whoever calls this."""

    def __init__(
        self, *, database: Database, actor: FloorActor, desk: BookingDesk, clock: Clock
    ) -> None:
        self._database = database
        self._actor = actor
        self._desk = desk
        self._clock = clock

    def placed(
        self, order: Order, slot_id: str | None, receipt: Receipt | None, now: datetime
    ) -> dict[str, Any]:
        """An order as columns of its appointment."""
        first_look_s = 5 * self._desk.deadline_s + MARGIN_S  # not while whoever sends it asks
        return {
            "ordered": order,
            "wanted_slot": slot_id,
            "ordered_at": now,
            "ask_at": now + timedelta(seconds=first_look_s),
            "order_scope": receipt and receipt.scope,
            "order_key": receipt and receipt.key,
            "order_print": receipt and receipt.fingerprint,
        }

    async def carry_out(self, begin: Begin, send: Send, receipt: Receipt | None) -> AppointmentView:
        """`begin` writes the order down, `send` sends it. What was ordered under the same key before is
        answered, or asked about, and not ordered again."""
        before = None if receipt is None else await self._ordered_before(receipt)
        if before is not None:
            row = before if before.ordered is None else await self._ask_about(before)
            return await self._answered(row, receipt)
        async with self._database.unit_of_work() as uow:
            await self._actor.check(uow.connection)
            row = await begin(uow)
        return await self._answered(await self._sent(row, send), receipt)

    async def to_ask_about(self, *, most: int) -> list[AppointmentRow]:
        async with self._database.read() as connection:
            return list(await bookings.to_ask_about(connection, self._clock.now(), most=most))

    async def under_way(self) -> int:
        """How many orders have an outcome that is not known."""
        async with self._database.read() as connection:
            return await bookings.under_way(connection)

    async def settle(self, row: AppointmentRow) -> None:
        """Asks about an order whose outcome nobody knows."""
        await self._ask_about(row)

    async def _sent(self, row: AppointmentRow, send: Send) -> AppointmentRow:
        """Sends an order, once, while nobody else can lead; what is known of its outcome then."""
        await self._actor.make_sure()
        try:
            found = await send(row, self._desk.system)
        except BookingRefused as refused:
            await self._settled(row, standing=row.standing, found=None, reason=refused.reason)
            raise refused_as(refused) from refused
        except BookingFault as fault:
            if fault.sent:
                return await self._ask_about(row)
            await self._settled(row, standing=row.standing, found=None, reason=fault.reason)
            raise not_available(fault) from fault
        return await self._settled(row, standing=found.standing, found=found, reason=None)

    async def _ordered_before(self, receipt: Receipt) -> AppointmentRow | None:
        """The appointment that was ordered under the same key; raises `AlreadyAnswered`, `KeyReusedError`."""
        async with self._database.read() as connection:
            answer = await find_answer(connection, receipt.scope, receipt.key, receipt.fingerprint)
            if answer is not None:
                raise AlreadyAnswered(answer)
            row = await bookings.by_key(connection, receipt.scope, receipt.key)
        if row is not None and bytes(row.order_print) != receipt.fingerprint:
            raise KeyReusedError(receipt.key)
        return row

    async def _answered(self, row: AppointmentRow, receipt: Receipt | None) -> AppointmentView:
        """The answer to an order, kept under its key once it is final; 409 when nothing came of it."""
        view = shown(row)
        if row.ordered is None and row.reason is not None:
            detail = f"the booking system has not done it ({row.reason})"
            raise Conflict(detail, type="order-not-done")
        if receipt is not None and row.ordered is None:
            await self._keep(view, receipt)
        return view

    async def _keep(self, view: AppointmentView, receipt: Receipt) -> None:
        scope, key, print_ = receipt.scope, receipt.key, receipt.fingerprint
        async with self._database.unit_of_work() as uow:
            await lock_key(uow.connection, scope, key)
            if await find_answer(uow.connection, scope, key, print_) is None:
                answer, now = receipt.render(view), uow.clock.now()
                await store_answer(uow.connection, scope, key, print_, answer, at=now)

    async def _ask_about(self, row: AppointmentRow) -> AppointmentRow:
        """Asks how an appointment stands; the row as it is then, its order in it while that is unknown."""
        try:
            found = await self._desk.system.find(row.id, row.external_id)
        except (BookingFault, BookingRefused):
            return await self._ask_later(row)
        outcome = verdict(
            row.ordered,
            row.wanted_slot,
            None if found is None else found.standing,
            None if found is None else found.slot_id,
            age_s=(self._clock.now() - row.ordered_at).total_seconds(),
            settle_for_s=self._desk.settle_for_s,
        )
        if outcome is None:
            return await self._ask_later(row)
        reason = None if outcome.done else "not_there" if found is None else "not_done"
        return await self._settled(row, standing=outcome.standing, found=found, reason=reason)

    async def _ask_later(self, row: AppointmentRow) -> AppointmentRow:
        at = self._clock.now() + timedelta(seconds=ASK_AGAIN_S)
        async with self._database.unit_of_work() as uow:
            await bookings.ask_later(uow.connection, row, at)
        return row

    async def _settled(
        self,
        row: AppointmentRow,
        *,
        standing: str | None,
        found: Appointment | None,
        reason: str | None,
    ) -> AppointmentRow:
        async with self._database.unit_of_work() as uow:
            after = await bookings.settle(
                uow.connection, row, standing=standing, found=found, reason=reason
            )
            if after is None:  # another has asked, and knows already
                after = await bookings.one(uow.connection, row.id)
        return row if after is None else after
