"""What becomes of a delivery, without any transport."""

import asyncio
from collections.abc import Sequence

import pytest

from careline_common.messaging.retry import Again, Done, Park, deliver, describe, waiting
from careline_common.messaging.transport import (
    BATCH,
    RETRY_DELAYS_S,
    Handler,
    IncomingMessage,
    ParkError,
)

pytestmark = pytest.mark.unit


def handler(*verdicts: Exception | None) -> tuple[list[IncomingMessage], Handler]:
    """Gives these verdicts, one a message."""
    seen: list[IncomingMessage] = []

    async def handle(messages: Sequence[IncomingMessage]) -> Sequence[Exception | None]:
        seen.extend(messages)
        return verdicts

    return seen, handle


async def test_what_is_handled_is_done() -> None:
    seen, handle = handler(None)
    assert await deliver(handle, [(b"x", 1)], delays_s=RETRY_DELAYS_S) == [Done()]
    assert seen == [IncomingMessage(body=b"x", attempt=1, last=False)]


async def test_failures_climb_the_ladder_and_end_parked() -> None:
    seen, handle = handler(*[ValueError()] * 5)
    deliveries = [(b"x", attempt) for attempt in range(1, 6)]
    outcomes = await deliver(handle, deliveries, delays_s=RETRY_DELAYS_S)
    assert outcomes == [Again(1), Again(10), Again(60), Again(600), Park("ValueError")]
    assert [message.last for message in seen] == [False, False, False, False, True]


async def test_each_message_of_a_batch_has_its_own_outcome() -> None:
    _, handle = handler(None, ParkError("no such ticket"), ValueError(), None)
    deliveries = [(b"x", 1), (b"y", 1), (b"z", 2), (b"x", 1)]
    outcomes = await deliver(handle, deliveries, delays_s=RETRY_DELAYS_S)
    assert outcomes == [Done(), Park("no such ticket"), Again(10), Done()]


async def test_a_handler_that_raises_fails_all_it_was_handed() -> None:
    async def handle(_: Sequence[IncomingMessage]) -> Sequence[Exception | None]:
        raise ValueError

    outcomes = await deliver(handle, [(b"x", 1), (b"y", 2)], delays_s=RETRY_DELAYS_S)
    assert outcomes == [Again(1), Again(10)]


async def test_a_batch_is_what_waits_and_never_more_than_the_most() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(BATCH + 3):
        queue.put_nowait(number)
    assert await waiting(queue) == list(range(BATCH))
    assert await waiting(queue) == [BATCH, BATCH + 1, BATCH + 2]


async def test_nobody_waits_for_a_batch_to_fill() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    batch = asyncio.create_task(waiting(queue))
    await asyncio.sleep(0)
    assert not batch.done()
    queue.put_nowait(1)
    assert await batch == [1]


def test_an_error_is_described_without_its_text() -> None:
    assert describe(ValueError("+79990001122")) == "ValueError"
