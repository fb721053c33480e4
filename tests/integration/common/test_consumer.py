"""A consumer over a real inbox: what it does with good events, bad ones and a database that goes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from structlog.testing import capture_logs

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events import Envelope
from careline_common.events.router import CallArrived, CallEnded
from careline_common.messaging.consumer import Consumer, Subscription
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.transport import IncomingMessage, ParkError
from careline_common.testing.echo import NOTING, create_echo, echo_database, effects, note
from careline_common.testing.messaging import arrived
from careline_common.testing.proxy import proxied
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


def consumer(
    database: Database,
    subscription: Subscription = NOTING,
    registry: CollectorRegistry | None = None,
) -> Consumer:
    metrics = MessagingMetrics(registry or CollectorRegistry(), service="echo")
    return Consumer(database, subscription, clock=SystemClock(), metrics=metrics)


async def hand_over(handle: Consumer, *messages: IncomingMessage) -> None:
    """Hands each over by itself; raises what went wrong."""
    for each in messages:
        (verdict,) = await handle([each])
        if verdict is not None:
            raise verdict


def message(body: bytes, *, attempt: int = 1, last: bool = False) -> IncomingMessage:
    return IncomingMessage(body=body, attempt=attempt, last=last)


async def inbox(database: Database) -> list[tuple[str, str]]:
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT consumer, event_id FROM echo.inbox"))
        return [(row.consumer, row.event_id) for row in rows]


async def test_an_event_has_its_effect_once_however_often_it_comes(database: Database) -> None:
    registry = CollectorRegistry()
    handle = consumer(database, registry=registry)
    body = message(arrived(1).to_json())
    await asyncio.gather(*(hand_over(handle, body) for _ in range(5)))
    assert await effects(database) == ["event-1"]
    assert await inbox(database) == [("echo.calls", "event-1")]
    labels = {"service": "echo", "consumer": "echo.calls"}
    counted = {
        outcome: registry.get_sample_value(
            "careline_events_consumed_total", {**labels, "outcome": outcome}
        )
        for outcome in ("done", "duplicate")
    }
    assert counted == {"done": 1, "duplicate": 4}


async def test_two_consumers_of_a_service_have_an_inbox_each(database: Database) -> None:
    other = Subscription(name="echo.other", events=(CallArrived,), handle=note)
    body = message(arrived(1).to_json())
    await hand_over(consumer(database), body)
    await hand_over(consumer(database, other), body)
    assert await effects(database) == ["event-1", "event-1"]


async def test_an_effect_that_fails_half_way_leaves_no_trace_and_can_be_repeated(
    database: Database,
) -> None:
    broken = True

    async def note_and_fail(uow: UnitOfWork, envelope: Envelope, fetched: Any) -> None:
        await note(uow, envelope, fetched)
        uow.emit(arrived(2).data, subject="call-2", sequence=1)
        if broken:
            raise ValueError

    handle = consumer(
        database, Subscription(name="echo.calls", events=(CallArrived,), handle=note_and_fail)
    )
    body = message(arrived(1).to_json())
    with pytest.raises(ValueError):
        await hand_over(handle, body)
    assert await effects(database) == []
    assert await inbox(database) == []
    broken = False
    await hand_over(handle, body)
    assert await effects(database) == ["event-1"]
    async with database.read() as connection:
        (written,) = (await connection.execute(text("SELECT body FROM echo.outbox"))).scalars()
    emitted = Envelope.parse(bytes(written))
    assert (emitted.causationid, emitted.correlationid) == ("event-1", "call-1")


async def test_what_fetch_brings_is_handed_to_the_effect_outside_any_transaction(
    database: Database,
) -> None:
    seen: list[Any] = []

    async def fetch(envelope: Envelope) -> str:
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        return f"record of {envelope.subject}"

    async def remember(_: UnitOfWork, envelope: Envelope, fetched: Any) -> None:
        seen.append((envelope.subject, fetched))

    wanted = Subscription(name="echo.calls", events=(CallArrived,), handle=remember, fetch=fetch)
    await hand_over(consumer(database, wanted), message(arrived(3).to_json()))
    assert seen == [("call-3", "record of call-3")]


@pytest.mark.parametrize("asked_at_once", ["some", "none"])
async def test_what_is_not_fetched_for_many_at_once_is_fetched_for_each(
    database: Database, asked_at_once: str
) -> None:
    seen, alone = dict[str, Any](), list[str]()

    async def fetch(envelope: Envelope) -> str:
        alone.append(envelope.subject)
        return f"record of {envelope.subject}"

    async def fetch_all(envelopes: Sequence[Envelope]) -> dict[str, str]:
        if asked_at_once == "none":
            raise ConnectionError
        return {one.id: f"many's {one.subject}" for one in envelopes if one.subject != "call-2"}

    async def remember(_: UnitOfWork, envelope: Envelope, fetched: Any) -> None:
        seen[envelope.subject] = fetched

    wanted = Subscription(
        name="echo.calls", events=(CallArrived,), handle=remember, fetch=fetch, fetch_all=fetch_all
    )
    several = [message(arrived(number).to_json()) for number in (1, 2, 3)]
    verdicts = await consumer(database, wanted)([*several, message(b"{}")])
    assert verdicts[:3] == [None] * 3
    assert isinstance(verdicts[3], ParkError)
    if asked_at_once == "none":
        assert sorted(alone) == ["call-1", "call-2", "call-3"]
        assert seen == {subject: f"record of {subject}" for subject in alone}
    else:
        assert alone == ["call-2"]
        assert seen["call-1"] == "many's call-1"
        assert seen["call-2"] == "record of call-2"


async def test_a_fetch_that_fails_fails_the_delivery(database: Database) -> None:
    async def fetch(_: Envelope) -> str:
        raise ConnectionError

    wanted = Subscription(name="echo.calls", events=(CallArrived,), handle=note, fetch=fetch)
    with pytest.raises(ConnectionError):
        await hand_over(consumer(database, wanted), message(arrived(3).to_json()))
    assert await inbox(database) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no json", "invalid event: message: json_invalid"),
        (
            arrived().to_json().replace(b"call.arrived.v1", b"call.arrived.v9"),
            "unknown event type: careline.call.arrived.v9",
        ),
        (arrived().to_json().replace(b'"sequence":1', b'"sequence":null'), "sequence: int_type"),
    ],
)
async def test_what_cannot_be_read_is_parked_at_once(
    database: Database, body: bytes, reason: str
) -> None:
    with pytest.raises(ParkError, match=reason):
        await hand_over(consumer(database), message(body))


async def test_a_type_that_was_not_subscribed_to_is_parked(database: Database) -> None:
    wanted = Subscription(name="echo.calls", events=(CallEnded,), handle=note)
    with pytest.raises(ParkError, match=r"not subscribed to careline\.call\.arrived\.v1"):
        await hand_over(consumer(database, wanted), message(arrived().to_json()))


@pytest.mark.parametrize(("last", "outcome"), [(False, "retried"), (True, "parked")])
async def test_a_failure_is_counted_and_logged_without_what_the_error_says(
    database: Database, last: bool, outcome: str
) -> None:
    async def fail(*_: Any) -> None:
        raise ValueError("+79990001122")

    registry = CollectorRegistry()
    wanted = Subscription(name="echo.calls", events=(CallArrived,), handle=fail)
    handle = consumer(database, wanted, registry)
    with capture_logs() as logs, pytest.raises(ValueError):
        await hand_over(handle, message(arrived().to_json(), attempt=4, last=last))
    (entry,) = [log for log in logs if log["event"] == "event.failed"]
    assert (entry["outcome"], entry["attempt"], entry["consumer"]) == (outcome, 4, "echo.calls")
    assert "7999" not in str(logs)
    labels = {"service": "echo", "consumer": "echo.calls", "outcome": outcome}
    assert registry.get_sample_value("careline_events_consumed_total", labels) == 1


async def test_a_database_that_goes_away_is_waited_for(empty_database_url: str) -> None:
    direct = echo_database(empty_database_url)
    await create_echo(direct)
    async with proxied(empty_database_url) as (url, proxy):
        database = echo_database(url)
        await proxy.cut()
        with capture_logs() as logs:
            task = asyncio.create_task(hand_over(consumer(database), message(arrived(1).to_json())))
            await eventually(lambda: [e for e in logs if e["event"] == "event.waits_for_database"])
        assert not task.done()
        await proxy.open()
        await asyncio.wait_for(task, 10)
        await database.close()
    assert await effects(direct) == ["event-1"]
    await direct.close()


async def test_a_commit_whose_answer_is_lost_has_its_effect_once(empty_database_url: str) -> None:
    direct = echo_database(empty_database_url)
    await create_echo(direct)
    async with proxied(empty_database_url) as (url, proxy):
        database, lost = echo_database(url), asyncio.Event()

        async def note_and_lose_the_line(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
            await note(uow, envelope, None)
            if not lost.is_set():
                proxy.swallow_answers()
                lost.set()

        wanted = Subscription(
            name="echo.calls", events=(CallArrived,), handle=note_and_lose_the_line
        )
        task = asyncio.create_task(
            hand_over(consumer(database, wanted), message(arrived(1).to_json()))
        )
        await lost.wait()
        while not await effects(direct):
            assert not task.done()
        proxy.reset()
        proxy.pass_on()
        await asyncio.wait_for(task, 10)
        await database.close()
    assert await effects(direct) == ["event-1"]
    await direct.close()


def messages(*numbers: int) -> list[IncomingMessage]:
    return [message(arrived(number).to_json()) for number in numbers]


async def transactions(database: Database) -> int:
    """In how many transactions the effects were written."""
    async with database.read() as connection:
        query = "SELECT count(DISTINCT xmin::text) FROM echo.effect"
        return int((await connection.execute(text(query))).scalar_one())


async def test_a_batch_is_one_transaction_in_the_order_of_the_queue(database: Database) -> None:
    verdicts = await consumer(database)(messages(3, 1, 2))
    assert verdicts == [None] * 3
    assert await effects(database) == ["event-3", "event-1", "event-2"]
    assert await transactions(database) == 1


async def test_repeats_within_a_batch_and_from_before_have_one_effect(database: Database) -> None:
    handle, registry = consumer(database), CollectorRegistry()
    await handle(messages(1))
    verdicts = await consumer(database, registry=registry)(messages(2, 1, 2, 3))
    assert verdicts == [None] * 4
    assert await effects(database) == ["event-1", "event-2", "event-3"]
    labels = {"service": "echo", "consumer": "echo.calls"}
    assert registry.get_sample_value("careline_event_batch_events_sum", labels) == 4
    assert registry.get_sample_value("careline_event_batch_events_count", labels) == 1


async def test_a_poison_event_in_a_batch_fails_alone(database: Database) -> None:
    async def refuse_2(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        await note(uow, envelope, None)
        uow.emit(arrived(9).data, subject=envelope.subject, sequence=1)
        if envelope.id == "event-2":
            await uow.connection.execute(text("SELECT 1 / 0"))

    wanted = Subscription(name="echo.calls", events=(CallArrived,), handle=refuse_2)
    unreadable = message(b"no json")
    verdicts = await consumer(database, wanted)([*messages(1, 2), unreadable, *messages(3)])
    assert [type(verdict).__name__ for verdict in verdicts] == [
        "NoneType", "DBAPIError", "ParkError", "NoneType",
    ]  # fmt: skip
    assert await effects(database) == ["event-1", "event-3"]
    async with database.read() as connection:
        emitted = await connection.execute(
            text("SELECT subject, body FROM echo.outbox ORDER BY id")
        )
        causes = [(row.subject, Envelope.parse(bytes(row.body)).causationid) for row in emitted]
    assert causes == [("call-1", "event-1"), ("call-3", "event-3")]


async def test_an_event_that_cannot_be_fetched_fails_alone(database: Database) -> None:
    async def fetch(envelope: Envelope) -> None:
        if envelope.id == "event-1":
            raise ConnectionError

    wanted = Subscription(name="echo.calls", events=(CallArrived,), handle=note, fetch=fetch)
    verdicts = await consumer(database, wanted)(messages(1, 2))
    assert [type(verdict) for verdict in verdicts] == [ConnectionError, type(None)]
    assert await effects(database) == ["event-2"]


async def test_batches_with_the_same_events_in_other_orders_do_not_wait_for_each_other(
    database: Database,
) -> None:
    handle = consumer(database)
    numbers = list(range(1, 33))
    await asyncio.gather(*(handle(messages(*order)) for order in (numbers, numbers[::-1]) * 3))
    assert sorted(await effects(database)) == sorted(f"event-{number}" for number in numbers)


async def test_new_events_are_handled_all_at_once_where_that_is_cheaper(database: Database) -> None:
    batches: list[list[str]] = []

    async def all_of_them(uow: UnitOfWork, heard: Any) -> None:
        batches.append([envelope.id for envelope, _ in heard])
        for envelope, fetched in heard:
            await note(uow, envelope, fetched)
            if envelope.id == "event-4" and len(heard) == 2:
                raise ValueError("these two not together")

    handle = consumer(
        database,
        Subscription(name="echo.calls", events=(CallArrived,), handle=note, handle_all=all_of_them),
    )
    bodies = [message(arrived(number).to_json()) for number in (1, 2, 1, 3)]
    assert await handle(bodies) == [None] * 4
    assert await handle([*bodies[:2], message(arrived(6).to_json())]) == [None] * 3
    assert batches == [
        ["event-1", "event-2", "event-3"]
    ]  # repeats are left out, one goes by itself
    assert await handle([message(arrived(number).to_json()) for number in (4, 5)]) == [None] * 2
    assert batches[1:] == [["event-4", "event-5"]]  # undone, and then each by itself
    assert sorted(await effects(database)) == [f"event-{number}" for number in range(1, 7)]
