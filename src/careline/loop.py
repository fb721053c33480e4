"""How a command's work is run."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvloop

from careline_common.collector import spare_collector


def run(work: Coroutine[Any, Any, None]) -> None:
    """To its end, on uvloop."""
    with spare_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
