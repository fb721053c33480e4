"""What every transport has to do: one suite over memory, local and rabbit."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from careline_common.events.router import CallArrived, CallEnded
from careline_common.messaging.transport import (
    IncomingMessage,
    ParkedMessage,
    ParkError,
    Transport,
    TransportUnavailableError,
)
from careline_common.testing.messaging import (
    DELAYS_S,
    Bus,
    Ear,
    arrived,
    local_bus,
    memory_bus,
    one_by_one,
    outgoing,
    rabbit_bus,
    subscription,
)
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.contract


class DeliveryContract:
    """Delivery, the ladder, parking."""

    async def test_every_subscriber_of_a_type_gets_the_event(self, bus: Bus) -> None:
        first, second, other = Ear(), Ear(), Ear()
        transport = bus.transport()
        async with (
            bus.consuming(transport, subscription("tests.first"), first),
            bus.consuming(transport, subscription("tests.second"), second),
            bus.consuming(transport, subscription("tests.other", CallEnded), other),
        ):
            await bus.publish(arrived())
            await eventually(lambda: first.handled and second.handled)
        assert first.handled == second.handled == ["event-1"]
        assert not other.messages

    async def test_events_arrive_in_the_order_of_publishing_while_nothing_fails(
        self, bus: Bus
    ) -> None:
        ear = Ear()
        async with bus.consuming(bus.transport(), subscription(), ear):
            for start in (1, 21, 41):
                await bus.publish(*(arrived(number) for number in range(start, start + 20)))
            await eventually(lambda: len(ear.handled) == 60)
        assert ear.handled == [f"event-{number}" for number in range(1, 61)]

    async def test_a_consumer_that_is_down_gets_later_what_it_missed(self, bus: Bus) -> None:
        await bus.known(subscription())
        await bus.publish(arrived(1), arrived(2))
        ear = Ear()
        async with bus.consuming(bus.transport(), subscription(), ear):
            await eventually(lambda: len(ear.handled) == 2)
        assert ear.handled == ["event-1", "event-2"]

    async def test_an_event_that_nobody_wants_waits_for_the_first_consumer(self, bus: Bus) -> None:
        await bus.publish(arrived(1))
        other, ear = Ear(), Ear()
        async with bus.consuming(bus.transport(), subscription("tests.other", CallEnded), other):
            await bus.publish(arrived(2))
            async with bus.consuming(bus.transport(), subscription(), ear):
                await bus.publish(arrived(3))
                await eventually(lambda: len(ear.handled) == 3)
        assert sorted(ear.handled) == ["event-1", "event-2", "event-3"]
        assert not other.messages

    async def test_a_failed_event_comes_again_and_others_overtake_it(self, bus: Bus) -> None:
        ear = Ear(fail=lambda m: ValueError() if m.attempt == 1 and b"event-1" in m.body else None)
        async with bus.consuming(bus.transport(), subscription(), ear):
            await bus.publish(arrived(1), arrived(2))
            await eventually(lambda: len(ear.handled) == 2)
        assert ear.handled == ["event-2", "event-1"]

    async def test_after_the_last_step_of_the_ladder_the_event_is_parked(self, bus: Bus) -> None:
        ear = Ear(fail=lambda _: ValueError("+79990001122 is not to be shown"))
        transport = bus.transport()
        clock = asyncio.get_running_loop().time
        async with bus.consuming(transport, subscription(), ear):
            began = clock()
            await bus.publish(arrived())
            (parked,) = await eventually(lambda: transport.parked("tests.calls"))
            took = clock() - began
        assert [(m.attempt, m.last) for m in ear.messages] == [(1, False), (2, False), (3, True)]
        assert took >= sum(DELAYS_S)
        assert parked.event_id == "event-1"
        assert parked.type == "careline.call.arrived.v1"
        assert parked.consumer == "tests.calls"
        assert parked.attempts == 3
        assert parked.parked_at is not None
        assert parked.reason.startswith("ValueError")
        assert "7999" not in parked.reason

    async def test_a_hopeless_event_is_parked_at_once_and_the_next_one_is_handled(
        self, bus: Bus
    ) -> None:
        ear = Ear(fail=lambda m: ParkError("poison") if b"event-1" in m.body else None)
        transport = bus.transport()
        async with bus.consuming(transport, subscription(), ear):
            await bus.publish(arrived(1), arrived(2))
            await eventually(lambda: ear.handled)
            (parked,) = await eventually(lambda: transport.parked("tests.calls"))
        assert [m.attempt for m in ear.messages] == [1, 1]
        assert (parked.reason, parked.attempts) == ("poison", 1)

    async def test_replay_delivers_parked_events_anew_with_all_their_attempts(
        self, bus: Bus
    ) -> None:
        transport, broken = bus.transport(), True
        ear = Ear(fail=lambda _: ParkError("broken") if broken else None)
        async with bus.consuming(transport, subscription(), ear):
            await bus.publish(arrived(1), arrived(2))
            await eventually(lambda: _parked(transport, 2))
            broken = False
            assert await transport.replay("tests.calls", "event-2") == 1
            await eventually(lambda: ear.handled == ["event-2"])
            assert await transport.replay("tests.calls") == 1
            await eventually(lambda: ear.handled == ["event-2", "event-1"])
        assert {m.attempt for m in ear.messages} == {1}
        assert not await transport.parked("tests.calls")
        assert await transport.replay("tests.calls") == 0

    async def test_drop_removes_parked_events_for_good(self, bus: Bus) -> None:
        transport, ear = bus.transport(), Ear(fail=lambda _: ParkError("broken"))
        async with bus.consuming(transport, subscription(), ear):
            await bus.publish(arrived(1), arrived(2), arrived(3))
            await eventually(lambda: _parked(transport, 3))
            assert await transport.drop("tests.calls", "event-2") == 1
            left = await eventually(lambda: _parked(transport, 2))
            assert {message.event_id for message in left} == {"event-1", "event-3"}
            assert await transport.drop("tests.calls") == 2
        assert not await transport.parked("tests.calls")
        assert len(ear.messages) == 3

    async def test_depths_tell_what_waits_and_what_is_parked(self, bus: Bus) -> None:
        transport, ear = bus.transport(), Ear(fail=lambda _: ParkError("broken"))
        async with bus.consuming(transport, subscription(), ear):
            await bus.publish(arrived(1))
            await eventually(lambda: _parked(transport, 1))
        await bus.publish(arrived(2), arrived(3))

        async def measured() -> bool:
            depths = await transport.depths(["tests.calls", "tests.unheard-of"])
            shown = {name: (depth.waiting, depth.parked) for name, depth in depths.items()}
            return shown == {"tests.calls": (2, 1)}

        await eventually(measured)

    async def test_nothing_is_parked_for_a_consumer_that_never_was(self, bus: Bus) -> None:
        transport = bus.transport()
        await transport.open()
        assert not await transport.parked("tests.unheard-of")
        assert await transport.replay("tests.unheard-of") == 0
        assert await transport.drop("tests.unheard-of") == 0


class BrokerContract:
    """What only processes can do to each other, and brokers to them."""

    async def test_an_event_under_way_comes_again_when_its_consumer_dies(self, bus: Bus) -> None:
        entered = asyncio.Event()

        async def hang(_: object) -> None:
            entered.set()
            await asyncio.Event().wait()

        async with bus.consuming(bus.transport(), subscription(), hang):
            await bus.publish(arrived())
            await asyncio.wait_for(entered.wait(), 10)
        ear = Ear()
        async with bus.consuming(bus.transport(), subscription(), ear):
            await eventually(lambda: ear.handled)
        assert [m.attempt for m in ear.messages] == [1]

    async def test_one_process_at_a_time_has_an_ordered_queue(self, bus: Bus) -> None:
        first, second = Ear(), Ear()
        standby = bus.transport()
        async with bus.consuming(bus.transport(), subscription(), first):
            await bus.publish(arrived(1))
            await eventually(lambda: first.handled)
            task = asyncio.create_task(standby.consume(subscription(), one_by_one(second)))
            await eventually(lambda: standby.consuming("tests.calls"))
            await bus.publish(*(arrived(number) for number in range(2, 12)))
            await eventually(lambda: len(first.handled) == 11)
            assert not second.messages
        # what the first had handled but not yet settled when it went comes again, in front
        await bus.publish(arrived(12))
        await eventually(lambda: "event-12" in second.handled)
        assert second.handled == [f"event-{n}" for n in range(13 - len(second.handled), 13)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def test_an_order_free_consumer_handles_several_events_at_once(self, bus: Bus) -> None:
        together, met = asyncio.Event(), 0

        async def meet(_: object) -> None:
            nonlocal met
            met += 1
            await together.wait()

        wanted = subscription(order_free=True)
        transport = bus.transport()
        async with bus.consuming(transport, wanted, meet):
            for number in (1, 2, 3):  # one after the other, or they might be one batch
                await bus.publish(arrived(number))
                await eventually(lambda number=number: met == number)
            together.set()

            async def done() -> bool:
                return (await transport.depths(["tests.calls"]))["tests.calls"].waiting == 0

            await eventually(done)
        assert not await transport.parked("tests.calls")

    async def test_what_comes_soon_after_another_is_handled_with_it(self, bus: Bus) -> None:
        batches: list[int] = []

        async def note(messages: Sequence[IncomingMessage]) -> list[Exception | None]:
            batches.append(len(messages))
            return [None] * len(messages)

        wanted = replace(subscription(order_free=True), gather_s=0.5)
        transport = bus.transport()
        consuming = asyncio.create_task(transport.consume(wanted, note))
        await eventually(lambda: transport.consuming("tests.calls"))
        for number in range(1, 9):
            await bus.publish(arrived(number))
        await eventually(lambda: sum(batches) == 8)
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        assert len(batches) < 8

    async def test_publishing_while_the_broker_is_away_says_so_and_works_afterwards(
        self, bus: Bus
    ) -> None:
        ear, transport = Ear(), bus.transport()
        async with bus.consuming(transport, subscription(), ear):
            await bus.proxy.cut()
            verdicts = await transport.publish([outgoing(arrived(1)), outgoing(arrived(2))])
            assert [type(verdict) for verdict in verdicts] == [TransportUnavailableError] * 2
            with pytest.raises(TransportUnavailableError):
                await transport.open()
            await bus.proxy.open()
            await eventually(lambda: _published(transport, 3))
            await eventually(lambda: "event-3" in ear.handled)

    async def test_a_consumer_goes_on_after_a_reset(self, bus: Bus) -> None:
        ear, transport = Ear(), bus.transport()
        async with bus.consuming(transport, subscription(), ear):
            bus.proxy.reset()
            await eventually(lambda: _published(transport, 1))
            await eventually(lambda: "event-1" in ear.handled)

    async def test_a_confirmed_event_is_handled_though_connections_break_all_the_time(
        self, bus: Bus
    ) -> None:
        ear, transport = Ear(), bus.transport()
        confirmed: set[str] = set()
        async with bus.consuming(bus.transport(), subscription(), ear):
            for number in range(1, 61):
                (verdict,) = await transport.publish([outgoing(arrived(number))])
                if verdict is None:
                    confirmed.add(f"event-{number}")
                if number % 20 == 0:
                    bus.proxy.reset()
            await eventually(lambda: confirmed <= set(ear.handled), within_s=20)
        assert len(confirmed) >= 50

    async def test_the_same_event_published_twice_is_no_error(self, bus: Bus) -> None:
        ear = Ear()
        async with bus.consuming(bus.transport(), subscription(), ear):
            await bus.publish(arrived(1))
            await bus.publish(arrived(1), arrived(2))
            await eventually(lambda: "event-2" in ear.handled)
        assert set(ear.handled) == {"event-1", "event-2"}

    async def test_types_that_a_consumer_no_longer_wants_stay_away(self, bus: Bus) -> None:
        await bus.known(subscription("tests.calls", CallArrived, CallEnded))
        await bus.known(subscription("tests.calls", CallEnded))
        await bus.publish(arrived())
        depths = await bus.transport().depths(["tests.calls"])
        assert depths["tests.calls"].waiting == 0


async def _parked(transport: Transport, count: int) -> Sequence[ParkedMessage] | None:
    messages = await transport.parked("tests.calls")
    return messages if len(messages) == count else None


async def _published(transport: Transport, number: int) -> bool:
    verdicts = await transport.publish([outgoing(arrived(number))])
    return list(verdicts) == [None]


class TestMemory(DeliveryContract):
    @pytest_asyncio.fixture(loop_scope="session")
    async def bus(self) -> AsyncIterator[Bus]:
        async with memory_bus() as made:
            yield made


class TestLocal(DeliveryContract, BrokerContract):
    @pytest_asyncio.fixture(loop_scope="session")
    async def bus(self, empty_database_url: str) -> AsyncIterator[Bus]:
        async with local_bus(empty_database_url) as made:
            yield made


class TestRabbit(DeliveryContract, BrokerContract):
    @pytest_asyncio.fixture(loop_scope="session")
    async def bus(self, rabbit_url: str) -> AsyncIterator[Bus]:
        async with rabbit_bus(rabbit_url) as made:
            yield made
