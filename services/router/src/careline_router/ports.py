"""The outside world as the router's use cases see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Protocol

from careline_common.http.idempotency import Answer
from careline_router.domain.words import Payer

CrmStatus = Literal["found", "unknown", "timed_out", "failed"]
CrmReason = Literal[
    "not_configured",
    "no_number",
    "not_found",
    "ambiguous",
    "timeout",
    "breaker_open",
    "busy",
    "throttled",
    "auth",
    "refused",
    "server_error",
    "bad_answer",
    "unreachable",
    "config_changed",
]
"""Why a caller is not `found`; docs/crm.md says what each word means and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """How somebody was looked up: `reason` is None when he is found; `cached` tells that nobody was asked this time."""

    status: CrmStatus
    reason: CrmReason | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmProfile(LookUp):
    """What the CRM says of a caller. `name`, `birth_date` and `policy_number` are personal data and stay
    out of journal and facts.

    An `ambiguous` profile holds what all contacts with his number have in common. `records` is how the
    insurance records were looked up besides, for what the CRM does not tell of his policy: `found`, or the
    reason why not; None: they were not asked.
    """

    payer: Payer = "unknown"
    insurance: str | None = None
    insurer: str | None = None
    policy_state: str | None = None
    name: str | None = None
    vip: bool = False
    language: str | None = None
    dialect: str | None = None
    needs: Sequence[str] = ()
    last_agent: str | None = None
    owner: str | None = None
    birth_date: date | None = None
    policy_number: str | None = None
    records: str | None = None

    def age(self, today: date) -> int | None:
        """In full years."""
        born = self.birth_date
        if born is None or born > today:
            return None
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    def checks(self) -> dict[str, str]:
        """The digits by which he may be verified on the telephone: DDMMYYYY, and the last four of the policy."""
        digits = "".join(sign for sign in self.policy_number or "" if sign.isdecimal())
        found = {} if self.birth_date is None else {"birth_date": f"{self.birth_date:%d%m%Y}"}
        return found | ({"policy_number": digits[-4:]} if len(digits) >= 4 else {})

    def facts(self) -> dict[str, Any]:
        """What may stand in call records and decision records."""
        return {
            "status": self.status,
            "reason": self.reason,
            "cached": self.cached,
            "payer": self.payer,
            "insurance": self.insurance,
            "insurer": self.insurer,
            "policy_state": self.policy_state,
            "vip": self.vip,
            "language": self.language,
            "last_agent": self.last_agent,
            "owner": self.owner,
            "records": self.records,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeals:
    """The appeals of a caller's number: how many are open, how the last stands, who has the last open one."""

    open: int = 0
    last: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surges:
    """How many surges of appeals are open, and how many of them are about each id."""

    open: int = 0
    organisations: Mapping[str, int] = field(default_factory=dict)
    subjects: Mapping[str, int] = field(default_factory=dict)
    territories: Mapping[str, int] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """As conditions of flows see them."""
        return {
            "open": self.open,
            "organisations": dict(self.organisations),
            "subjects": dict(self.subjects),
            "territories": dict(self.territories),
        }


class CrmFault(Exception):  # noqa: N818 - a fault of the CRM's, which no call suffers from
    """The CRM did not answer what was asked. `detail` is for the log and never personal.

    `sent` False: the request has not come to it, or was not taken.
    """

    def __init__(self, reason: CrmReason, detail: str = "", *, sent: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.sent = sent


class CrmSource(Protocol):
    """One kind of CRM: asks it, each time anew, and raises `CrmFault`. It may take its time."""

    async def ask(self, phone: str) -> CrmProfile:
        """Who has this number (E.164): found, or unknown as `not_found` or `ambiguous`."""
        ...

    async def close(self) -> None: ...


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
