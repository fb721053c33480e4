"""What becomes of a delivery: done, tried again later, or parked. The same for every transport."""

import asyncio
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from careline_common.messaging.transport import BATCH, Handler, IncomingMessage, ParkError

OWN_CODE = "careline"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done:
    """Handled, or a duplicate: acknowledge it."""


@dataclass(frozen=True, slots=True)
class Again:
    """Failed: deliver it anew after so long."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Park:
    """Out of attempts, or hopeless from the start."""

    reason: str


Outcome = Done | Again | Park


async def deliver(
    handle: Handler, deliveries: Sequence[tuple[bytes, int]], *, delays_s: Sequence[float]
) -> list[Outcome]:
    """Hands a batch to its consumer and says what the transport has to do with each message.

    A delivery is a body and its attempt, which counts from 1; each delay allows one attempt after
    the first.
    """
    messages = [
        IncomingMessage(body=body, attempt=attempt, last=attempt > len(delays_s))
        for body, attempt in deliveries
    ]
    verdicts: Sequence[Exception | None]
    try:
        verdicts = await handle(messages)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises means: not handled
        verdicts = [error] * len(messages)
    return [
        _outcome(message, verdict, delays_s)
        for message, verdict in zip(messages, verdicts, strict=True)
    ]


def _outcome(
    message: IncomingMessage, verdict: Exception | None, delays_s: Sequence[float]
) -> Outcome:
    if verdict is None:
        return Done()
    if isinstance(verdict, ParkError):
        return Park(str(verdict))
    if message.last:
        return Park(describe(verdict))
    return Again(delays_s[message.attempt - 1])


async def waiting(queue: asyncio.Queue[T], gather_s: float = 0.0) -> list[T]:
    """What is in the queue, `BATCH` at most; waits while there is nothing, then so long for others."""
    batch = [await queue.get()]
    if gather_s and queue.qsize() < BATCH:
        await asyncio.sleep(gather_s)
    while len(batch) < BATCH and not queue.empty():
        batch.append(queue.get_nowait())
    return batch


def describe(error: BaseException) -> str:
    """Names an error and the line of ours it came from, without its text.

    The text may quote a row or a message and with it a patient's number; this may be logged.
    """
    ours = [
        frame
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).startswith(OWN_CODE)
    ]
    if not ours:
        return type(error).__name__
    frame = ours[-1]
    return f"{type(error).__name__} in {frame.f_globals['__name__']}.{frame.f_code.co_name}"
