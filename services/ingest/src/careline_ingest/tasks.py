"""Keeps one task running for each source that is watched."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from careline_common.config import Configuration
from careline_common.lifecycle import supervise
from careline_ingest.config import SourceEntry
from careline_ingest.metrics import IngestMetrics

log = structlog.get_logger(__name__)

Watch = Callable[[str], Awaitable[None]]


class SourceTasks:
    """Starts a task for a source that appears, ends it when the source goes or changes its kind."""

    def __init__(self, watches: Mapping[str, Watch], metrics: IngestMetrics) -> None:
        """`watches` are by kind; each never returns and gets the id of its source."""
        self._watches = watches
        self._metrics = metrics
        self._wanted: dict[str, str] = {}
        self._changed = asyncio.Event()

    async def configured(self, configuration: Configuration) -> None:
        """The configuration as it is from now on."""
        sources = configuration.all("sources", SourceEntry).values()
        self._wanted = {each.id: each.kind for each in sources if each.kind in self._watches}
        self._changed.set()

    async def run(self) -> None:
        """Never returns; its tasks end with it."""
        running: dict[str, tuple[str, asyncio.Task[None]]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for source, (kind, task) in list(running.items()):
                    if self._wanted.get(source) != kind:
                        await _ended(task)
                        del running[source]
                        self._metrics.forget(source)
                for source in self._wanted.keys() - running.keys():
                    kind = self._wanted[source]
                    running[source] = kind, group.create_task(self._watch(kind, source))
                await self._changed.wait()

    async def _watch(self, kind: str, source: str) -> None:
        await supervise(f"ingest.{kind}.{source}", lambda: self._watches[kind](source))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
