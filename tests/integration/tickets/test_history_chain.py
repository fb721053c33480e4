"""The history is append-only, and what is changed behind its back shows."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import select

from careline.datadir import CannotError, DataDir
from careline.verifying import verify
from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.db.migrate import differences
from careline_common.ids import UuidIds
from careline_tickets.api.office import Office
from careline_tickets.db import tables
from careline_tickets.db.verify import verify_chain
from careline_tickets.sealing import EVERY, LAG, seal_due

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

APPEALS = 8


@pytest_asyncio.fixture(loop_scope="session")
async def journal(desk: "Desk") -> AsyncIterator[Database]:
    """A journal of some appeals with a history, as `careline tickets verify` opens it."""
    for number in range(APPEALS):
        ticket = await desk.specialist.register(text=f"text {number}", person={"name": "Anna"})
        ticket = await desk.specialist.does(ticket, "take", note="mine")
        ticket = await desk.specialist.does(ticket, "send_to_insurer", insurer="ins7")
        await desk.insurer.does(ticket, "insurer_answer", text="done")
    database = Database(
        desk.database_url, schema="tickets", source="tickets", clock=SystemClock(), ids=UuidIds()
    )
    yield database
    await database.close()


async def tamper(journal: Database, statement: str) -> None:
    """As the owner of the tables, who can take the trigger away."""
    connection = await asyncpg.connect(journal.url)
    await connection.execute("ALTER TABLE tickets.history DISABLE TRIGGER append_only")
    await connection.execute(statement)
    await connection.close()


async def test_an_untouched_journal_holds(journal: Database) -> None:
    report = await verify_chain(journal)
    assert report.holds
    assert (report.appeals, report.entries) == (APPEALS, 4 * APPEALS)


TAMPERED = (
    ("UPDATE tickets.history SET actor = 'x' WHERE version = 2", "the row is not what was written"),
    (
        'UPDATE tickets.history SET after = after || \'{"owner": "x"}\' WHERE version = 2',
        "the row is not what was written",
    ),
    (
        "UPDATE tickets.history SET at = at + interval '1 microsecond' WHERE version = 1",
        "the row is not what was written",
    ),
    ("DELETE FROM tickets.history WHERE version = 2", "a row is missing"),
    ("DELETE FROM tickets.history WHERE version = 4", "the end of the history is missing"),
    ("UPDATE tickets.content SET body = 'x' WHERE kind = 'text'", "a text was changed"),
    (
        "UPDATE tickets.ticket SET status = 'closed' WHERE true",
        "status is not what the history says",
    ),
)
"""What is done to one appeal each, and what must be found."""


async def test_whatever_is_changed_shows(journal: Database) -> None:
    async with journal.read() as connection:
        found = await connection.execute(select(tables.ticket.c.id).order_by(tables.ticket.c.id))
        appeals = list(found.scalars())
    assert len(appeals) > len(TAMPERED)
    for ticket_id, (statement, _) in zip(appeals, TAMPERED, strict=False):
        column = "id" if "tickets.ticket " in statement else "ticket_id"
        await tamper(journal, f"{statement} AND {column} = '{ticket_id}'")
    report = await verify_chain(journal)
    assert not report.holds
    for ticket_id, (statement, reason) in zip(appeals, TAMPERED, strict=False):
        reasons = [one.reason for one in report.breaks if one.ticket_id == ticket_id]
        assert reason in reasons, statement
    assert {one.ticket_id for one in report.breaks} == set(appeals[: len(TAMPERED)])


GONE = (
    (
        "DELETE FROM tickets.clock WHERE ticket_id = $1",
        "DELETE FROM tickets.wording WHERE ticket_id = $1",
        "DELETE FROM tickets.content WHERE ticket_id = $1",
        "DELETE FROM tickets.person WHERE ticket_id = $1",
        "DELETE FROM tickets.history WHERE ticket_id = $1",
        "DELETE FROM tickets.ticket WHERE id = $1",
    ),
    (
        """UPDATE tickets.ticket SET version = 3, status = 'with_insurer', chain =
            (SELECT hash FROM tickets.history WHERE ticket_id = $1 AND version = 3) WHERE id = $1""",
        "DELETE FROM tickets.history WHERE ticket_id = $1 AND version = 4",
    ),
)
"""An appeal gone with all that was written of it, and the last of its changes taken back without a trace."""


@pytest.mark.parametrize("statements", GONE, ids=["appeal", "tail"])
async def test_what_is_gone_without_a_trace_shows_by_the_seal(
    desk: "Desk", journal: Database, statements: tuple[str, ...]
) -> None:
    """Fails when the seal does not cover every row: the appeals' own chains hold afterwards."""
    office: Office = desk.service.app.state.office
    assert not await seal_due(office.database), "what is fresh is not sealed yet"
    desk.clock.advance((LAG + EVERY).total_seconds())
    assert sorted(await asyncio.gather(*(seal_due(office.database) for _ in range(3)))) == [
        False, False, True,
    ]  # fmt: skip
    later = await desk.specialist.register(text="later", person={"name": "Anna"})
    assert (await verify_chain(journal)).holds
    async with journal.read() as connection:
        found = await connection.execute(
            select(tables.ticket.c.id).where(tables.ticket.c.id != later["id"]).limit(1)
        )
        ticket_id = found.scalar_one()
    for statement in statements:
        await tamper(journal, statement.replace("$1", f"'{ticket_id}'"))
    report = await verify_chain(journal)
    assert report.breaks == []
    assert report.broken_seals == [1]


