"""One visit to a partner's server: files in, answers out.

A file is taken before it is moved away, and answers have names that say what they answer, so that a
visit that breaks off anywhere is made good by the next one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from careline_common.db.engine import Database
from careline_ingest import answers
from careline_ingest.adapters.spool import Stored
from careline_ingest.config import SourceEntry
from careline_ingest.db import fetches, quarantines, replies, runs
from careline_ingest.db.fetches import Known
from careline_ingest.db.replies import Due
from careline_ingest.metrics import FetchResult, IngestMetrics
from careline_ingest.ports import (
    Delivered,
    FetchError,
    FileRefusedError,
    NotFinishedError,
    Offer,
    Session,
    Source,
    Span,
)
from careline_ingest.schedule import retry_after
from careline_ingest.service import Accepted, IngestService

log = structlog.get_logger(__name__)

ANSWERS_A_VISIT = 100
WRONG_DIGEST = "the file does not have the SHA-256 that its sender says it has"
OVERDUE = "the fetch took longer than its deadline_s"

Connect = Callable[[SourceEntry, Span | None], Source]
"""A source, or the part of its past that is to be fetched."""


@dataclass(slots=True)
class Visit:
    """What came of a visit. `failure`: it could not be finished."""

    accepted: list[Accepted] = field(default_factory=list)
    refused: bool = False
    failure: FetchError | None = None

    @property
    def result(self) -> FetchResult:
        if self.failure is not None:
            return "failed"
        if self.refused:
            return "refused"
        return "new" if any(each.is_new for each in self.accepted) else "nothing"


class Fetching:
    """Fetches sources, one visit at a time each; who may is not its business."""

    def __init__(
        self,
        *,
        database: Database,
        service: IngestService,
        metrics: IngestMetrics,
        connect: Connect,
        retry_s: float,
    ) -> None:
        self._database = database
        self._service = service
        self._metrics = metrics
        self._connect = connect
        self._retry_s = retry_s

    async def visit(self, source: SourceEntry, span: Span | None = None) -> Visit:
        """Takes every file that is finished and new, and delivers answers."""
        visit = Visit()
        try:
            async with self._session(source, span) as session:
                await self._take_all(source, session, visit)
                await self._answer_all(source, session)
        except FetchError as error:
            visit.failure = error
            visit.accepted.append(await self._service.note_failure(source, str(error)))
        self._metrics.fetched(source.id, visit.result)
        self._metrics.reachable(source.id, yes=visit.failure is None)
        return visit

    async def deliver(self, source: SourceEntry) -> None:
        """Delivers the answers that are due, between two visits."""
        try:
            async with self._session(source) as session:
                await self._answer_all(source, session)
        except FetchError as error:
            for due in await self._due(source):
                await self._not_answered(source, due, str(error))

    @asynccontextmanager
    async def _session(
        self, source: SourceEntry, span: Span | None = None
    ) -> AsyncIterator[Session]:
        """An open session that ends with the source's deadline at the latest."""
        deadline = asyncio.timeout(source.deadline_s)
        try:
            async with deadline, self._connect(source, span).session() as session:
                yield session
        except TimeoutError:
            if deadline.expired():
                raise FetchError(OVERDUE) from None
            raise

    async def _take_all(self, source: SourceEntry, session: Session, visit: Visit) -> None:
        async with self._database.read() as connection:
            known = await fetches.known(connection, source.id, self._service.version(source))
        listing = await session.look({name: file.mark for name, file in known.items()})
        for offer in listing.offers:
            try:
                await self._take(source, session, offer, known, visit)
            except NotFinishedError:
                log.info("file.not_finished", source=source.id)
            except FileRefusedError as refused:
                visit.refused = True
                visit.accepted.append(await self._service.refuse_fetched(source, offer, refused))
        async with self._database.unit_of_work() as uow:
            await fetches.forget_gone(uow.connection, source.id, sorted(listing.present))

    async def _take(
        self,
        source: SourceEntry,
        session: Session,
        offer: Offer,
        known: Mapping[str, Known],
        visit: Visit,
    ) -> None:
        """Takes a file and puts it away; what was taken in an earlier visit is only put away."""
        before = known.get(offer.name)
        if before is not None and offer.mark == before.mark:
            if before.sha256 is not None:
                await session.put_away(offer, before.sha256)
            return
        fetched = await self._read(source, session, offer)
        if fetched is None:
            return
        delivered, stored = fetched
        accepted = await self._service.take_fetched(source, offer, delivered, stored)
        visit.accepted += accepted
        for each in accepted:
            if each.is_new:
                log.info("file.taken", source=source.id, run=each.run.id)
        await session.put_away(offer, stored.sha256)
        if delivered.trouble is not None:
            raise delivered.trouble

    async def _read(
        self, source: SourceEntry, session: Session, offer: Offer
    ) -> tuple[Delivered, Stored] | None:
        """The file, whole, in the spool."""
        landing = self._service.landing(source)
        try:
            delivered = await session.read(offer, landing)
            if delivered is None:
                landing.abandon()
                return None
            stored = await landing.finish()
        except BaseException:
            landing.abandon()
            raise
        if delivered.sha256 not in (None, stored.sha256):
            landing.abandon()
            raise FileRefusedError(WRONG_DIGEST, lasting=True)
        return delivered, stored

    async def _due(self, source: SourceEntry) -> list[Due]:
        if source.answers is None:
            return []
        async with self._database.read() as connection:
            return list(await replies.due(connection, source.id, ANSWERS_A_VISIT))

    async def _answer_all(self, source: SourceEntry, session: Session) -> None:
        """An answer that cannot be delivered is tried again later and holds up no other."""
        for due in await self._due(source):
            async with self._database.read() as connection:
                run = await runs.get(connection, due.run_id)
                assert run is not None
                refused = await quarantines.all_of(connection, run.id)
            try:
                for name, content in answers.documents(run, refused, source.answer_as):
                    await session.answer(name, content)
            except FileRefusedError as error:
                await self._not_answered(source, due, str(error))
                continue
            except FetchError as error:
                await self._not_answered(source, due, str(error))
                raise
            async with self._database.unit_of_work() as uow:
                await replies.delivered(uow.connection, due)
            self._metrics.answered(source.id, well=True)
            log.info("answer.delivered", source=source.id, run=run.id)

    async def _not_answered(self, source: SourceEntry, due: Due, reason: str) -> None:
        again = retry_after(due.failures + 1, self._retry_s)
        async with self._database.unit_of_work() as uow:
            await replies.failed(uow.connection, due.run_id, reason, again)
        self._metrics.answered(source.id, well=False)
        log.warning("answer.failed", source=source.id, run=due.run_id, error=reason)
