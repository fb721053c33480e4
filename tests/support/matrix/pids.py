"""Processes with children: PostgreSQL is one process and one more for each connection."""

import contextlib
import json
import os
import signal
from collections import defaultdict
from pathlib import Path


def tree(root: int) -> list[int]:
    """A process and all its descendants, parents first."""
    children: dict[int, list[int]] = defaultdict(list)
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            # the name, in brackets, may hold anything
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children[parent].append(int(status.parent.name))
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """A signal to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


async def kill_tree(root: int) -> None:
    """kill -9 of all at once; whoever started it starts it again."""
    send(tree(root), signal.SIGKILL)


def postmaster(data: Path) -> int:
    """The PostgreSQL of a standalone's folder."""
    home = Path(json.loads((data / "postgres.json").read_text())["home"])
    return int((home / "data" / "postmaster.pid").read_text().splitlines()[0])
