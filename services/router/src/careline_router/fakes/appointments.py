"""The book of a booking system that fakes share: free slots, and who has which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

DAYS = 14
FIRST_HOUR, LAST_HOUR = 9, 17
STEP = timedelta(minutes=30)


class Taken(Exception):  # noqa: N818 - an answer of a booking system
    """Somebody has that slot."""


class NotThere(Exception):  # noqa: N818 - an answer of a booking system
    """There is no such slot, or no such appointment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTime:
    id: str
    clinic: str
    starts_at: datetime
    ends_at: datetime
    speciality: str = "cardiology"
    practitioner: str = "Dr Orlova"


@dataclass(slots=True, kw_only=True)
class Booked:
    """`version` counts its changes."""

    id: str
    reference: str
    slot: FreeTime
    patient: Mapping[str, Any]
    status: Literal["booked", "cancelled"] = "booked"
    version: int = 1
    resource: dict[str, Any] = field(default_factory=dict)
    """What else the client has written into it."""


def free_days(now: datetime, clinic: str) -> list[FreeTime]:
    """A slot every half hour of the working day, for two weeks from tomorrow, UTC."""
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    made: list[FreeTime] = []
    for day in range(DAYS):
        at = first + timedelta(days=day, hours=FIRST_HOUR)
        while at.hour < LAST_HOUR:
            slot = FreeTime(id=f"s{len(made) + 1}", clinic=clinic, starts_at=at, ends_at=at + STEP)
            made.append(slot)
            at += STEP
    return made


class Book:
    """Slots and appointments. It makes whatever it is asked to, as often as it is asked."""

    def __init__(self, slots: Iterable[FreeTime]) -> None:
        self.slots = {slot.id: slot for slot in slots}
        self.appointments: dict[str, Booked] = {}

    def free(
        self, clinic: str, speciality: str | None, *, since: str, until: str
    ) -> list[FreeTime]:
        """Those that begin from `since`, until before `until`, which are RFC 3339; raises ValueError."""
        begin, end = datetime.fromisoformat(since), datetime.fromisoformat(until)
        return [
            slot
            for slot in self.slots.values()
            if slot.clinic == clinic
            and speciality in {None, slot.speciality}
            and begin <= slot.starts_at < end
            and not self.taken(slot.id)
        ]

    def taken(self, slot_id: str) -> bool:
        return any(
            each.slot.id == slot_id and each.status == "booked"
            for each in self.appointments.values()
        )

    def slot(self, slot_id: str) -> FreeTime:
        if slot_id not in self.slots:
            raise NotThere
        return self.slots[slot_id]

    def book(self, reference: str, slot_id: str, patient: Mapping[str, Any]) -> Booked:
        slot = self.slot(slot_id)
        if self.taken(slot_id):
            raise Taken
        made = Booked(
            id=f"a{len(self.appointments) + 1}", reference=reference, slot=slot, patient=patient
        )
        self.appointments[made.id] = made
        return made

    def standing(self, identity: str) -> Booked:
        found = self.appointments.get(identity)
        if found is None:
            raise NotThere
        return found

    def move(self, identity: str, slot_id: str) -> Booked:
        found, slot = self.standing(identity), self.slot(slot_id)
        if found.slot.id != slot_id and self.taken(slot_id):
            raise Taken
        found.slot = slot
        found.version += 1
        return found

    def cancel(self, identity: str) -> Booked:
        found = self.standing(identity)
        found.status = "cancelled"
        found.version += 1
        return found

    def by_reference(self, reference: str) -> Booked | None:
        return next(
            (each for each in self.appointments.values() if each.reference == reference), None
        )
