"""Appointments and what went wrong with them, as agents are told."""

from careline_common.http.problem import Conflict, Problem
from careline_router.booking_port import BookingFault, BookingRefused
from careline_router.db.bookings import AppointmentRow
from careline_router.domain.bookings import AppointmentState
from careline_router.views import AppointmentView

RETRY_AFTER_S = 10
_SAID = {
    "slot_taken": "somebody else has that slot: look for another one",
    "slot_gone": "there is no such slot any more: look for another one",
    "changed": "somebody else has changed the appointment just now: try again",
    "gone": "the appointment does not stand any more at the booking system",
    "refused": "the booking system refuses this order",
}


class BookingUnavailable(Problem):
    status = 503
    type = "booking-unavailable"
    title = "The booking system does not answer"


def shown(row: AppointmentRow) -> AppointmentView:
    return AppointmentView(
        id=row.id,
        call_id=row.call_id,
        state=state_of(row),
        order=row.ordered,
        clinic=row.clinic,
        speciality=row.speciality,
        slot_id=row.slot_id or row.wanted_slot,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        external_id=row.external_id,
        agent=row.agent,
        made_at=row.made_at,
        reason=row.reason,
    )


def state_of(row: AppointmentRow) -> AppointmentState:
    if row.ordered is not None:
        return "unknown"
    if row.standing == "booked":
        return "booked"
    return "failed" if row.standing is None else "cancelled"


def not_available(fault: BookingFault) -> Problem:
    """Nothing was done: the same may be tried again."""
    return BookingUnavailable(
        f"nothing was done ({fault.reason}); try again later, or note why there is no appointment",
        headers={"Retry-After": str(RETRY_AFTER_S)},
        reason=fault.reason,
    )


def refused_as(refused: BookingRefused) -> Problem:
    return Conflict(_SAID[refused.reason], type=refused.reason.replace("_", "-"))
