"""How a service is put together, started and stopped, alone or beside the other three."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from fastapi import FastAPI

from careline_common.http.health import Readiness
from careline_common.observability.errors import describe

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0

Task = Callable[[], Awaitable[None]]


@dataclass(kw_only=True, slots=True)
class Service:
    """One of the four services.

    `app` answers HTTP from the first moment; `start` waits for what the service needs (it may take
    as long as the database is away) and `background` runs from then on. Each background task is
    started again when it fails: one broken partner must not stop the others. `hand_over` leaves the
    work to other processes while this one, which is about to stop, still answers.
    """

    name: str
    app: FastAPI
    readiness: Readiness
    start: Task
    background: Sequence[tuple[str, Task]] = field(default_factory=tuple)
    hand_over: Task | None = None
    stop: Task | None = None

    def __post_init__(self) -> None:
        self.readiness.need("started")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        main = asyncio.create_task(self._run(), name=f"{self.name}.run")
        try:
            yield
        finally:
            main.cancel()
            await asyncio.gather(main, return_exceptions=True)
            if self.stop is not None:
                await self.stop()

    async def _run(self) -> None:
        structlog.contextvars.bind_contextvars(service=self.name)
        await keep_trying(f"{self.name}.start", self.start, self.readiness)
        self.readiness.met("started")
        async with asyncio.TaskGroup() as tasks:
            for name, task in self.background:
                tasks.create_task(supervise(f"{self.name}.{name}", task), name=name)


async def keep_trying(name: str, start: Task, readiness: Readiness) -> None:
    """Runs `start` until it succeeds; meanwhile `/readyz` says what it waits for."""
    pause = FIRST_PAUSE_S
    while True:
        try:
            await start()
        except Exception as error:  # noqa: BLE001 - whatever it is, waiting is the answer
            readiness.unmet("started", describe(error))
            log.warning("service.waits", task=name, error=describe(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
        else:
            return


async def supervise(name: str, task: Task) -> None:
    """Runs a task that should never end; starts it again when it does, ever more slowly."""
    pause = FIRST_PAUSE_S
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        try:
            await task()
            log.warning("task.ended", task=name)
        except Exception as error:
            log.exception("task.failed", task=name, error=describe(error))
        if clock() - began > 10 * LONGEST_PAUSE_S:
            pause = FIRST_PAUSE_S
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
