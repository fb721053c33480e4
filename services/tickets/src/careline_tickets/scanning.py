"""Scanning files for viruses: until a scanner has said that a file is clean, nobody is given it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from careline_common.db.engine import Database
from careline_common.sealed import SealError
from careline_tickets.attaching import AttachmentDesk
from careline_tickets.db import attachments
from careline_tickets.db.attachments import Attachment
from careline_tickets.domain.ticket import Command
from careline_tickets.domain.vocabulary import Action, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import Scanner, ScannerAwayError
from careline_tickets.service import Journal

log = structlog.get_logger(__name__)

SCANNER = Actor(id="scanner", roles=frozenset({Role.SYSTEM}))
AT_A_TIME = 10
TRIED_AGAIN_AFTER = timedelta(minutes=2)
"""Longer than a scan may last: meanwhile nobody else has the file."""
LOOK_EVERY_S = 1.0


class Scanning:
    """Any number of these may run."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        files: AttachmentDesk,
        scanner: Scanner,
        metrics: TicketsMetrics,
    ) -> None:
        self._database = database
        self._journal = journal
        self._files = files
        self._scanner = scanner
        self._metrics = metrics

    async def step(self) -> int:
        """Scans the files that are due; returns how many have a verdict now."""
        async with self._database.unit_of_work() as uow:
            now = uow.clock.now()
            again_at = now + TRIED_AGAIN_AFTER
            claimed = await attachments.claim(uow.connection, now, again_at, AT_A_TIME)
            self._metrics.unscanned.set(await attachments.waiting_s(uow.connection, now))
        judged = 0
        for file in claimed:
            judged += await self._scan(file)
        return judged

    async def _scan(self, file: Attachment) -> bool:
        try:
            async with self._database.read() as connection:
                content = await self._files.content_of(connection, file.id)
            if content is None:
                return False
            verdict = await self._scanner.scan(content)
        except (ScannerAwayError, SealError) as error:
            self._metrics.scanned.labels("failed").inc()
            log.warning("attachment.not_scanned", attachment=file.id, reason=str(error))
            return False
        await self._judge(file, verdict)
        return True

    async def _judge(self, file: Attachment, verdict: str | None) -> None:
        """Keeps the verdict; that a file was removed stands in its appeal."""
        async with self._database.unit_of_work() as uow:
            stored = await self._journal.repository.find(
                uow.connection, file.ticket_id, for_update=True
            )
            assert stored is not None, "appeals are never deleted"
            if not await attachments.judged(uow.connection, file.id, verdict, uow.clock.now()):
                return
            uow.after_commit(self._metrics.scanned.labels("infected" if verdict else "clean").inc)
            if verdict is not None:
                note = f"Removed: {file.name} carries {verdict}"
                command = Command(action=Action.AMEND, note=note)
                await self._journal.act(uow, stored, command, SCANNER)


def scanning(desk: Scanning, every_s: float = LOOK_EVERY_S) -> Callable[[], Awaitable[None]]:
    async def scan() -> None:
        while True:
            while await desk.step() == AT_A_TIME:
                pass
            await asyncio.sleep(every_s)

    return scan
