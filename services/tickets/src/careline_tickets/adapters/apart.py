"""Long work in a process of its own at the lowest priority: Python lets one thread compute at a time, and whoever
waits for an answer would wait for half a minute of learning too."""

import asyncio
import os
import pickle
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar, TypeVarTuple

from careline_common.children import command_line

CHILD = "careline_tickets.adapters.apart_child"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ApartError(Exception):
    """The process has ended before it had done its work."""


async def apart(work: Callable[[*Ts], Coroutine[Any, Any, Sequence[T]]], *given: *Ts) -> list[T]:
    """What `work`, a function of a module, returns for what it is given; both go from process to process as
    pickles. What is large it returns in small pieces, since each is read in one go. Raises `ApartError`."""
    child = await asyncio.create_subprocess_exec(
        *command_line([sys.executable, "-m", CHILD]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(os.environ),
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(pickle.dumps((work, given), protocol=pickle.HIGHEST_PROTOCOL))
        child.stdin.close()
        return await _pieces(child.stdout)
    except (asyncio.IncompleteReadError, ConnectionError):
        raise ApartError(f"the process for {work.__name__} has ended") from None
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _pieces(answers: asyncio.StreamReader) -> list[Any]:
    pieces = []
    while size := int.from_bytes(await answers.readexactly(4)):
        pieces.append(pickle.loads(await answers.readexactly(size)))  # noqa: S301 - from our own child
        await asyncio.sleep(0)  # what is in the buffer already would let nobody else in between
    return pieces
