"""What stands in front of every booking system, so that no agent waits long for one that is ill.

A question goes through a bound on how many are open at once, the breaker, and a deadline: of each request in
the adapter, of an order, which reads before it writes, twice that here. Whatever an adapter does wrong ends as a `BookingFault`; of an order that was under way then, nobody knows the outcome.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from careline_common.clock import Clock
from careline_router.booking_port import (
    Appointment,
    BookingFault,
    BookingRefused,
    BookingSystem,
    NewAppointment,
    Slot,
    SlotQuery,
)
from careline_router.domain.breaker import Breaker, Ending, Pass

log = structlog.get_logger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRules:
    """Durations in seconds; `deadline_s` is a request's, `at_once` questions are open at one time."""

    deadline_s: float = 5.0
    at_once: int = 8
    failures_to_open: int = 5
    open_for_s: float = 10.0


class GuardedBooking:
    """A booking system that answers within the deadline, or says why not.

    `asked` hears of each question what it was and how it has ended.
    """

    def __init__(
        self,
        source: BookingSystem,
        rules: BookingRules,
        *,
        clock: Clock,
        asked: Callable[[str, str], None] = lambda _question, _ending: None,
    ) -> None:
        self._source = source
        self._rules = rules
        self._clock = clock
        self._asked = asked
        self._turns = asyncio.Semaphore(rules.at_once)
        self._breaker = Breaker(limit=rules.failures_to_open, pause_s=rules.open_for_s)

    async def slots(self, query: SlotQuery) -> Sequence[Slot]:
        return await self._ask("slots", lambda: self._source.slots(query))

    async def book(self, new: NewAppointment) -> Appointment:
        return await self._ask("book", lambda: self._source.book(new))

    async def move(self, appointment_id: str, slot_id: str) -> Appointment:
        return await self._ask("move", lambda: self._source.move(appointment_id, slot_id))

    async def cancel(self, appointment_id: str) -> Appointment:
        return await self._ask("cancel", lambda: self._source.cancel(appointment_id))

    async def find(self, reference: str, appointment_id: str | None) -> Appointment | None:
        return await self._ask("find", lambda: self._source.find(reference, appointment_id))

    async def close(self) -> None:
        await self._source.close()

    async def _ask(self, what: str, question: Callable[[], Awaitable[Found]]) -> Found:
        try:
            found = await self._in_turn(question)
        except BookingRefused as refused:
            self._asked(what, refused.reason)
            raise
        except BookingFault as fault:
            self._asked(what, fault.reason)
            log.warning("booking.failed", what=what, reason=fault.reason, detail=fault.detail)
            raise
        self._asked(what, "done")
        return found

    async def _in_turn(self, question: Callable[[], Awaitable[Found]]) -> Found:
        try:
            async with asyncio.timeout(self._rules.deadline_s):
                await self._turns.acquire()
        except TimeoutError:
            raise BookingFault("busy", "no turn in time", sent=False) from None
        try:
            return await self._through_breaker(question)
        finally:
            self._turns.release()

    async def _through_breaker(self, question: Callable[[], Awaitable[Found]]) -> Found:
        self._breaker, leave = self._breaker.admit(self._clock.monotonic())
        if leave is None:
            raise BookingFault("breaker_open", "it has failed too often", sent=False)
        ending: Ending = "neither"  # also when whoever asks is cancelled: the probe must end
        try:
            found = await self._by_the_deadline(question)
            ending = "well"
        except BookingRefused:
            ending = "well"
            raise
        except BookingFault as fault:
            ending = "neither" if fault.reason == "throttled" else "ill"
            raise
        finally:
            self._account(leave, ending)
        return found

    async def _by_the_deadline(self, question: Callable[[], Awaitable[Found]]) -> Found:
        try:
            async with asyncio.timeout(2 * self._rules.deadline_s):
                return await question()
        except (BookingFault, BookingRefused):
            raise
        except TimeoutError:
            raise BookingFault("timeout", "given up") from None
        except Exception as error:
            log.exception("booking.bug")
            raise BookingFault("bad_answer", type(error).__name__) from error

    def _account(self, leave: Pass, ending: Ending) -> None:
        now = self._clock.monotonic()
        before, self._breaker = self._breaker, self._breaker.ended(leave, ending, now)
        if before.era != self._breaker.era:
            log.warning("booking.breaker", state=self._breaker.state(now))
