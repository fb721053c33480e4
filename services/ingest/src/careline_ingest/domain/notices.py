"""What of an appeal's life a partner is told: where it stands and when, never a word of its text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ACTIONS: Mapping[str, str] = {
    "send_to_insurer": "sent_to_insurer",
    "return": "returned",
    "reopen": "reopened",
    "extend": "extended",
    "merge": "merged",
}
"""Actions of the journal that are news to a partner, and what they are called there."""
OPEN311_NOTES: Mapping[str, str] = {
    "registered": "Registered",
    "sent_to_insurer": "Sent to the insurer",
    "returned": "The answer was returned for rework",
    "reopened": "Opened again",
    "extended": "The time for the answer was extended",
    "merged": "Dealt with under another appeal about the same",
    "closed": "Closed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One row of the ledger: what happened to an appeal in one of its versions."""

    id: str
    source: str
    ticket_id: str
    version: int
    external_id: str | None
    record_id: str | None
    number: str
    event: str
    status: str
    outcome: str | None
    returns: int
    due_at: datetime | None
    at: datetime


def event_of(action: str) -> str | None:
    """The news in a move of an appeal; None where there is none. That it was closed is told by the
    closing, which knows the outcome."""
    return ACTIONS.get(action)


def shown(notice: Notice) -> dict[str, Any]:
    """As a partner gets it. `id` is the same however often it comes; of two versions of one appeal
    the greater holds. `service_request_id` is that of an appeal filed here by Open311."""
    return {
        "id": notice.id,
        "external_id": notice.external_id,
        "service_request_id": notice.record_id,
        "number": notice.number,
        "version": notice.version,
        "event": notice.event,
        "status": notice.status,
        "outcome": notice.outcome,
        "returns": notice.returns,
        "due_at": _written(notice.due_at),
        "at": _written(notice.at),
    }


def open311_update(notice: Notice) -> dict[str, str]:
    """As an update of an Open311 request, whose id at the partner is the appeal's there."""
    note = OPEN311_NOTES.get(notice.event, notice.event)
    if notice.outcome is not None:
        note = f"{note}: {notice.outcome}"
    return {
        "update_id": notice.id,
        "service_request_id": notice.external_id or "",
        "status": "CLOSED" if notice.status in ("closed", "merged") else "OPEN",
        "description": note,
        "updated_datetime": _written(notice.at) or "",
    }


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
