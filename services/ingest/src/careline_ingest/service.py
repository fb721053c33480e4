"""Files in: the same bytes are one run, however often and under whatever name they come."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from careline_common.clock import Clock
from careline_common.config import ConfigStore
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import NotFound, TooLarge
from careline_common.ids import Ids
from careline_ingest.adapters.archives import ArchiveRefusedError, is_archive, unpack
from careline_ingest.adapters.folder import look
from careline_ingest.adapters.spool import (
    FileChangedError,
    FileTooLargeError,
    FileUnreadableError,
    Landing,
    Spool,
    Stored,
    too_large,
)
from careline_ingest.config import SourceEntry, feed_spec
from careline_ingest.db import fetches, quarantines, replies, runs
from careline_ingest.db.runs import Run
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.metrics import IngestMetrics
from careline_ingest.ports import Delivered, FileRefusedError, Offer
from careline_ingest.problems import ArchiveRefused, KindNotAvailable
from careline_ingest.settings import IngestSettings
from careline_ingest.settling import tell_ended

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A run and whether its file is new; what is not new was not read again."""

    run: Run
    is_new: bool


T = TypeVar("T")
Files = list[tuple[str | None, Stored]]
"""Files with the names that they came under."""
Taking = Callable[[UnitOfWork], Awaitable[Sequence[Accepted]]]
Note = Callable[[UnitOfWork, Sequence[Accepted]], Awaitable[None]]


