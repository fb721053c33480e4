"""Erasing a person: his number and his words go, his scores stay and name nobody."""

from dataclasses import dataclass

from careline_common.db.unit_of_work import UnitOfWork
from careline_surveys.answering import suppress
from careline_surveys.db import contacts, invitations, messages
from careline_surveys.db.people import People
from careline_surveys.metrics import SurveysMetrics

KEPT = (
    ("scores, and subjects of comments", "their invitations no longer lead to the person"),
    ("an opt-out under the keyed hash of the number", "else he would be asked again"),
    (
        "events on their way",
        "at most 24 hours in a queue and 30 days parked (docs/adr/0005)",
    ),
)
"""What outlives the erasure, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """`messages` of his that are gone, invitations that are no longer sent, calls without his key."""

    known: bool
    messages: int = 0
    cancelled: int = 0
    calls: int = 0


class Erasing:
    def __init__(self, people: People, metrics: SurveysMetrics) -> None:
        self._people = people
        self._metrics = metrics

    async def erase(self, uow: UnitOfWork, number: str) -> Erased:
        """Erases whoever has this number. What is with a provider at this moment cannot be taken back.

        What was asked can no longer be answered: neither by a link nor by an SMS.
        """
        now = uow.clock.now()
        calls = await contacts.forget_person(uow.connection, self._people.key_of(number), now)
        await self._people.forget_answers(uow.connection, number)
        person_id = await self._people.find(uow.connection, number, lock=True)
        if person_id is None:
            return Erased(known=calls > 0, calls=calls)
        waiting = await invitations.scheduled_of(uow.connection, person_id)
        for scheduled in waiting:
            await suppress(uow, scheduled, "erased", self._metrics)
        await messages.cancel_queued_of(uow.connection, person_id)
        await messages.empty_texts_of(uow.connection, person_id)
        await invitations.end_replies_of(uow.connection, person_id, now)
        gone = await self._people.erase(uow.connection, person_id)
        return Erased(known=True, messages=gone, cancelled=len(waiting), calls=calls)
