"""What the journal needs from outside."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
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

    async def several(self, record_ids: Collection[str]) -> Mapping[str, dict[str, Any]]:
        """Those of up to 100 records that are there, by id. Raises while they cannot be asked."""
        ...


class CallRecordings(Protocol):
    """Where recordings of calls are known."""

    async def of(self, call_id: str) -> str | None:
        """Where the recording of a call can be fetched, None when there is none. Raises while it
        cannot be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What a patient wrote in answer to a question of a survey."""

    question: str
    text: str = field(repr=False)


class Comments(Protocol):
    """Where the words behind surveys' events are kept."""

    async def of(self, invitation_id: str) -> Sequence[Comment]:
        """What was written in answer to an invitation, none once it is erased. Raises while it
        cannot be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a call, and the CRM that was asked about its caller, say of a person."""

    phone: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    policy_number: str | None = field(default=None, repr=False)
    insurer: str | None = None


class Calls(Protocol):
    """Where calls are known."""

    async def of(self, call_id: str, authorization: str) -> Call | None:
        """A call as whoever has this `Authorization` may see it; None when it is not there for him, or
        cannot be asked in time: an appeal is registered all the same."""
        ...