class IngestService:
    """Takes files, by upload and from drop folders, and has them read."""

    def __init__(
        self,
        *,
        database: Database,
        store: ConfigStore,
        spool: Spool,
        metrics: IngestMetrics,
        settings: IngestSettings,
        clock: Clock,
        ids: Ids,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._metrics = metrics
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._wake = wake

    def source(self, source_id: str) -> SourceEntry:
        """Raises 404."""
        found = self._store.current.get("sources", source_id, SourceEntry)
        if found is None:
            raise NotFound(f"there is no source {source_id!r}")
        return found

    def sources(self) -> Mapping[str, SourceEntry]:
        return self._store.current.all("sources", SourceEntry)

    async def upload(
        self,
        source: SourceEntry,
        name: str | None,
        body: AsyncIterator[bytes],
        answered: Callable[[bytes, Taking], Awaitable[T]],
    ) -> T:
        """Takes a file, or the files in a ZIP, as it streams in; raises 413 when it is too large, 422
        when the archive is hostile. `answered` is given the file's hash and what makes runs of it, for one
        transaction of its own."""
        stored = await self.stored(body)
        try:
            async with self._files_in(name, stored) as files:
                return await answered(stored.sha256, lambda uow: self._runs_of(uow, source, files))
        except ArchiveRefusedError as refused:
            raise ArchiveRefused(str(refused)) from None

    async def stored(self, body: AsyncIterator[bytes]) -> Stored:
        """A file as it streams in, that belongs to no run yet. Raises 413."""
        limit = self._settings.ingest_max_file
        try:
            return await self._spool.take(body, name=self._ids.new(), limit=limit)
        except FileTooLargeError:
            raise TooLarge(f"a file may have {limit} bytes") from None

    async def take_from_folder(self, source: SourceEntry, path: Path) -> Sequence[Accepted]:
        """Takes a file out of a drop folder, where it stays. Nothing: it is still being written, or is
        gone. A file that cannot be taken becomes a failed run."""
        name, limit = self._ids.new(), self._settings.ingest_max_file
        file = os.fsencode(path.name).decode(errors="replace")  # it need not be UTF-8
        try:
            stored = await asyncio.to_thread(self._spool.copy, path, name=name, limit=limit)
        except (FileChangedError, FileNotFoundError):
            return []
        except FileTooLargeError:
            return [await self.note_failure(source, too_large(limit), file=file)]
        except FileUnreadableError as error:
            return [await self.note_failure(source, f"the file cannot be read: {error}", file=file)]
        try:
            return await self._accept(source, file, stored)
        except ArchiveRefusedError as refused:
            return [await self.note_failure(source, str(refused), file=file)]

    async def run_now(self, source: SourceEntry) -> Sequence[Accepted]:
        """Reads a source's drop folder at once. Every file that lies there finished gives a run;
        without any there is one empty run, so that there always is an answer. Raises 409 for
        sources that this version cannot fetch from."""
        if source.kind != "folder" or source.path is None:
            raise KindNotAvailable(_why_not_now(source))
        folder = Path(source.path)
        try:
            before = await asyncio.to_thread(look, folder)
            await asyncio.sleep(self._settings.ingest_settle_s)
            after = await asyncio.to_thread(look, folder)
        except OSError as error:
            self._metrics.reachable(source.id, yes=False)
            return [await self.note_failure(source, unreadable(error))]
        self._metrics.reachable(source.id, yes=True)
        finished = [name for name, glimpse in after.items() if before.get(name) == glimpse]
        accepted = [
            each for name in finished for each in await self.take_from_folder(source, folder / name)
        ]
        return accepted or [await self.note_nothing(source)]

    def landing(self, source: SourceEntry) -> Landing:
        """A place for a file of this source that is being fetched."""
        limit = min(self._settings.ingest_max_file, source.max_bytes or sys.maxsize)
        return self._spool.landing(name=self._ids.new(), limit=limit)

    async def take_fetched(
        self, source: SourceEntry, offer: Offer, delivered: Delivered, stored: Stored
    ) -> Sequence[Accepted]:
        """Takes a file that has been fetched, or the files in a ZIP; in one transaction each becomes a
        run, it is remembered as known, and its sender is promised an answer to each."""

        async def note(uow: UnitOfWork, accepted: Sequence[Accepted]) -> None:
            await self._remember(uow, source, offer.name, delivered.mark, accepted[0].run)

        try:
            return await self._accept(source, delivered.name or offer.name, stored, note)
        except ArchiveRefusedError as refused:
            raise FileRefusedError(str(refused), lasting=True) from None

    async def refuse_fetched(
        self, source: SourceEntry, offer: Offer, refused: FileRefusedError
    ) -> Accepted:
        """Notes a file that cannot be taken; for good, while it looks as it does."""
        accepted = await self.note_failure(source, str(refused), file=offer.name)
        if refused.lasting and offer.mark:
            async with self._database.unit_of_work() as uow:
                await self._remember(uow, source, offer.name, offer.mark, accepted.run)
        return accepted

    async def _remember(
        self, uow: UnitOfWork, source: SourceEntry, name: str, mark: str, run: Run
    ) -> None:
        version = self.version(source)
        await fetches.remember(
            uow.connection, source.id, name, mark, config_version=version, run=run.id
        )

    async def note_failure(
        self, source: SourceEntry, error: str, *, file: str | None = None
    ) -> Accepted:
        """A failed run without rows; the same failure as in the newest run, of that file if it is
        about one, is not noted again."""
        async with self._database.unit_of_work() as uow:
            newest = await runs.newest(uow.connection, source.id, file)
            if newest is not None and (newest.error, newest.file) == (error, file):
                return Accepted(newest, is_new=False)
            run = await self._add(uow, source, file, None, status="failed", error=error)
            self._tell_ended(uow, run)
        log.warning("source.failed", source=source.id, error=error)
        return Accepted(run, is_new=True)

    async def note_nothing(self, source: SourceEntry) -> Accepted:
        """An empty run: somebody asked, and there was nothing."""
        async with self._database.unit_of_work() as uow:
            run = await self._add(uow, source, None, None, status="done")
            self._tell_ended(uow, run)
        return Accepted(run, is_new=True)

    async def _accept(
        self, source: SourceEntry, name: str | None, stored: Stored, note: Note | None = None
    ) -> Sequence[Accepted]:
        """Makes a run of a stored file, or of each file in a stored archive, unless one of the same bytes
        is there; `note` writes what belongs to them into the same transaction. Raises
        `ArchiveRefusedError`."""
        async with self._files_in(name, stored) as files, self._database.unit_of_work() as uow:
            accepted = await self._runs_of(uow, source, files)
            if note is not None:
                await note(uow, accepted)
            return accepted

    @asynccontextmanager
    async def _files_in(self, name: str | None, stored: Stored) -> AsyncIterator[Files]:
        """The stored file, or the files in it; afterwards those that have become no run's are deleted."""
        files: Files = [(name, stored)]
        try:
            files = await self.unpacked(name, stored)
            yield files
        finally:
            self.discard([stored, *(each for _, each in files)])

    async def _runs_of(self, uow: UnitOfWork, source: SourceEntry, files: Files) -> list[Accepted]:
        """A run of each file, to whose sender an answer is promised."""
        await runs.one_at_a_time(uow.connection, source.id)
        accepted = [await self._run_of(uow, source, *file) for file in files]
        if source.wants_answers:
            for run in (each.run for each in accepted if each.is_new):
                await replies.expect(uow.connection, source.id, run.id)
        return accepted

    def discard(self, files: Iterable[Stored]) -> None:
        """Deletes files that belong to no run."""
        for each in files:
            self._spool.discard(each)

    async def unpacked(self, name: str | None, stored: Stored) -> Files:
        """The file itself, or the files in it. Raises `ArchiveRefusedError`."""
        if not await asyncio.to_thread(is_archive, stored.path):
            return [(name, stored)]
        limit = self._settings.ingest_max_file
        return [
            *await asyncio.to_thread(
                unpack, self._spool, stored, new_name=self._ids.new, limit=limit
            )
        ]

    async def _run_of(
        self, uow: UnitOfWork, source: SourceEntry, name: str | None, stored: Stored
    ) -> Accepted:
        """A run that failed begins again where it may come out well now: when the source has been
        configured anew since, or when the file had been lost."""
        known = await runs.by_hash(uow.connection, source.id, stored.sha256)
        if known is None:
            run = await self._add(uow, source, name, stored.sha256)
            self._spool.keep(stored, run.id)
            uow.after_commit(self._wake)
            return Accepted(run, is_new=True)
        if known.status == "failed" and (
            known.config_version != self.version(source) or not self._spool.has(known.id)
        ):
            self._spool.keep(stored, known.id)
            return Accepted(await self.begin_again(uow, source, known), is_new=True)
        return Accepted(known, is_new=False)

    async def begin_again(self, uow: UnitOfWork, source: SourceEntry, run: Run) -> Run:
        """Has a failed run read its file from the start, under the present configuration."""
        await quarantines.forget_run(uow.connection, run.id)
        await runs.begin_again(
            uow.connection,
            run.id,
            spec=self.spec(source).document(),
            config_version=self.version(source),
        )
        uow.after_commit(self._wake)
        again = await runs.get(uow.connection, run.id)
        assert again is not None
        return again

    async def _add(
        self,
        uow: UnitOfWork,
        source: SourceEntry,
        file: str | None,
        sha256: bytes | None,
        *,
        status: str = "running",
        error: str | None = None,
    ) -> Run:
        return await runs.add(
            uow.connection,
            run_id=uow.ids.new(),
            source=source.id,
            file=file,
            sha256=sha256,
            spec=self.spec(source).document(),
            config_version=self.version(source),
            at=uow.clock.now(),
            status=status,
            error=error,
        )

    def _tell_ended(self, uow: UnitOfWork, run: Run) -> None:
        tell_ended(uow, run)
        at = uow.clock.now().timestamp()
        uow.after_commit(lambda: self._metrics.run_ended(run.source, run.status, at))

    def spec(self, source: SourceEntry) -> FeedSpec:
        """How its rows are read now."""
        return feed_spec(source, self._store.current)

    def version(self, source: SourceEntry) -> int:
        """Counts the changes of a source's configuration."""
        entry = self._store.current.entry("sources", source.id)
        return entry.version if entry is not None else 0

    async def is_paused(self, source: SourceEntry) -> bool:
        async with self._database.read() as connection:
            return await fetches.is_paused(connection, source.id)


def unreadable(error: OSError) -> str:
    """Why a folder cannot be read, without its path."""
    return f"the folder cannot be read: {error.strerror or type(error).__name__}"


def _why_not_now(source: SourceEntry) -> str:
    if source.kind in ("folder", "push", "open311"):
        return "files of this source are sent: POST them to its files"
    return f"kind {source.kind} is not supported by this version; its configuration is kept"
