"""The actor that owns the floor: takes all commands that wait, runs them in memory, writes what they
did in one transaction, and only then lets anything out.

A batch that the database or a command's own step refuses is halved until the guilty command stands
alone; it fails, the rest commit. When the connection is lost, what became of the commit is read
from the journal: a batch that is not there is run again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import KeyReusedError, find_answer, store_answer
from careline_common.http.problem import NotReady
from careline_common.ids import Ids
from careline_router.db import repository
from careline_router.domain import events as ev
from careline_router.domain.commands import Command, Tick
from careline_router.domain.floor import Floor
from careline_router.domain.states import Rejected
from careline_router.metrics import RouterMetrics
from careline_router.ports import AlreadyAnswered, Receipt
from careline_router.problems import as_problem
from careline_router.runtime.codec import decode, decode_snapshot, encode_snapshot
from careline_router.runtime.contacts import Contact, Contacts
from careline_router.runtime.lease import DeposedError, FloorLease
from careline_router.runtime.projection import Numbers, Projection

log = structlog.get_logger(__name__)

FLOOR = "main"
MOST_IN_A_BATCH = 256
MOST_TRIES = 4
RETRY_PAUSE_S = 0.5
SNAPSHOT_EVERY = 5_000
PAGE = 5_000
LONGEST_NAP_S = 3600.0

Within = Callable[[UnitOfWork, list[ev.Event]], Awaitable[Any]]
Listener = Callable[[Projection], None]


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """A command that waits. `within` runs in its transaction and gives the result."""

    command: Command
    receipt: Receipt | None
    within: Within | None
    future: "asyncio.Future[Any]"
    events: list[ev.Event] = field(default_factory=list)
    outcome: Any = None
    error: Exception | None = None
    tries: int = 0

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.outcome)
        else:
            self.future.set_exception(self.error)


class FloorActor:
    """One floor in this process, while it leads."""

    def __init__(
        self,
        *,
        database: Database,
        lease: FloorLease,
        clock: Clock,
        ids: Ids,
        metrics: RouterMetrics,
        contacts: Contacts,
    ) -> None:
        self.floor = Floor()
        self._database = database
        self._lease = lease
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._contacts = contacts
        self._numbers = Numbers()
        self._snapshot_at = 0
        self._works: deque[Work] = deque()
        self._wake = asyncio.Event()
        self._leading = False
        self._started = asyncio.Event()
        self._listeners: list[Listener] = []

    def on_committed(self, listener: Listener) -> None:
        """Has `listener` called with each batch once it stands. It must not block."""
        self._listeners.append(listener)

    @property
    def leading(self) -> bool:
        """Whether this process leads the floor, as far as it knows."""
        return self._leading

    async def submit(
        self, command: Command, *, within: Within | None = None, receipt: Receipt | None = None
    ) -> Any:
        """Runs a command and gives, once it is committed, its events or what `within` gives.

        Raises a `Problem` when the floor rejects it, `AlreadyAnswered` or `KeyReusedError` for a
        receipt that was used, 503 while this process does not lead.
        """
        if not self._leading:
            raise NotReady("this process does not lead the floor")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._works.append(Work(command=command, receipt=receipt, within=within, future=future))
        self._wake.set()
        return await future

    # -- leading -------------------------------------------------------------------------------

    async def load(self) -> None:
        """Reads the floor from the database: snapshot, then the journal after it."""
        floor, seq = Floor(), 0
        async with self._database.read() as connection:
            found = await repository.read_snapshot(connection, FLOOR)
            if found is not None:
                seq = found[0]
                floor = Floor.restore(decode_snapshot(found[1]))
            self._snapshot_at = seq
            while rows := await repository.read_journal(connection, FLOOR, after=seq, limit=PAGE):
                for number, kind, data in rows:
                    floor.apply(decode(kind, data))
                    seq = number
            messages = await repository.read_message_numbers(connection)
            contacts = await repository.read_open_contacts(connection)
        self.floor, self._numbers = floor, Numbers(journal=seq, messages=messages)
        self._contacts.fill_in(
            {
                row.call_id: Contact(phone=row.phone, name=row.name, attributes=row.attributes)
                for row in contacts
            }
        )

    async def started(self) -> None:
        """Returns once `run` takes commands."""
        await self._started.wait()

    async def run(self) -> None:
        """Works until cancelled or deposed; whoever waits then gets a 503."""
        self._leading = True
        self._started.set()
        try:
            while True:
                await self._wait()
                await self._run(self._take())
                if self._numbers.journal - self._snapshot_at >= SNAPSHOT_EVERY:
                    await self._write_snapshot()
        finally:
            self._leading = False
            self._started.clear()
            self._contacts.forget_all()
            while self._works:
                work = self._works.popleft()
                work.error = NotReady("this process does not lead the floor any more")
                work.settle()

    async def _wait(self) -> None:
        """Until there is a command, or something is due."""
        due = self.floor.next_timer()
        nap = LONGEST_NAP_S if due is None else due - self._now()
        if not self._works and nap > 0:
            try:
                async with asyncio.timeout(min(nap, LONGEST_NAP_S)):
                    await self._wake.wait()
            except TimeoutError:
                return
        self._wake.clear()

    def _take(self) -> list[Work]:
        """What waits, after whatever is due. A second work with one receipt key waits its turn."""
        batch: list[Work] = []
        keys: set[tuple[str, str]] = set()
        due = self.floor.next_timer()
        if due is not None and due <= self._now():
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            batch.append(Work(command=Tick(), receipt=None, within=None, future=future))
        while self._works and len(batch) < MOST_IN_A_BATCH:
            work = self._works[0]
            if work.receipt is not None:
                key = (work.receipt.scope, work.receipt.key)
                if key in keys:
                    break
                keys.add(key)
            batch.append(self._works.popleft())
        return batch

    def _now(self) -> float:
        return self._clock.now().timestamp()

    # -- batches -------------------------------------------------------------------------------

    async def _run(self, works: Sequence[Work]) -> None:
        if not works:
            return
        projection = Projection(
            floor_id=FLOOR,
            floor=self.floor,
            contacts=self._contacts,
            numbers=self._numbers,
            ids=self._ids,
        )
        try:
            await self._commit(works, projection)
        except asyncio.CancelledError:
            self._fail(works, NotReady("this process is stopping"))
            raise
        except DeposedError:
            self._fail(works, NotReady("another process leads the floor now"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the others
            await self._after_failure(works, projection, error)
            return
        self._numbers = projection.numbers
        self._release(works, projection)

    def _release(self, works: Sequence[Work], projection: Projection) -> None:
        for event in projection.events:
            if isinstance(event, ev.CallsForgotten):
                for call_id in event.call_ids:
                    self._contacts.forget(call_id)
        for listener in self._listeners:
            listener(projection)
        for work in works:
            work.settle()

    def _fail(self, works: Sequence[Work], error: Exception) -> None:
        for work in works:
            work.error = error
            work.settle()

    async def _commit(self, works: Sequence[Work], projection: Projection) -> None:
        """Runs and writes a batch; the floor in memory is ahead of the database until it returns."""
        with self._metrics.commit_seconds.time():
            async with self._database.unit_of_work() as uow:
                await self._lease.check(uow.connection)
                for work in works:
                    work.error, work.outcome, work.events = None, None, []
                    await self._look_for_answer(uow, work)
                    if work.error is None:
                        self._handle(uow, work, projection)
                await projection.write(uow)
                for work in works:
                    if work.error is None:
                        await self._finish(uow, work)
        self._metrics.batch_size.observe(len(works))

    async def _look_for_answer(self, uow: UnitOfWork, work: Work) -> None:
        receipt = work.receipt
        if receipt is None:
            return
        try:
            answer = await find_answer(
                uow.connection, receipt.scope, receipt.key, receipt.fingerprint
            )
        except KeyReusedError as error:
            work.error = error
            return
        if answer is not None:
            work.error = AlreadyAnswered(answer)

    def _handle(self, uow: UnitOfWork, work: Work, projection: Projection) -> None:
        began = self._clock.monotonic()
        try:
            work.events = self.floor.handle(work.command, self._now())
        except Rejected as rejected:
            self._metrics.rejected.labels(rejected.reason).inc()
            work.error = as_problem(rejected)
            return
        took_us = (self._clock.monotonic() - began) * 1e6
        projection.take(uow, work.events, self.floor.take_decisions(), took_us)
        if not work.events:
            self._metrics.without_effect.labels(type(work.command).__name__).inc()

    async def _finish(self, uow: UnitOfWork, work: Work) -> None:
        work.outcome = work.events
        if work.within is not None:
            work.outcome = await work.within(uow, work.events)
        receipt = work.receipt
        if receipt is not None:
            await store_answer(
                uow.connection,
                receipt.scope,
                receipt.key,
                receipt.fingerprint,
                receipt.render(work.outcome),
                at=uow.clock.now(),
            )

    async def _after_failure(
        self, works: Sequence[Work], projection: Projection, error: Exception
    ) -> None:
        """The floor in memory is not what is committed: read it again, then see who was at fault."""
        log.warning("floor.batch_failed", works=len(works), error=type(error).__name__)
        try:
            if is_unavailable(error):
                await asyncio.sleep(RETRY_PAUSE_S)
            await self.load()
            await self._still_alone()
        except BaseException:
            self._fail(works, NotReady("the database is away"))
            raise
        if is_unavailable(error):
            self._after_unknown_outcome(works, projection)
        elif len(works) > 1:
            self._metrics.bisected.inc()
            middle = len(works) // 2
            try:
                await self._run(works[:middle])
            except BaseException:
                self._fail(works[middle:], NotReady("this process does not lead any more"))
                raise
            await self._run(works[middle:])
        else:
            self._fail(works, _refusal(error))

    async def _still_alone(self) -> None:
        """What stands in the journal is this process's own, unless another leads by now."""
        async with self._database.unit_of_work() as uow:
            await self._lease.check(uow.connection)

    def _after_unknown_outcome(self, works: Sequence[Work], projection: Projection) -> None:
        """Whether the lost commit came through stands in the journal."""
        if projection.events and self._numbers.journal >= projection.numbers.journal:
            self._release(works, projection)
            return
        again: list[Work] = []
        for work in works:
            work.tries += 1
            if work.tries < MOST_TRIES:
                again.append(work)
            else:
                self._fail([work], NotReady("the database is away"))
        self._works.extendleft(reversed(again))

    async def _write_snapshot(self) -> None:
        data = encode_snapshot(self.floor.snapshot())
        async with self._database.unit_of_work() as uow:
            await self._lease.check(uow.connection)
            await repository.write_snapshot(
                uow.connection, FLOOR, seq=self._numbers.journal, at=uow.clock.now(), data=data
            )
        self._snapshot_at = self._numbers.journal


def _refusal(error: Exception) -> Exception:
    """What the guilty command is told: 422 for data that the database refuses."""
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", "") or "")
        if state[:2] in {"22", "23"}:
            return as_problem(
                Rejected("invalid-data", "the database refuses this data; nothing was changed")
            )
    return error
