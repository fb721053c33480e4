"""Waiting for what must come, without sleeping blindly."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

PATIENCE_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.3

Value = TypeVar("Value")


class GaveUpError(AssertionError):
    """Nothing came in time: the system hangs, or has lost it."""


async def until(
    look: Callable[[], Awaitable[Value]],
    accept: Callable[[Value], Any],
    what: str = "what must come",
) -> Value:
    """Looks again and again until `accept` likes what it sees; fails with the last thing seen.

    While a killed service starts again it does not answer: that counts as not yet.
    """
    last: object = None
    pause_s = FIRST_PAUSE_S
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    value = await look()
                    if accept(value):
                        return value
                    last = value
                except httpx.HTTPError as error:
                    last = error
                await asyncio.sleep(pause_s)
                pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)
    except TimeoutError:
        raise GaveUpError(f"{what}: not within {PATIENCE_S} s; last seen: {last!r}") from None
