"""The actor that owns the floor: takes all commands that wait, runs them in memory, writes what they
did in one transaction, and only then lets anything out.

A batch that the database or a command's own step refuses is halved until the guilty command stands
alone; it fails, the rest commit. When the connection is lost, what became of the commit is read
from the journal: a batch that is not there is run again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from pydantic_core import PydanticSerializationError
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable, sqlstate
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import NotReady
from careline_common.ids import Ids
from careline_router.domain import events as ev
from careline_router.domain.commands import Command, Tick
from careline_router.domain.floor import Floor
from careline_router.domain.states import Rejected
from careline_router.metrics import RouterMetrics
from careline_router.ports import Receipt
from careline_router.problems import as_problem
from careline_router.runtime.contacts import Contacts
from careline_router.runtime.lease import DeposedError, FloorLease
from careline_router.runtime.loading import load_floor
from careline_router.runtime.projection import Numbers, Projection
from careline_router.runtime.snapshots import Snapshots
from careline_router.runtime.work import Asked, Within, Work, fail, finish, look_for_answers

log = structlog.get_logger(__name__)

FLOOR = "main"
MOST_IN_A_BATCH = 512
MOST_TRIES = 4
RETRY_PAUSE_S = 0.5
LONGEST_NAP_S = 3600.0
BREATH = 8
"""After so many commands whatever else is ready has a turn: the database's answers, above all."""
LEAST_WRITE = 128
"""The rows of so many commands are worth a write of their own, while later commands are handled."""

Listener = Callable[[Projection], None]


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
        self.database = database
        self._lease = lease
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._contacts = contacts
        self._numbers = Numbers()
        self._snapshots = Snapshots(database=database, lease=lease, clock=clock, floor_id=FLOOR)
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

    async def check(self, connection: AsyncConnection) -> None:
        """For who writes beside the floor: raises 503 unless this process leads until that is committed."""
        with _not_ready_when_deposed():
            await self._lease.check(connection)

    async def make_sure(self) -> None:
        """For who lets something out beside the floor: raises 503 unless nobody else can lead now."""
        with _not_ready_when_deposed():
            await self._lease.make_sure()

    async def submit(
        self,
        command: Command,
        *,
        within: Within | None = None,
        asked: Asked | None = None,
        receipt: Receipt | None = None,
    ) -> Any:
        """Runs a command and gives, once it is committed, its events or what `within` or `asked` gives.

        Raises a `Problem` when the floor rejects it, `AlreadyAnswered` or `KeyReusedError` for a
        receipt that was used, 503 while this process does not lead.
        """
        if not self._leading:
            raise NotReady("this process does not lead the floor")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        work = Work(command=command, receipt=receipt, within=within, asked=asked, future=future)
        self._works.append(work)
        self._wake.set()
        return await future

    # -- leading -------------------------------------------------------------------------------

    async def load(self) -> None:
        """Reads the floor from the database: snapshot, then the journal after it."""
        loaded = await load_floor(self.database, FLOOR)
        self.floor, self._numbers = loaded.floor, loaded.numbers
        self._snapshots.seq = loaded.snapshot_seq
        self._contacts.fill_in(loaded.contacts)

    async def close(self) -> None:
        """Gives its connections back; after `run` has ended."""
        await self.database.close()

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
                self._snapshots.consider(self.floor, self._numbers.journal)
        finally:
            self._leading = False
            self._started.clear()
            self._contacts.forget_all()
            fail(self._works, NotReady("this process does not lead the floor any more"))
            self._works.clear()
            await self._snapshots.stop()

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
            tick = Work(command=Tick(), receipt=None, within=None, asked=None, future=future)
            batch.append(tick)
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
            fail(works, NotReady("this process is stopping"))
            raise
        except DeposedError:
            fail(works, NotReady("another process leads the floor now"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the others
            await self._after_failure(works, projection, error)
            return
        self._numbers = projection.numbers
        await self._release(works, projection)

    async def _release(self, works: Sequence[Work], projection: Projection) -> None:
        """Lets out what stands, while nobody else can lead; else whoever waits gets a 503."""
        try:
            await self._lease.make_sure()
        except BaseException:
            fail(works, NotReady("this process cannot tell whether it still leads"))
            raise
        for event in projection.events:
            if isinstance(event, ev.CallsForgotten):
                for call_id in event.call_ids:
                    self._contacts.forget(call_id)
        for listener in self._listeners:
            listener(projection)
        for work in works:
            work.settle()

    async def _commit(self, works: Sequence[Work], projection: Projection) -> None:
        """Runs and writes a batch; the floor in memory is ahead of the database until it returns."""
        with self._metrics.commit_seconds.time():
            async with self.database.unit_of_work() as uow:
                await self._lease.check(uow.connection)
                for work in works:
                    work.begin()
                await look_for_answers(uow, works)
                await self._handle_all(uow, works, projection)
                await projection.write(uow)
                await finish(uow, [work for work in works if work.error is None])
        self._metrics.batch_size.observe(len(works))

    async def _handle_all(
        self, uow: UnitOfWork, works: Sequence[Work], projection: Projection
    ) -> None:
        """Runs the commands. The database writes the rows of the first while the last are still run."""
        writing: asyncio.Task[None] | None = None
        unwritten = 0
        try:
            for place, work in enumerate(works, 1):
                if work.error is None:
                    self._handle(uow, work, projection)
                unwritten += 1
                if place % BREATH:
                    continue
                await asyncio.sleep(0)
                if unwritten >= LEAST_WRITE and (writing is None or writing.done()):
                    if writing is not None:
                        writing.result()
                    writing = asyncio.create_task(projection.write_added(uow))
                    unwritten = 0
        finally:
            if writing is not None:  # before that the connection is not free, not even to roll back
                await asyncio.gather(writing, return_exceptions=True)
        if writing is not None:
            writing.result()

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
            fail(works, NotReady("the database is away"))
            raise
        if is_unavailable(error):
            await self._after_unknown_outcome(works, projection)
        elif len(works) > 1:
            self._metrics.bisected.inc()
            middle = len(works) // 2
            try:
                await self._run(works[:middle])
            except BaseException:
                fail(works[middle:], NotReady("this process does not lead any more"))
                raise
            await self._run(works[middle:])
        else:
            fail(works, _refusal(error))

    async def _still_alone(self) -> None:
        """What stands in the journal is this process's own, unless another leads by now."""
        async with self.database.unit_of_work() as uow:
            await self._lease.check(uow.connection)

    async def _after_unknown_outcome(self, works: Sequence[Work], projection: Projection) -> None:
        """Whether the lost commit came through stands in the journal."""
        if projection.events and self._numbers.journal >= projection.numbers.journal:
            await self._release(works, projection)
            return
        again: list[Work] = []
        for work in works:
            work.tries += 1
            if work.tries < MOST_TRIES:
                again.append(work)
            else:
                fail([work], NotReady("the database is away"))
        self._works.extendleft(reversed(again))


@contextmanager
def _not_ready_when_deposed() -> Iterator[None]:
    try:
        yield
    except DeposedError as error:
        raise NotReady("another process leads the floor now") from error


def _refusal(error: Exception) -> Exception:
    """What the guilty command is told: 422 for data that the database, or its driver, refuses."""
    unspeakable = isinstance(error, UnicodeError | PydanticSerializationError)
    if unspeakable or sqlstate(error)[:2] in {"22", "23"}:
        return as_problem(
            Rejected("invalid-data", "the database refuses this data; nothing was changed")
        )
    return error
