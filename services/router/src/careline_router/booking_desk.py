"""The booking system that the configuration names now."""

from collections.abc import Collection

from careline_common.clock import Clock
from careline_router.adapters.booking import make_booking
from careline_router.adapters.booking_null import NullBooking
from careline_router.adapters.crm_exchange import Pauses
from careline_router.booking_config import BookingEntry
from careline_router.booking_port import BookingSystem
from careline_router.metrics import RouterMetrics


class BookingDesk:
    """`system` is never asked within a transaction, and no call waits for it."""

    def __init__(self, *, clock: Clock, metrics: RouterMetrics) -> None:
        self.system: BookingSystem = NullBooking()
        self._clock = clock
        self._metrics = metrics
        self._entry = BookingEntry()
        self._pauses = Pauses(clock)

    @property
    def clinics(self) -> Collection[str]:
        return self._entry.clinics

    @property
    def deadline_s(self) -> float:
        return self._entry.deadline_s

    @property
    def settle_for_s(self) -> float:
        return self._entry.settle_for_s

    async def use(self, entry: BookingEntry | None) -> None:
        """Takes the system of a new configuration. An order that was under way at the old one has an
        unknown outcome, about which the new one is asked."""
        entry = entry or BookingEntry()
        if entry != self._entry:
            old, self.system = (
                self.system,
                make_booking(entry, self._clock, self._pauses, self._asked),
            )
            self._entry = entry
            await old.close()

    async def close(self) -> None:
        await self.system.close()

    def _asked(self, what: str, ending: str) -> None:
        self._metrics.booking_requests.labels(what, ending).inc()
