"""What the journal needs from outside."""

from typing import Any, Protocol


class Chance(Protocol):
    """Randomness that nobody can foresee."""

    def code(self) -> str:
        """A new tracking code: 60 random bits, to be read out over the phone."""
        ...

    def salt(self) -> bytes:
        """16 random bytes."""
        ...


class Records(Protocol):
    """Where the records behind ingest's events are kept."""

    async def get(self, record_id: str) -> dict[str, Any] | None:
        """A record as it is now, None when it is gone. Raises while it cannot be asked."""
        ...
