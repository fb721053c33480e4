"""Brings partners what they are to hear: answers to their files, and news of their appeals.

One process at a time tells one partner. What was told is noted after it was told: a process that dies
between tells it again, under the same name or key, and a partner who looks at that takes it once.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_common.ids import Ids
from careline_common.messaging.retry import describe
from careline_ingest import answers
from careline_ingest.adapters.outlets import (
    FolderOutlet,
    HttpOutlet,
    Open311Outlet,
    Outlet,
    SftpOutlet,
)
from careline_ingest.config import SourceEntry
from careline_ingest.db import fetches, ledger, quarantines, replies, runs
from careline_ingest.db.replies import Due
from careline_ingest.domain import notices
from careline_ingest.domain.notices import Notice
from careline_ingest.leases import LeaseLostError, Leases
from careline_ingest.metrics import IngestMetrics
from careline_ingest.ports import FetchError, FileRefusedError
from careline_ingest.schedule import retry_after
from careline_ingest.service import IngestService

log = structlog.get_logger(__name__)

TELLING = "#told"
"""Behind the id of a source, in which there is no such sign: the lease of telling its partner."""
A_TURN = 200
"""So much is told to a partner in one turn."""


class Outward:
    """The loop that tells partners; a partner who is slow delays no other."""

    def __init__(
        self,
        *,
        database: Database,
        service: IngestService,
        metrics: IngestMetrics,
        clock: Clock,
        ids: Ids,
        every_s: float,
        retry_s: float,
        lease_s: float,
    ) -> None:
        self._database = database
        self._service = service
        self._metrics = metrics
        self._clock = clock
        self._ids = ids
        self._every_s = every_s
        self._retry_s = retry_s
        self._leases = Leases(database, ids, lease_s)

    async def run(self) -> None:
        """Never returns."""
        running: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                for source in await self._due():
                    if source.id not in running or running[source.id].done():
                        running[source.id] = group.create_task(self._turn(source))
                await asyncio.sleep(self._every_s)

    async def tell(self, source: SourceEntry) -> None:
        """Tells one partner what is due, unless another process does."""
        name = f"{source.id}{TELLING}"
        async with self._database.unit_of_work() as uow:
            await fetches.begin(uow.connection, name)
        await self._leases.alone(name, partial(self._tell, source))

    async def _tell(self, source: SourceEntry) -> None:
        async with asyncio.timeout(source.deadline_s):
            await self._answers(source)
            await self._news(source)

    async def _turn(self, source: SourceEntry) -> None:
        try:
            await self.tell(source)
        except TimeoutError:
            log.warning("outward.overdue", source=source.id)
        except LeaseLostError:
            log.warning("outward.taken_over", source=source.id)
        except Exception as error:  # noqa: BLE001 - one partner's trouble is not the others'
            if not is_unavailable(error):
                log.error("outward.broken", source=source.id, error=describe(error))  # noqa: TRY400 - a traceback may quote a row

    async def _due(self) -> list[SourceEntry]:
        try:
            async with self._database.read() as connection:
                answered = await replies.sources_due(connection)
                told = await ledger.sources_due(connection)
        except Exception as error:
            if is_unavailable(error):
                return []
            raise
        return [
            source
            for name, source in self._service.sources().items()
            if (name in answered and self._answer_outlet(source) is not None)
            or (name in told and source.updates is not None)
        ]

    async def _answers(self, source: SourceEntry) -> None:
        """Answers to files, where no visit to an SFTP server brings them."""
        outlet = self._answer_outlet(source)
        if outlet is None:
            return
        async with self._database.read() as connection:
            due = await replies.due(connection, source.id, A_TURN)
        for one in due:
            if not await self._answer(source, outlet, one):
                return

    async def _answer(self, source: SourceEntry, outlet: Outlet, due: Due) -> bool:
        """False: the partner cannot be reached now."""
        async with self._database.read() as connection:
            run = await runs.get(connection, due.run_id)
            assert run is not None
            refused = await quarantines.all_of(connection, run.id)
        try:
            for name, content in answers.documents(run, refused, source.answer_as):
                await outlet.put(name, content)
        except (FetchError, FileRefusedError) as error:
            again = retry_after(due.failures + 1, self._retry_s)
            async with self._database.unit_of_work() as uow:
                await replies.failed(uow.connection, due.run_id, str(error), again)
            self._metrics.answered(source.id, well=False)
            log.warning("answer.failed", source=source.id, run=due.run_id, error=str(error))
            return isinstance(error, FileRefusedError)
        async with self._database.unit_of_work() as uow:
            await replies.delivered(uow.connection, due)
        self._metrics.answered(source.id, well=True)
        log.info("answer.delivered", source=source.id, run=run.id)
        return True

    def _answer_outlet(self, source: SourceEntry) -> Outlet | None:
        if source.answers_url is not None:
            return HttpOutlet(source, source.answers_url, self._clock)
        if source.kind == "folder" and source.answers is not None:
            return FolderOutlet(source.answers)
        return None

    async def _news(self, source: SourceEntry) -> None:
        updates = source.updates
        if updates is None:
            return
        async with self._database.unit_of_work() as uow:
            await ledger.overtake(uow.connection, source.id)
        if updates.to == "file":
            await self._file(source)
            return
        async with self._database.read() as connection:
            due = await ledger.due(connection, source.id, A_TURN)
        for one in due:
            if not await self._told(source, [one], partial(self._send, source, one)):
                return

    async def _send(self, source: SourceEntry, notice: Notice) -> None:
        updates = source.updates
        assert updates is not None
        if updates.to == "open311":
            await Open311Outlet(source, self._clock).update(notices.open311_update(notice))
            return
        assert updates.url is not None
        outlet = HttpOutlet(source, updates.url, self._clock, token=updates.token)
        await outlet.tell(notice.id, json.dumps(notices.shown(notice)).encode())

    async def _file(self, source: SourceEntry) -> None:
        """What is due as one file; its name and its rows are settled before it is written."""
        assert source.updates is not None
        assert source.updates.folder is not None
        async with self._database.unit_of_work() as uow:
            name = await ledger.batch(uow.connection, source.id, self._ids.new(), A_TURN)
            if name is None:
                return
            rows = await ledger.of_batch(uow.connection, source.id, name)
        document = {"batch": name, "source": source.id, "items": [notices.shown(r) for r in rows]}
        content = json.dumps(document, ensure_ascii=False, indent=1).encode()
        folder = source.updates.folder
        outlet: Outlet = SftpOutlet(source, folder)
        if source.kind == "folder":
            outlet = FolderOutlet(folder)
        put = f"{source.id}.{name}.status.json"
        await self._told(source, rows, partial(outlet.put, put, content))

    async def _told(
        self, source: SourceEntry, told: list[Notice], tell: Callable[[], Awaitable[None]]
    ) -> bool:
        """Tells and notes it; False: the partner cannot be reached now."""
        ids = [one.id for one in told]
        try:
            await tell()
        except (FetchError, FileRefusedError) as error:
            lasting = isinstance(error, FileRefusedError) and error.lasting
            async with self._database.unit_of_work() as uow:
                before = await ledger.attempts(uow.connection, ids[0])
                again = None if lasting else retry_after(before + 1, self._retry_s)
                await ledger.failed(uow.connection, ids, str(error), again)
            self._metrics.told(source.id, "refused" if lasting else "failed", len(ids))
            log.warning("notice.failed", source=source.id, error=str(error), lasting=lasting)
            return lasting
        async with self._database.unit_of_work() as uow:
            await ledger.delivered(uow.connection, ids)
        self._metrics.told(source.id, "delivered", len(ids))
        return True
