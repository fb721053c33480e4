"""Who sent an SMS: providers write numbers with their country code, without it, or as in their country."""

from collections.abc import Callable, Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.adapters.phones import Number, read_national, read_sender
from careline_surveys.db.people import People


class Senders:
    """`regions` are those (`RU`) that our own lines are in: their providers are likely from there."""

    def __init__(self, people: People, regions: Callable[[], Collection[str]]) -> None:
        self._people = people
        self._regions = regions

    async def number_of(self, connection: AsyncConnection, sender: str) -> Number | None:
        """The sender's number; None for names and short codes: nobody can be asked by them.

        "09121234567" may be read in one country, and "13900001234" in two. Of several readings that
        counts which is somebody whom we know; the international one when that is not sure.
        """
        international = _read(sender)
        if sender.strip().startswith("+"):
            return international
        if international is not None and await self._known(connection, international):
            return international
        national = {
            number.e164: number
            for region in self._regions()
            if (number := read_national(sender, region)) is not None
        }
        known = [each for each in national.values() if await self._known(connection, each)]
        return known[0] if len(known) == 1 else international

    async def _known(self, connection: AsyncConnection, number: Number) -> bool:
        return await self._people.find(connection, number.e164) is not None


def _read(sender: str) -> Number | None:
    try:
        return read_sender(sender)
    except ValueError:
        return None
