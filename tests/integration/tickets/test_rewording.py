"""Appeals from before the search are found once their words have been made up for."""

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_tickets.db.tables import SCHEMA
from careline_tickets.rewording import reword

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration
WORDS = "SELECT ticket_id, content_id, registered_at, words::text FROM tickets.wording ORDER BY 1"


async def test_what_has_no_words_gets_those_that_registering_gives(desk: "Desk") -> None:
    appeals = [await desk.agent.register(text=f"Нет инсулина в аптеке {n}") for n in range(5)]
    await desk.agent.does(appeals[0], "take")
    written = await desk.query(WORDS)
    assert len(written) == 5
    await desk.query("DELETE FROM tickets.wording WHERE ticket_id <> $1", appeals[4]["id"])
    database = Database(
        desk.database_url, schema=SCHEMA, source=SCHEMA, clock=SystemClock(), ids=UuidIds()
    )
    writer: asyncpg.Connection[Any] = await asyncpg.connect(desk.database_url)
    try:
        async with writer.transaction():
            one = appeals[2]["id"]
            await writer.execute("SELECT 1 FROM tickets.ticket WHERE id = $1 FOR UPDATE", one)
            assert await reword(database, at_a_time=2, rest_s=0) == 3
            assert await desk.query(WORDS) == [row for row in written if row["ticket_id"] != one]
        assert await reword(database, at_a_time=2, rest_s=0) == 1
        assert await reword(database, at_a_time=2, rest_s=0) == 0
    finally:
        await writer.close()
        await database.close()
    assert await desk.query(WORDS) == written
