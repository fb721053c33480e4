"""A process that leads a floor and dies, or stands still, at a named point of its work.

    python floor_child.py DATABASE_URL POINT TIMES

Agents and callers live their stories on the floor. What a caller was told goes to standard output, a line of
JSON each, at once: the kinds and the data of the events of his command. The process ends itself when it has
come to POINT for the TIMES-th time. With the point `pause` it only stops (SIGSTOP), between a commit and its
effects; woken up again it goes on, and its last line says how it ended.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from asyncpg.transaction import Transaction

from careline.bench.floor_load import FloorLoad, floor_at_work
from careline_router.db import batch, repository
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.runtime import snapshots
from careline_router.runtime.codec import encode
from careline_router.runtime.floor_actor import FloorActor
from careline_router.runtime.lease import DeposedError
from careline_router.runtime.work import Work

POINTS = (
    "before_transaction", "after_handle", "after_journal", "before_commit", "after_commit",
    "half_released", "in_snapshot", "after_snapshot",
)  # fmt: skip
AGENTS, CALLERS = 6, 24
EVENTS_A_SNAPSHOT = 40
LONGEST_S = 60.0


class Point:
    """Where the process ends, or stops."""

    def __init__(self, name: str, times: int) -> None:
        self.name = name
        self._left = times

    def reached(self, name: str) -> None:
        if name != self.name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGSTOP if name == "pause" else signal.SIGKILL)


def tell(line: Any) -> None:
    os.write(sys.stdout.fileno(), json.dumps(line).encode() + b"\n")


class Told(FloorLoad):
    """Callers who say what they were told."""

    def _told(self, command: cmd.Command, events: Sequence[Event]) -> None:
        super()._told(command, events)
        tell([[kind, json.loads(data)] for kind, data in map(encode, events)])


def set_up(point: Point) -> None:
    """Has the router's own steps say where they are."""

    def around(owner: Any, step: str, *, before: str = "", after: str = "") -> None:
        original: Callable[..., Awaitable[Any]] = getattr(owner, step)

        async def wrapped(*args: Any, **options: Any) -> Any:
            point.reached(before)
            result = await original(*args, **options)
            if after != "after_journal" or args[1].name == "journal":
                point.reached(after)
            return result

        setattr(owner, step, wrapped)

    settle = Work.settle

    def settled(work: Work) -> None:
        settle(work)
        point.reached("half_released")

    around(FloorActor, "_commit", before="before_transaction")
    around(FloorActor, "_handle_all", after="after_handle")
    around(batch, "copy_rows", after="after_journal")
    around(Transaction, "commit", before="before_commit")
    around(FloorActor, "_release", before="pause" if point.name == "pause" else "after_commit")
    around(repository, "write_snapshot", after="in_snapshot")
    around(snapshots.Snapshots, "write", after="after_snapshot")
    Work.settle = settled  # type: ignore[method-assign]
    snapshots.LEAST_EVENTS = EVENTS_A_SNAPSHOT
    snapshots.EVENTS_A_THING = 0


async def main(url: str, point: Point) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    set_up(point)
    try:
        async with floor_at_work(url, agents=AGENTS, callers=CALLERS, kind=Told) as load:
            await load.run(LONGEST_S)
    except* DeposedError:
        tell({"ended": "deposed"})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Point(sys.argv[2], int(sys.argv[3]))))
