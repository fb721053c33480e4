"""One transaction: state, events, and what is told afterwards."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from careline_common.clock import ManualClock
from careline_common.db.copying import driver_of
from careline_common.db.engine import Database, is_unavailable
from careline_common.events import Envelope, Event, UnknownEventError
from careline_common.ids import SequenceIds
from careline_common.testing.echo import create_echo, echo_database
from careline_common.testing.messaging import arrived
from careline_common.testing.proxy import proxied

pytestmark = pytest.mark.integration


async def outbox(database: Database) -> list[Envelope]:
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT body FROM echo.outbox ORDER BY id"))
        return [Envelope.parse(bytes(body)) for body in rows.scalars()]


async def test_events_stand_in_the_outbox_in_the_order_in_which_they_were_emitted(
    empty_database_url: str, manual_clock: ManualClock
) -> None:
    database = echo_database(empty_database_url, clock=manual_clock, ids=SequenceIds("e"))
    await create_echo(database)
    async with database.unit_of_work() as uow:
        for number in (3, 1, 2):
            uow.emit(arrived(number).data, subject=f"call-{number}", sequence=number)
    written = await outbox(database)
    assert [(e.id, e.subject, e.sequence) for e in written] == [
        ("e-1", "call-3", 3),
        ("e-2", "call-1", 1),
        ("e-3", "call-2", 2),
    ]
    assert {e.source for e in written} == {"/careline/echo"}
    assert {e.time for e in written} == {manual_clock.now()}
    assert [e.correlationid for e in written] == ["call-3", "call-1", "call-2"]
    assert {e.causationid for e in written} == {None}
    await database.close()


async def test_an_event_names_the_event_that_caused_it(database: Database) -> None:
    async with database.unit_of_work() as uow:
        uow.cause = arrived(7)
        uow.emit(arrived(8).data, subject="call-8", sequence=1)
    (written,) = await outbox(database)
    assert (written.causationid, written.correlationid) == ("event-7", "call-7")


async def test_a_block_that_fails_leaves_nothing_and_tells_nobody(database: Database) -> None:
    told: list[str] = []
    with pytest.raises(RuntimeError):
        await _write_and_fail(database, told)
    assert await outbox(database) == []
    assert told == []


async def _write_and_fail(database: Database, told: list[str]) -> None:
    async with database.unit_of_work() as uow:
        uow.after_commit(lambda: told.append("done"))
        uow.emit(arrived().data, subject="call-1", sequence=1)
        await uow.flush_events()
        raise RuntimeError


async def test_after_commit_runs_when_others_can_see_the_rows(database: Database) -> None:
    told: list[str] = []
    async with database.unit_of_work() as uow:
        uow.after_commit(lambda: told.append("first"))
        uow.after_commit(lambda: told.append("second"))
        assert told == []
    assert told == ["first", "second"]


async def test_a_callback_that_fails_neither_undoes_the_work_nor_stops_the_others(
    database: Database,
) -> None:
    told: list[str] = []

    def fail() -> None:
        raise ValueError

    async with database.unit_of_work() as uow:
        uow.after_commit(fail)
        uow.after_commit(lambda: told.append("second"))
        uow.emit(arrived().data, subject="call-1", sequence=1)
    assert told == ["second"]
    assert len(await outbox(database)) == 1


async def test_a_connection_lost_before_the_commit_comes_out_as_unavailable(
    database: Database,
) -> None:
    told: list[str] = []
    with pytest.raises(asyncpg.InterfaceError) as caught:
        await _commit_on_a_dead_connection(database, told)
    assert is_unavailable(caught.value)
    assert told == []
    assert await outbox(database) == []


async def _commit_on_a_dead_connection(database: Database, told: list[str]) -> None:
    async with database.unit_of_work() as uow:
        uow.after_commit(lambda: told.append("done"))
        uow.emit(arrived().data, subject="call-1", sequence=1)
        await uow.flush_events()
        pid = (await uow.connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with database.unit_of_work() as other:
            await other.connection.execute(
                text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}
            )


async def test_a_commit_whose_answer_is_lost_raises_though_it_may_stand(
    empty_database_url: str,
) -> None:
    direct = echo_database(empty_database_url)
    await create_echo(direct)
    told: list[str] = []
    async with proxied(empty_database_url) as (url, proxy):
        database = echo_database(url)

        async def write() -> None:
            async with database.unit_of_work() as uow:
                uow.after_commit(lambda: told.append("done"))
                uow.emit(arrived().data, subject="call-1", sequence=1)
                await uow.flush_events()
                proxy.swallow_answers()

        task = asyncio.create_task(write())
        while not await outbox(direct):
            assert not task.done()
        proxy.reset()
        with pytest.raises((asyncpg.PostgresError, OSError)) as caught:
            await task
        assert is_unavailable(caught.value)
        proxy.pass_on()
        await database.close()
    assert told == []
    assert len(await outbox(direct)) == 1
    await direct.close()


async def test_who_is_cancelled_at_whatever_moment_leaves_all_or_nothing(
    database: Database,
) -> None:
    finished: list[int] = []

    async def write(number: int) -> None:
        async with database.unit_of_work() as uow:
            uow.emit(arrived(number).data, subject=f"call-{number}", sequence=number)
            await uow.connection.execute(
                text("INSERT INTO echo.effect VALUES (:id)"), {"id": str(number)}
            )
        finished.append(number)

    for moment in range(60):
        task = asyncio.create_task(write(moment))
        for _ in range(2 * moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await write(60)
    async with database.read() as connection:
        told = {*await connection.scalars(text("SELECT sequence FROM echo.outbox"))}
        done = {*await connection.scalars(text("SELECT event_id::int FROM echo.effect"))}
    assert told == done
    assert 60 in {*finished} <= told
    assert 0 not in told


async def test_connections_that_the_server_closed_are_replaced_before_they_are_used(
    database: Database,
) -> None:
    await asyncio.gather(*(database.ping() for _ in range(5)))
    await _terminate_all(database)
    for _ in range(5):
        async with database.unit_of_work() as uow:
            uow.emit(arrived().data, subject="call-1", sequence=1)
    assert len(await outbox(database)) == 5


async def _terminate_all(database: Database) -> None:
    """Ends every connection of the pool, seen from another one."""
    other = await asyncpg.connect(database.url)
    await other.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()


async def test_only_events_of_the_catalogue_can_be_emitted(database: Database) -> None:
    class Invented(Event):
        TYPE = "careline.thing.invented.v1"

    async with database.unit_of_work() as uow:
        with pytest.raises(UnknownEventError):
            uow.emit(Invented(), subject="x", sequence=1)


async def test_a_reader_cannot_write_and_sees_one_snapshot(database: Database) -> None:
    async with database.read() as connection:
        count = text("SELECT count(*) FROM echo.effect")
        assert (await connection.execute(count)).scalar_one() == 0
        async with database.unit_of_work() as uow:
            await uow.connection.execute(text("INSERT INTO echo.effect VALUES ('e')"))
        assert (await connection.execute(count)).scalar_one() == 0
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.execute(text("INSERT INTO echo.effect VALUES ('f')"))


async def test_an_error_of_a_statement_shows_no_parameter_and_is_not_unavailable(
    database: Database,
) -> None:
    with pytest.raises(DBAPIError) as caught:
        await _insert_number(database, "+79990001122")
    assert "7999" not in str(caught.value)
    assert not is_unavailable(caught.value)


async def _insert_number(database: Database, number: str) -> None:
    async with database.unit_of_work() as uow:
        await uow.connection.execute(
            text("INSERT INTO echo.effect (absent) VALUES (:number)"), {"number": number}
        )


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = echo_database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(OSError, match="1") as caught:
        await database.ping()
    assert is_unavailable(caught.value)
    await database.close()


async def test_a_connection_that_was_lost_on_the_way_is_not_used_again(
    database: Database,
) -> None:
    """asyncpg may not know yet that it is lost, and the pool would give it to the next one."""

    async def backend() -> int:
        async with database.unit_of_work() as uow:
            shown = await uow.connection.execute(text("SELECT pg_backend_pid()"))
            return int(shown.scalar_one())

    first = await backend()
    assert await backend() == first

    async def losing() -> None:
        async with database.unit_of_work() as uow:
            await uow.connection.execute(text("SELECT 1"))
            raise asyncpg.ConnectionDoesNotExistError

    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await losing()
    assert await backend() != first


@pytest.mark.parametrize("error", [TimeoutError(), RuntimeError()], ids=["lost", "of the block"])
async def test_a_connection_that_was_given_up_tells_nothing_in_the_place_of_why(
    database: Database, error: Exception
) -> None:
    """So the driver does with one to a server that does not even answer the good-bye."""

    async def giving_up() -> None:
        async with database.unit_of_work() as uow:
            driver_of(uow.connection).terminate()
            raise error

    with pytest.raises(type(error)) as caught:
        await giving_up()
    assert caught.value is error
    assert await outbox(database) == []


async def test_rows_are_copied_in_their_order_and_with_the_rest_of_the_transaction(
    database: Database,
) -> None:
    async def failing() -> None:
        async with database.unit_of_work() as uow:
            uow.emit(arrived(1).data, subject="call-1", sequence=1)
            await uow.flush_events()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await outbox(database) == []
    async with database.unit_of_work() as uow:
        for number in range(300):
            uow.emit(arrived(number).data, subject=f"call-{number}", sequence=number)
            if number == 100:
                await uow.flush_events()
    assert [envelope.sequence for envelope in await outbox(database)] == list(range(300))


async def test_nothing_is_copied_outside_of_a_transaction(database: Database) -> None:
    async with database.engine.connect() as connection:
        with pytest.raises(AssertionError, match="only in a unit of work"):
            driver_of(connection)
