"""No insurance records: nobody is looked up."""

from careline_router.records_port import Insured, Policies


class NullRecords:
    def by(self, insured: Insured) -> tuple[str, ...]:
        return insured.known()

    async def look_up(self, insured: Insured, *, within_s: float | None = None) -> Policies:
        return Policies(status="unknown", reason="not_configured")

    async def close(self) -> None:
        """There is nothing to close."""
