"""The booking system as configured, with its guard in front."""

from collections.abc import Callable

from careline_common.clock import Clock
from careline_router.adapters.booking_fhir import FhirBooking
from careline_router.adapters.booking_guard import BookingRules, GuardedBooking
from careline_router.adapters.booking_http import HttpBooking
from careline_router.adapters.booking_null import NullBooking
from careline_router.adapters.crm_exchange import Pauses
from careline_router.adapters.ways import way_to
from careline_router.booking_config import BookingEntry
from careline_router.booking_port import BookingSystem


def make_booking(
    entry: BookingEntry | None,
    clock: Clock,
    pauses: Pauses,
    asked: Callable[[str, str], None],
) -> BookingSystem:
    """The booking system of an entry; `asked` hears how each question to it has ended."""
    if entry is None or entry.kind == "none" or entry.url is None:
        return NullBooking()
    rules = BookingRules(
        deadline_s=entry.deadline_s,
        at_once=entry.at_once,
        failures_to_open=entry.failures_to_open,
        open_for_s=entry.open_for_s,
    )
    way = way_to(
        entry,
        name="booking",
        clock=clock,
        pauses=pauses,
        at_most_s=entry.deadline_s,
        connections=entry.at_once,
    )
    source: BookingSystem = (
        HttpBooking(way, entry)
        if entry.kind == "http"
        else FhirBooking(
            way,
            base=entry.url,
            clinics=entry.clinics,
            system=entry.system,
            clinic_parameter=entry.clinic_parameter,
            speciality_parameter=entry.speciality_parameter,
        )
    )
    return GuardedBooking(source, rules, clock=clock, asked=asked)
