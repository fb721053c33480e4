"""What is special about events in tables: time-to-live, and what the sweep finds."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from careline_common.db import engine
from careline_common.messaging import local, local_sql
from careline_common.messaging.transport import (
    IncomingMessage,
    OutgoingMessage,
    ParkError,
    TransportUnavailableError,
)
from careline_common.testing.messaging import Bus, Ear, arrived, local_bus, outgoing, subscription
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(loop_scope="session")
async def bus(empty_database_url: str) -> AsyncIterator[Bus]:
    async with local_bus(empty_database_url) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def rows(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database_url)
    yield connection
    await connection.close()


async def events(rows: asyncpg.Connection) -> list[str]:
    found = await rows.fetch("SELECT event_id FROM bus.event ORDER BY event_id")
    return [row["event_id"] for row in found]


async def test_what_waited_longer_than_a_day_is_parked_and_can_be_replayed(
    bus: Bus, rows: asyncpg.Connection
) -> None:
    await bus.known(subscription())
    await bus.publish(arrived(1), arrived(2))
    await rows.execute(
        "UPDATE bus.delivery SET queued_at = now() - interval '25 hours', due_at = 'infinity'"
        " WHERE event_id = 'event-1'"
    )
    ear, transport = Ear(), bus.transport()
    async with bus.consuming(transport, subscription(), ear):
        (parked,) = await eventually(lambda: transport.parked("tests.calls"))
        assert (parked.event_id, parked.reason) == ("event-1", "not handled in time")
        await transport.replay("tests.calls")
        await eventually(lambda: sorted(ear.handled) == ["event-1", "event-2"])
        await eventually(lambda: _none(rows))  # settled a moment after it was handled


async def test_a_parked_message_is_gone_after_thirty_days(
    bus: Bus, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "SWEEP_S", 0.05)
    ear, transport = Ear(fail=lambda _: ParkError("broken")), bus.transport()
    async with bus.consuming(transport, subscription(), ear):
        await bus.publish(arrived(1), arrived(2))

        async def parked(*wanted: str) -> bool:
            return [m.event_id for m in await transport.parked("tests.calls")] == list(wanted)

        await eventually(lambda: parked("event-1", "event-2"))
        await rows.execute(
            "UPDATE bus.delivery SET parked_at = now() - interval '30 days 1 minute'"
            " WHERE event_id = 'event-1'"
        )
        await eventually(lambda: parked("event-2"))
        await eventually(lambda: _only(rows, "event-2"))


async def test_a_batch_that_takes_longer_than_silence_may_last_is_settled(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would come again for ever, each time as if for the first."""
    monkeypatch.setattr(engine, "IDLE_IN_TRANSACTION_S", 2)

    async def take_long(_: IncomingMessage) -> None:
        await asyncio.sleep(3)
        raise ParkError("broken")

    transport = bus.transport()
    async with bus.consuming(transport, subscription(), take_long):
        await bus.publish(arrived(1))
        (parked,) = await eventually(lambda: transport.parked("tests.calls"))
    assert parked.attempts == 1


async def _none(rows: asyncpg.Connection) -> bool:
    return await events(rows) == []


async def _only(rows: asyncpg.Connection, event_id: str) -> bool:
    return await events(rows) == [event_id]


async def test_an_event_that_nobody_wanted_for_an_hour_is_forgotten(
    bus: Bus, rows: asyncpg.Connection
) -> None:
    await bus.publish(arrived(1), arrived(2))
    await rows.execute(
        "UPDATE bus.event SET published_at = now() - interval '61 minutes'"
        " WHERE event_id = 'event-1'"
    )
    await rows.execute(local_sql.FORGET_EVENTS, float(3600))
    assert await events(rows) == ["event-2"]


async def test_an_event_whose_consumers_finished_at_once_is_swept(
    bus: Bus, rows: asyncpg.Connection
) -> None:
    await bus.known(subscription("tests.first"))
    await bus.known(subscription("tests.second"))
    await bus.publish(arrived(1))
    await rows.execute("DELETE FROM bus.delivery")
    await rows.execute(local_sql.FORGET_EVENTS, float(3600))
    assert await events(rows) == []


async def test_a_message_that_the_database_refuses_does_not_hold_up_the_others(bus: Bus) -> None:
    await bus.known(subscription())
    bad = OutgoingMessage(
        event_id="with \0 in it", type="careline.call.arrived.v1", subject="x", body=b"{}"
    )
    transport = bus.transport()
    verdicts = await transport.publish([outgoing(arrived(1)), bad, outgoing(arrived(2))])
    assert [verdict is None for verdict in verdicts] == [True, False, True]
    assert not isinstance(verdicts[1], TransportUnavailableError)


async def test_processes_that_open_at_once_make_the_tables_once(bus: Bus) -> None:
    transports = [bus.transport() for _ in range(5)]
    for transport in transports:
        await transport.open()
        await transport.open()


async def test_a_bus_with_nothing_to_do_rests(bus: Bus, rows: asyncpg.Connection) -> None:
    """Its workers look once a second, unless something is due before."""
    await bus.known(subscription())
    next_due = (local_sql.NEXT_DUE_S, "tests.calls")
    assert await rows.fetchval(*next_due) is None
    await bus.publish(arrived(1))
    assert await rows.fetchval(*next_due) is None  # due now: it is taken, not waited for
    await rows.execute("UPDATE bus.delivery SET due_at = now() + interval '10 seconds'")
    assert 0 < await rows.fetchval(*next_due) <= 10
    await rows.execute("UPDATE bus.delivery SET due_at = now() + interval '1 millisecond'")
    assert await rows.fetchval(*next_due) in {None, 0.005}


async def test_only_who_is_told_looks_and_a_long_line_is_shared(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll is far away, so that only bells wake anybody."""
    monkeypatch.setattr(local, "POLL_S", 30.0)
    together = asyncio.Barrier(2)
    handled: list[int] = []

    async def handle(messages: list[IncomingMessage]) -> list[Exception | None]:
        if len(handled) < 2 and len(messages) > 1:
            async with asyncio.timeout(10):
                await together.wait()  # passes only when two have a batch at the same time
        handled.append(len(messages))
        return [None] * len(messages)

    transport, wanted = bus.transport(), subscription(order_free=True)
    consuming = asyncio.create_task(transport.consume(wanted, handle))
    await eventually(lambda: transport.consuming(wanted.name))
    await asyncio.sleep(0.2)  # until all workers have looked once and wait
    await transport.publish([outgoing(arrived(number)) for number in range(150)])
    await eventually(lambda: sum(handled) == 150)
    await transport.publish([outgoing(arrived(500))])
    await eventually(lambda: sum(handled) == 151)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
