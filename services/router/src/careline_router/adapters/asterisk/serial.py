"""Things that concern one call happen one after the other; those of different calls side by side."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class SerialByKey:
    """Runs coroutines of the same key in the order in which they were given."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._last: dict[str, asyncio.Task[None]] = {}

    def run(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Starts `work` once everything given earlier under `key` has ended."""
        task = self._tasks.create_task(self._after(self._last.get(key), work))
        self._last[key] = task
        task.add_done_callback(lambda done: self._forget(key, done, work))

    def busy(self, key: str) -> bool:
        """Whether anything given under `key` has not ended yet."""
        return key in self._last

    async def _after(
        self, previous: asyncio.Task[None] | None, work: Coroutine[Any, Any, None]
    ) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        await work

    def _forget(self, key: str, done: asyncio.Task[None], work: Coroutine[Any, Any, None]) -> None:
        work.close()  # the socket may be lost before its turn has come
        if self._last.get(key) is done:
            del self._last[key]
