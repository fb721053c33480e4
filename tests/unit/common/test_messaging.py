"""What becomes of a delivery, without any transport."""

import pytest

from careline_common.messaging.relay import waves
from careline_common.messaging.retry import Again, Done, Park, deliver, describe
from careline_common.messaging.transport import RETRY_DELAYS_S, Handler, IncomingMessage, ParkError

pytestmark = pytest.mark.unit


def handler(*errors: Exception) -> tuple[list[IncomingMessage], Handler]:
    seen: list[IncomingMessage] = []

    async def handle(message: IncomingMessage) -> None:
        seen.append(message)
        for error in errors:
            raise error

    return seen, handle


async def test_what_is_handled_is_done() -> None:
    seen, handle = handler()
    assert await deliver(handle, b"x", attempt=1, delays_s=RETRY_DELAYS_S) == Done()
    assert seen == [IncomingMessage(body=b"x", attempt=1, last=False)]


async def test_failures_climb_the_ladder_and_end_parked() -> None:
    seen, handle = handler(ValueError())
    outcomes = [
        await deliver(handle, b"x", attempt=attempt, delays_s=RETRY_DELAYS_S)
        for attempt in range(1, 6)
    ]
    assert outcomes[:4] == [Again(1), Again(10), Again(60), Again(600)]
    assert isinstance(outcomes[4], Park)
    assert [message.last for message in seen] == [False, False, False, False, True]


async def test_a_message_that_says_so_is_parked_at_once() -> None:
    _, handle = handler(ParkError("no such ticket"))
    outcome = await deliver(handle, b"x", attempt=1, delays_s=RETRY_DELAYS_S)
    assert outcome == Park("no such ticket")


def test_an_error_is_described_without_its_text() -> None:
    assert describe(ValueError("+79990001122")) == "ValueError"


def test_a_batch_goes_in_waves_with_one_event_a_subject_each() -> None:
    rows = [{"id": number, "subject": subject} for number, subject in enumerate("abacab")]
    split = [[row["id"] for row in wave] for wave in waves(rows)]
    assert split == [[0, 1, 3], [2, 5], [4]]
