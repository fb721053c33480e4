"""A person's data: given to him, and erased from calls that are over."""

from collections.abc import Mapping, Sequence
from typing import Any

from careline_common.http.auth import Principal
from careline_router.db import bookings, persons
from careline_router.usecases.booking_views import shown
from careline_router.usecases.parts import UseCases


class PersonsData(UseCases):
    """Nothing of it passes through the floor: what is deleted belongs to calls that it has left."""

    async def export_person(self, phone: str, who: Principal) -> Sequence[Mapping[str, Any]]:
        """His calls, oldest first, each with the `appointments` that were ordered in it."""
        async with self._database.unit_of_work() as uow:
            found = await persons.calls_of(uow.connection, self._hasher.lookup(phone))
            ids = [row["id"] for row in found]
            ordered = [shown(row) for row in await bookings.of_calls(uow.connection, ids)]
            await persons.note(
                uow.connection,
                at=uow.clock.now(),
                who=who.subject,
                roles=who.roles,
                what="person.export",
                call_ids=ids,
            )
        return [
            {**row, "appointments": [each for each in ordered if each.call_id == row["id"]]}
            for row in found
        ]

    async def erase_person(
        self, phone: str, who: Principal
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """(calls that he is erased from, calls that are under way and still need him)."""
        async with self._database.unit_of_work() as uow:
            found = await persons.calls_of(uow.connection, self._hasher.lookup(phone), lock=True)
            over = [row for row in found if row["ended_at"] is not None]
            await persons.erase(uow.connection, [row["id"] for row in over])
            await bookings.erase(uow.connection, [row["id"] for row in over])
            await persons.note(
                uow.connection,
                at=uow.clock.now(),
                who=who.subject,
                roles=who.roles,
                what="person.erase",
                call_ids=[row["id"] for row in over],
            )
        for row in over:
            self._contacts.forget(row["id"])
        return over, [row for row in found if row["ended_at"] is None]
