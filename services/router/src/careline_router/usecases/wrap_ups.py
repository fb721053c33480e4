"""What an agent says of a call: held against the words of its queue, and against its appointments."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.http.problem import FieldError, InvalidInput, invalid
from careline_router.config import Queue
from careline_router.db import bookings
from careline_router.usecases.booking_views import state_of
from careline_router.views import WrapUp

BOOKED = "booked"


def check_words(queue: Queue | None, said: WrapUp, clinics: Collection[str]) -> None:
    """422 with every word that the queue does not have; where it lists none, any will do."""
    queue = queue or Queue(id="none")
    faults: list[FieldError] = []

    def expect(path: str, word: str | None, allowed: Collection[str]) -> None:
        if allowed and word not in allowed:
            faults.append({"path": path, "reason": f"one of {', '.join(allowed)}"})

    expect("disposition", said.disposition, queue.dispositions)
    for place, subject in enumerate(said.subjects):
        expect(f"subjects[{place}]", subject, queue.subjects)
    if said.booking is not None and said.booking["result"] != BOOKED:
        expect("booking.reason", said.booking.get("reason"), queue.no_booking_reasons)
    if said.booking is not None and "clinic" in said.booking:
        expect("booking.clinic", said.booking["clinic"], clinics)
    if faults:
        raise InvalidInput(errors=faults)


async def booking_of(
    connection: AsyncConnection, call_id: str, said: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """What a call has come to: what was said, and the appointment that was booked in it.

    422 for one of ours that is of another call, or was never booked. Ids that are not ours stand as said.
    """
    rows = {row.id: row for row in await bookings.of_calls(connection, [call_id])}
    if said is None or (said["result"] == BOOKED and "appointment_id" not in said):
        counts = {"booked"} if said is None else {"booked", "unknown"}
        made = [row for row in rows.values() if state_of(row) in counts]
        if not made:
            return None if said is None else dict(said)
        return {**(said or {}), "result": BOOKED, "appointment_id": made[0].id}
    named = said.get("appointment_id")
    if named is not None and said["result"] == BOOKED:
        row = rows.get(named) or await bookings.one(connection, named)
        if row is not None and row.call_id != call_id:
            raise invalid("booking.appointment_id", "that appointment was made in another call")
        if row is not None and state_of(row) in {"failed", "cancelled"}:
            raise invalid("booking.appointment_id", f"that appointment is {state_of(row)}")
    return dict(said)
