"""A large journal learned by another process: half a minute of computing, in which this one goes on answering."""

import asyncio
import os
import pickle
import sys
from collections.abc import Mapping
from dataclasses import replace

from careline_common.children import command_line
from careline_tickets.adapters.learning_frames import LENGTH, Head

CHILD = "careline_tickets.adapters.learning_child"


class LearningError(Exception):
    """The process that learns has ended before it had learned."""


async def learned_apart(database_url: str, most: int) -> Head:
    """What the newest appeals teach, with the model whole. Raises `LearningError`."""
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
        child.stdin.write(f"{database_url}\n{most}\n".encode())
        return await _read(child.stdout)
    except (asyncio.IncompleteReadError, ConnectionError, pickle.UnpicklingError):
        raise LearningError("the process that learns subjects has ended") from None
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _read(answers: asyncio.StreamReader) -> Head:
    head = await _frame(answers)
    assert isinstance(head, Head)
    words: dict[str, Mapping[str, float]] = {}
    for _ in range(head.slices):
        part = await _frame(answers)
        assert isinstance(part, dict)
        words.update(part)
        await asyncio.sleep(0)  # what is in the buffer already lets nobody else in between
    return head if head.model is None else replace(head, model=replace(head.model, words=words))


async def _frame(answers: asyncio.StreamReader) -> object:
    (size,) = LENGTH.unpack(await answers.readexactly(LENGTH.size))
    return pickle.loads(await answers.readexactly(size))  # noqa: S301 - from our own child
