"""The outside world as the router's use cases see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from careline_common.http.idempotency import Answer
from careline_router.domain.states import Payer

CrmStatus = Literal["found", "unknown", "timed_out", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmProfile:
    """What the CRM says of a caller. `name` is personal data and stays out of journal and facts."""

    status: CrmStatus
    payer: Payer = "unknown"
    insurance: str | None = None
    name: str | None = None
    vip: bool = False
    language: str | None = None
    needs: Sequence[str] = ()

    def facts(self) -> dict[str, Any]:
        """What may stand in call records and decision records."""
        return {
            "status": self.status,
            "payer": self.payer,
            "insurance": self.insurance,
            "vip": self.vip,
            "language": self.language,
        }


class Crm(Protocol):
    """Looks callers up. Never raises and never takes longer than its deadline: it fails open."""

    async def look_up(self, phone: str) -> CrmProfile: ...

    async def close(self) -> None: ...


class Condition(Protocol):
    """A compiled `when` of a flow rule; raises ValueError when it cannot be evaluated."""

    def holds(self, facts: Mapping[str, Any]) -> bool: ...


class Conditions(Protocol):
    """Compiles conditions; raises ValueError that says what is wrong with the text."""

    def compile(self, text: str) -> Condition: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Has the answer to a command kept in the transaction of its effect.

    `scope`, `key` and `fingerprint` are those of `careline_common.http.idempotency`; `render` makes
    the answer out of what the use case returns. When the key was answered before, the use case
    raises `AlreadyAnswered` (or `KeyReusedError`, for another body) and has no effect.
    """

    scope: str
    key: str
    fingerprint: bytes
    render: Callable[[Any], Answer]


class AlreadyAnswered(Exception):  # noqa: N818 - no error: the first answer stands
    """This key has its answer; here it is again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A call as the PBX announces it. `caller` as it came; None or "anonymous" when withheld."""

    pbx_call_id: str
    caller: str | None
    line: str
    ivr: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
