"""Lets ingests die one after the other until everything is done."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from careline_common.children import command_line
from feed_day import lives
from feed_day.lives import Life

OWN_READER_EVERY = 10
"""In every so many pairs of lives a process of its own reads the file."""
LOOK_S = 0.02
LONGEST_LIFE_S = 60.0

Deaths = Mapping[str, Mapping[str, int]]


@dataclass(slots=True)
class Zygote:
    process: asyncio.subprocess.Process

    async def born(self, life: Life) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(life.line())
        await self.process.stdin.drain()
        return await self.number()

    async def number(self) -> int:
        assert self.process.stdout is not None
        return int(await self.process.stdout.readline())


@asynccontextmanager
async def zygote(log: Path) -> AsyncIterator[Zygote]:
    """What processes are forked from; it and they end with this process."""
    command = command_line([sys.executable, lives.__file__], dying=signal.SIGKILL)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
        try:
            yield Zygote(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            if process.returncode is None:
                process.kill()
            await process.wait()


async def kill_throughout(
    life: Life, done: Callable[[], Awaitable[bool]], tidy: Callable[[], bool], log: Path
) -> Deaths:
    """Lets each life die before its first commit, or after it where one has died before that kind of commit
    since the last: no commit is ever made without a death before it and a death after it. Ends when
    one finds nothing to commit and everything is `done` and `tidy`; that one is killed where it stands.
    The file is sealed anew by each life that finds it, so that point kills once on each side."""
    deaths: dict[str, Counter[str]] = {point: Counter() for point in lives.POINTS}
    path, number, let_by = Path(life.deaths), 0, set[str]()
    async with zygote(log) as parent:
        while True:
            own_reader = number // 2 % OWN_READER_EVERY == OWN_READER_EVERY - 1
            path.write_text("")
            pid = await parent.born(
                replace(
                    life,
                    let_by=tuple(let_by),
                    alone_bytes=0 if own_reader else life.alone_bytes,
                    spared=("sealed",) if deaths["sealed"]["after"] else (),
                )
            )
            ended = await _killed_or_done(parent, pid, done)
            died = path.read_text().split()
            if not died and tidy():
                return deaths
            if not died:
                continue
            assert (ended, len(died)) == (-signal.SIGKILL, 2), (ended, died)
            point, side = died
            deaths[point][side] += 1
            (let_by.add if side == "before" else let_by.discard)(point)
            number += 1


async def _killed_or_done(parent: Zygote, pid: int, done: Callable[[], Awaitable[bool]]) -> int:
    """How a life ended: by itself, or by our hand when everything is done."""
    ended = asyncio.ensure_future(parent.number())
    try:
        async with asyncio.timeout(LONGEST_LIFE_S):
            while not (await asyncio.wait({ended}, timeout=LOOK_S))[0]:
                if await done():
                    break
    finally:
        with suppress(ProcessLookupError):  # it may have gone by itself, and nobody has told yet
            if not ended.done():
                os.kill(pid, signal.SIGKILL)
    return await ended
