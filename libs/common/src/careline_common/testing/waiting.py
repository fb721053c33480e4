"""Waiting for what will be so, without sleeping longer than it takes."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

FIRST_STEP_S, LONGEST_STEP_S = 0.01, 0.05
"""A look may be a whole request: what takes long is looked for more seldom."""


async def eventually(
    condition: Callable[[], Any | Awaitable[Any]], *, within_s: float = 30.0, what: str = ""
) -> Any:
    """Returns the condition's first true value; fails the test when there is none in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    step_s = FIRST_STEP_S
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(
                f"not within {within_s} s: {what or condition!r} (last: {value!r})"
            )
        await asyncio.sleep(step_s)
        step_s = min(1.2 * step_s, LONGEST_STEP_S)
