"""Watches drop folders and takes what senders have finished writing."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from careline_ingest.adapters.folder import Glimpse, look
from careline_ingest.config import SourceEntry
from careline_ingest.metrics import IngestMetrics
from careline_ingest.service import IngestService, unreadable

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Memory:
    """What a folder looked like. It is lost with the process, which costs one more reading of
    each file to find that its bytes are known."""

    path: str
    last: Mapping[str, Glimpse] = field(default_factory=dict)
    taken: dict[str, Glimpse] = field(default_factory=dict)
    failed: bool = False


class FolderWatch:
    """Polls, because events of the file system do not come over network shares."""

    def __init__(self, service: IngestService, metrics: IngestMetrics, *, poll_s: float) -> None:
        self._service = service
        self._metrics = metrics
        self._poll_s = poll_s

    async def watch(self, source_id: str) -> None:
        """Looks at one folder again and again; a file is taken when it looks as it did last time.
        Never returns."""
        memory = _Memory(path="")
        while True:
            source = self._service.source(source_id)
            if source.path is not None and not await self._service.is_paused(source):
                if memory.path != source.path:
                    memory = _Memory(source.path)
                await self._look_at(source, memory)
            await asyncio.sleep(self._poll_s)

    async def _look_at(self, source: SourceEntry, memory: _Memory) -> None:
        try:
            seen = await asyncio.to_thread(look, Path(memory.path))
        except OSError as error:
            await self._failed(source, memory, error)
            return
        await self._take(source, memory, seen)
        memory.last = seen
        memory.taken = {name: at for name, at in memory.taken.items() if name in seen}
        memory.failed = False
        self._metrics.reachable(source.id, yes=True)

    async def _take(
        self, source: SourceEntry, memory: _Memory, seen: Mapping[str, Glimpse]
    ) -> None:
        for name, glimpse in seen.items():
            if memory.taken.get(name) == glimpse or memory.last.get(name) != glimpse:
                continue
            accepted = await self._service.take_from_folder(source, Path(memory.path) / name)
            if not accepted:
                continue
            memory.taken[name] = glimpse
            for each in accepted:
                if each.is_new:
                    log.info("folder.taken", source=source.id, run=each.run.id)

    async def _failed(self, source: SourceEntry, memory: _Memory, error: OSError) -> None:
        self._metrics.reachable(source.id, yes=False)
        if not memory.failed:
            memory.failed = True
            await self._service.note_failure(source, unreadable(error))
