"""The guard in front of every kind of insurance records."""

from collections.abc import Callable

from pydantic_core import to_json

from careline_common.clock import Clock
from careline_router.adapters.look_up_guard import GuardRules, LookUpGuard
from careline_router.records_port import Insured, Policies, RecordsSource


class GuardedRecords(LookUpGuard[Insured, Policies]):
    """Insurance records that fail open. `asked` hears how each question to them has ended."""

    def __init__(
        self,
        source: RecordsSource,
        rules: GuardRules,
        *,
        clock: Clock,
        asked: Callable[[str], None] = lambda _ending: None,
    ) -> None:
        super().__init__(
            source.ask,
            key=lambda insured: to_json(insured).decode(),
            kind=Policies,
            name="records",
            rules=rules,
            clock=clock,
            asked=asked,
        )
        self._records = source

    def by(self, insured: Insured) -> tuple[str, ...]:
        return self._records.by(insured)

    async def look_up(self, insured: Insured, *, within_s: float | None = None) -> Policies:
        if not self._records.by(insured):
            return Policies(status="unknown", reason="no_number")
        return await self.answer(insured, within_s=within_s)

    async def close(self) -> None:
        await super().close()
        await self._records.close()
