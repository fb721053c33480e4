"""Appointments that were ordered for callers, and how an order whose outcome is unknown is settled.

An order is sent to the booking system once. When nobody knows whether it was taken, the system is asked
how the appointment stands; it is never ordered again. What is not there yet may still be on its way
there, so that nothing counts as not done before an order is `settle_for_s` old.
"""

from dataclasses import dataclass
from typing import Literal

Order = Literal["book", "move", "cancel"]
Standing = Literal["booked", "cancelled"]
AppointmentState = Literal["booked", "cancelled", "failed", "unknown"]
"""`unknown` while an order's outcome is; `failed` is one that was never booked."""
RefusalReason = Literal["slot_taken", "slot_gone", "changed", "gone", "refused"]
"""Why the booking system does not do it; docs/booking.md says what each word means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an order: `standing` is how the appointment stands, None when there is none."""

    standing: Standing | None
    done: bool


def verdict(
    order: Order,
    wanted_slot: str | None,
    standing: Standing | None,
    slot: str | None,
    *,
    age_s: float,
    settle_for_s: float,
) -> Verdict | None:
    """What the booking system's own word says of an order; None: too early to tell.

    `standing` and `slot` are of the appointment as it is there now, None when it is not.
    """
    if _done(order, wanted_slot, standing, slot):
        return Verdict(standing=standing if order != "cancel" else "cancelled", done=True)
    if order == "move" and standing == "cancelled":
        return Verdict(standing="cancelled", done=False)  # nobody moves what is cancelled
    if age_s < settle_for_s:
        return None
    if order == "move" and standing is None:
        return Verdict(standing="cancelled", done=False)  # there was one, and it is gone
    return Verdict(standing=standing, done=False)


def _done(
    order: Order, wanted_slot: str | None, standing: Standing | None, slot: str | None
) -> bool:
    match order:
        case "book":
            return standing is not None
        case "move":
            return standing == "booked" and slot == wanted_slot
        case "cancel":
            return standing != "booked"
