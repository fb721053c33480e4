"""Who has looked at whose data, for those who watch over that; who reads it is noted as well."""

from collections.abc import Sequence
from dataclasses import replace

from careline_common.http.auth import Principal
from careline_router.db import looks, persons
from careline_router.db.looks import Look, Wanted
from careline_router.usecases.parts import UseCases

READ = "looks at persons read"


class Looks(UseCases):
    async def looks(
        self, who: Principal, wanted: Wanted, *, phone: str | None, after: int | None, limit: int
    ) -> Sequence[Look]:
        """Looks, the newest first, up to `limit` + 1; given a `phone` (E.164) those at that person.

        The note of this reading is in the same transaction, and not among what is read.
        """
        async with self._database.unit_of_work() as uow:
            if phone is not None:
                his = await looks.calls_of(uow.connection, self._hasher.lookup(phone))
                both = his if wanted.call_ids is None else set(his).intersection(wanted.call_ids)
                wanted = replace(wanted, call_ids=sorted(both))
            found = await looks.newest(uow.connection, wanted, after=after, limit=limit + 1)
            await persons.note(
                uow.connection,
                at=uow.clock.now(),
                who=who.subject,
                roles=who.roles,
                what=READ,
                call_ids=wanted.call_ids or (),
            )
        return found
