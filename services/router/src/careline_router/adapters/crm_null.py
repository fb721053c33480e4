"""No CRM: nobody is known."""

from careline_router.ports import CrmProfile


class NullCrm:
    async def look_up(self, phone: str) -> CrmProfile:
        return CrmProfile(status="unknown", reason="not_configured")

    async def close(self) -> None:
        """There is nothing to close."""
