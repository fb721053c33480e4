"""What becomes of a delivery: done, tried again later, or parked. The same for every transport."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from careline_common.messaging.transport import Handler, IncomingMessage, ParkError

OWN_CODE = "careline"


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
    handle: Handler, body: bytes, *, attempt: int, delays_s: Sequence[float]
) -> Outcome:
    """Hands one delivery to its consumer and says what the transport has to do with it.

    `attempt` counts from 1; each delay allows one attempt after the first.
    """
    again = attempt <= len(delays_s)
    try:
        await handle(IncomingMessage(body=body, attempt=attempt, last=not again))
    except ParkError as error:
        return Park(str(error))
    except Exception as error:  # noqa: BLE001 - whatever a handler raises means: not handled
        if again:
            return Again(delays_s[attempt - 1])
        return Park(describe(error))
    return Done()


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
