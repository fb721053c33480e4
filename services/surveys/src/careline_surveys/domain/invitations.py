"""The life of an invitation and of the messages that carry it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal[
    "scheduled", "sent", "unknown", "delivered", "failed", "suppressed", "replied", "completed",
    "expired",
]  # fmt: skip
OPEN: tuple[Status, ...] = ("sent", "unknown", "delivered", "replied")
"""Where a reply of the patient may still belong."""

UNANSWERED: tuple[Status, ...] = ("sent", "unknown", "delivered")
"""What becomes `expired` when nobody replies in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the patient is asked about: a call, a visit. It is asked about once, ever."""

    type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who and where it was about, fixed at the time of the call or the service."""

    call_id: str | None = None
    line: str | None = None
    agent: str | None = None
    team: str | None = None
    queue: str | None = None
    organisation: str | None = None
    insurer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """`version` counts changes; `send_until` and `reply_until` are when asking and hearing end."""

    id: str
    survey: str
    survey_version: int
    service: str
    person_id: str | None
    language: str | None
    reference: Reference
    subject: Subject
    status: Status
    reason: str | None
    created_at: datetime
    send_at: datetime | None
    send_until: datetime
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    reply_until: datetime | None = None
    asked_again_at: datetime | None = None
    form_used_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`score` is None for free text; FCR has 1 for yes and 0 for no. `text` is None once erased."""

    invitation_id: str
    question: str
    kind: str
    score: int | None
    text: str | None
    language: str | None
    at: datetime


MessageState = Literal[
    "queued", "sending", "accepted", "delivered", "failed", "unknown", "cancelled"
]
"""`sending` is committed before the provider is called, so a message is never called for twice."""

Outcome = Literal["accepted", "delivered", "refused", "failed", "unknown"]
"""What came of handing a message over: `refused` was surely not taken and may be tried again,
`failed` will never be taken, `unknown` may have been."""

PartState = Literal["accepted", "delivered", "failed"]

_RANK: dict[str, int] = {
    "scheduled": 0, "unknown": 1, "sent": 2, "failed": 3, "delivered": 4, "expired": 5, "replied": 6,
    "completed": 7, "suppressed": 8,
}  # fmt: skip


def after_sending(status: Status, outcome: Outcome) -> Status:
    """The status once its first message was handed over; a reply that was quicker stands."""
    became: dict[Outcome, Status] = {
        "accepted": "sent", "delivered": "delivered", "unknown": "unknown", "refused": "scheduled",
        "failed": "failed",
    }  # fmt: skip
    return _later(status, became[outcome])


def after_receipt(status: Status, *, delivered: bool) -> Status:
    """Receipts come in any order and more than once, so a status only ever moves forward."""
    return _later(status, "delivered" if delivered else "failed")


def _later(old: Status, new: Status) -> Status:
    return new if _RANK[new] > _RANK[old] else old


def receipt_means(status: str) -> bool | None:
    """True = delivered, False = will not be, None = still on its way or a word we do not know."""
    word = status.strip().lower()
    if word in {"delivered", "delivrd", "read"}:
        return True
    if word in {"failed", "undelivered", "undeliv", "rejected", "rejectd", "expired", "deleted"}:
        return False
    return None


def of_parts(states: Sequence[PartState], total: int) -> PartState | None:
    """What a message of `total` parts is when these of them are known; None = nobody can tell yet.

    A part that failed fails the message, whatever becomes of the others.
    """
    if "failed" in states:
        return "failed"
    if len(states) < total:
        return None
    return "delivered" if all(state == "delivered" for state in states) else "accepted"
