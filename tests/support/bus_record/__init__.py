"""What faults of the bus are held against: a record of its own, past every proxy."""

from sqlalchemy import text

from careline_common.db.engine import Database
from careline_common.testing.echo import arrive, effects
from careline_common.testing.waiting import eventually


class Record:
    """What was emitted and what came of it, written and read past every proxy."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.emitted: list[str] = []

    async def emit(self, count: int) -> None:
        """So many events, a transaction each."""
        first = len(self.emitted) + 1
        self.emitted += await arrive(self._database, *range(first, first + count))

    async def handled(self) -> None:
        """Waits until every event has its effect."""
        await eventually(
            lambda: self.have_effects(set(self.emitted)),
            within_s=60,
            what="an effect for every event",
        )

    async def holds(self) -> None:
        """Each event has its effect, has it once, and the outbox knows that all went out."""
        await self.emit(1)  # behind whatever comes twice
        await self.handled()
        await eventually(self.all_marked, what="every outbox row marked")
        assert sorted(await effects(self._database)) == sorted(self.emitted)

    async def have_effects(self, wanted: set[str]) -> bool:
        """Whether these events have their effects."""
        return wanted <= set(await effects(self._database))

    async def all_marked(self) -> bool:
        """Whether the outbox knows of every event that it went out."""
        async with self._database.read() as connection:
            query = "SELECT count(*) FROM echo.outbox WHERE published_at IS NULL"
            return bool((await connection.execute(text(query))).scalar_one() == 0)
