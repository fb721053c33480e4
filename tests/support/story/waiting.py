"""Waiting for what must come, without sleeping blindly."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

Value = TypeVar("Value")


async def until(
    look: Callable[[], Awaitable[Value]], accept: Callable[[Value], bool], *, within: float = 30
) -> Value:
    """Looks again and again until `accept` likes what it sees; fails with the last thing seen.

    While a killed service starts again it does not answer: that counts as not yet.
    """
    last: object = None
    try:
        async with asyncio.timeout(within):
            while True:
                try:
                    value = await look()
                    if accept(value):
                        return value
                    last = value
                except httpx.HTTPError as error:
                    last = error
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not seen within {within} s; last seen: {last!r}") from None
