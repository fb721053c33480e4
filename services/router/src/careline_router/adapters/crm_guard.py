"""The guard in front of every CRM."""

from collections.abc import Callable

from careline_common.clock import Clock
from careline_router.adapters.look_up_guard import GuardRules, LookUpGuard
from careline_router.ports import CrmProfile, CrmSource


class GuardedCrm(LookUpGuard[str, CrmProfile]):
    """A CRM that fails open. `asked` hears how each question to the CRM itself has ended."""

    def __init__(
        self,
        source: CrmSource,
        rules: GuardRules,
        *,
        clock: Clock,
        asked: Callable[[str], None] = lambda _ending: None,
    ) -> None:
        super().__init__(
            source.ask,
            key=lambda phone: phone,
            kind=CrmProfile,
            name="crm",
            rules=rules,
            clock=clock,
            asked=asked,
        )
        self._crm = source

    async def look_up(self, phone: str) -> CrmProfile:
        return await self.answer(phone)

    async def close(self) -> None:
        await super().close()
        await self._crm.close()
