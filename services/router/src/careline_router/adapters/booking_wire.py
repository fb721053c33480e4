"""What both kinds of booking system have in common on the wire: bodies as JSON, and what a status means."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

from pydantic_core import to_json

from careline_router.adapters.authorised import Way
from careline_router.adapters.crm_exchange import Answer
from careline_router.booking_port import BookingFault, BookingRefused, FaultReason
from careline_router.domain.bookings import RefusalReason
from careline_router.ports import CrmFault


async def exchange(
    way: Way,
    method: str,
    url: str,
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> Answer:
    """Sends a request, once; raises `BookingFault`, also for a status that tells of no outcome.

    A redirection is a fault: nothing that a patient has told goes to another address.
    """
    content = None if body is None else to_json(body)
    sent = {} if content is None else {"Content-Type": content_type}
    try:
        answer = await way.send(method, url, content=content, headers={**sent, **(headers or {})})
    except CrmFault as fault:
        raise BookingFault(
            cast("FaultReason", fault.reason), fault.detail, sent=fault.sent
        ) from fault
    detail = f"status {answer.status}"
    if answer.status in {401, 403}:
        raise BookingFault("auth", detail, sent=False)
    if answer.status >= 500 or answer.status == 408:
        raise BookingFault("server_error", detail)
    if not 200 <= answer.status < 300 and answer.status < 400:
        raise BookingFault("bad_answer", detail)
    return answer


def document_of(answer: Answer) -> Any:
    """The body as JSON; raises `BookingFault` when it is none."""
    try:
        return answer.document()
    except CrmFault as fault:
        raise BookingFault("bad_answer", fault.detail) from fault


def refusal(answer: Answer, reasons: Mapping[int, RefusalReason], detail: str = "") -> None:
    """Raises what a status from 400 on means: the request was read, and not carried out."""
    if answer.status >= 400:
        told = f"status {answer.status} {detail}".strip()
        raise BookingRefused(reasons.get(answer.status, "refused"), told)


def moment(value: Any) -> datetime | None:
    """A time with its zone (RFC 3339, FHIR instant); None for anything else: a time without zone is none."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def segment(identity: str) -> str:
    """An id as one segment of a path; raises `BookingRefused` for one that would be another path."""
    if not identity.strip("."):
        raise BookingRefused("slot_gone", "no id")
    return quote(identity, safe="")
