"""The insurance records that the configuration names now."""

from datetime import date

from careline_common.clock import Clock
from careline_router.adapters.crm_exchange import Pauses
from careline_router.adapters.records import make_records
from careline_router.adapters.records_null import NullRecords
from careline_router.metrics import RouterMetrics
from careline_router.records_config import RecordsEntry
from careline_router.records_port import InsuranceRecords, Insured, Policies


class RecordsDesk:
    """`look_up` never raises, is never called within a transaction, and a call never waits long for it."""

    def __init__(self, *, clock: Clock, metrics: RouterMetrics) -> None:
        self._records: InsuranceRecords = NullRecords()
        self._clock = clock
        self._metrics = metrics
        self._entry = RecordsEntry()
        self._pauses = Pauses(clock)

    @property
    def configured(self) -> bool:
        return self._entry.kind != "none"

    def by(self, insured: Insured) -> tuple[str, ...]:
        """By what he would be looked for; empty when too little of him is known."""
        return self._records.by(insured)

    async def for_agent(self, insured: Insured) -> Policies:
        """His policies; waits for the records' own deadline at most."""
        return self._counted("desk", await self._records.look_up(insured))

    async def for_call(self, insured: Insured) -> Policies:
        """The same for a call that waits to be sent on its way."""
        within_s = self._entry.call_waits_ms / 1000
        return self._counted("flow", await self._records.look_up(insured, within_s=within_s))

    def _counted(self, purpose: str, found: Policies) -> Policies:
        self._metrics.records.labels(purpose, found.status, found.reason or "none").inc()
        return found

    def today(self) -> date:
        return self._clock.now().date()

    async def use(self, entry: RecordsEntry | None) -> None:
        """Takes the records of a new configuration; with the old ones goes all that they have told."""
        entry = entry or RecordsEntry()
        if entry != self._entry:
            old = self._records
            self._records = make_records(entry, self._clock, self._pauses, self._asked)
            self._entry = entry
            await old.close()

    async def close(self) -> None:
        await self._records.close()

    def _asked(self, ending: str) -> None:
        self._metrics.records_requests.labels(ending).inc()