async def test_a_seal_that_is_taken_out_or_changed_shows(desk: "Desk", journal: Database) -> None:
    office: Office = desk.service.app.state.office
    for _ in range(3):
        await desk.specialist.register(text="more")
        desk.clock.advance((LAG + EVERY).total_seconds())
        assert await seal_due(office.database)
    report = await verify_chain(journal)
    assert (report.holds, report.seals, len(report.seal_hashes)) == (True, 3, 3)
    connection = await asyncpg.connect(journal.url)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await connection.execute("DELETE FROM tickets.seal")
    await connection.execute("ALTER TABLE tickets.seal DISABLE TRIGGER append_only")
    noted = await connection.fetchval(
        "SELECT encode(hash, 'hex') FROM tickets.seal WHERE number = 2"
    )
    assert noted in report.seal_hashes
    await connection.execute("DELETE FROM tickets.seal WHERE number = 2")
    await connection.close()
    later = await verify_chain(journal)
    assert (later.broken_seals, noted in later.seal_hashes) == ([3], False)


async def test_erasing_people_and_texts_breaks_nothing(journal: Database) -> None:
    await tamper(journal, "DELETE FROM tickets.content")
    await tamper(journal, "DELETE FROM tickets.person")
    assert (await verify_chain(journal)).holds


async def test_the_database_refuses_to_change_history(journal: Database) -> None:
    connection = await asyncpg.connect(journal.url)
    for statement in ("UPDATE tickets.history SET actor = 'x'", "DELETE FROM tickets.history"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)
    await connection.close()


async def test_no_personal_data_stands_outside_person_and_content(journal: Database) -> None:
    connection = await asyncpg.connect(journal.url)
    names = [
        row["table_name"]
        for row in await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tickets'"
        )
    ]
    for name in set(names) - {"person", "content"}:
        rows = await connection.fetch(f"SELECT t::text AS line FROM tickets.{name} t")
        assert not [row for row in rows if "Anna" in row["line"] or "text 1" in row["line"]], name
    await connection.close()


async def test_the_migrations_make_what_the_tables_say(database_url: str) -> None:
    assert await differences(database_url, schema="tickets", metadata=tables.metadata) == []


async def test_the_command_says_whether_the_chain_holds(
    journal: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("CARELINE_DATABASE_URL", journal.url)
    await verify(DataDir(tmp_path))
    assert f"holds: {APPEALS} appeals, {4 * APPEALS} changes" in capsys.readouterr().out
    with pytest.raises(CannotError, match="noted seal is not there"):
        await verify(DataDir(tmp_path), noted="3f1c")
    await tamper(journal, "DELETE FROM tickets.history WHERE version = 4")
    with pytest.raises(CannotError, match=f"broken in {2 * APPEALS} places"):
        await verify(DataDir(tmp_path))
