"""One folder a test run, removed at its end; what a killed run left is removed by the next one."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm/careline-tests")  # noqa: S108 - folders in it are made by mkdtemp
ROOM_BYTES = 6 << 30


def fast_base(otherwise: Path) -> Path:
    """Where runs are quickest: in memory where the machine has room, else in `otherwise`.

    Tests kill processes and not machines, so no test needs what a disk adds; databases and brokers that
    share one disk wait for each other's syncs longer than for anything else.
    """
    try:
        roomy = shutil.disk_usage(MEMORY.parent).free >= ROOM_BYTES
    except OSError:
        return otherwise
    return MEMORY if roomy and os.access(MEMORY.parent, os.W_OK) else otherwise


@contextmanager
def run_folder(base: Path) -> Iterator[Path]:
    """Makes a fresh folder under `base` and holds its lock for as long as the run lives."""
    base.mkdir(parents=True, exist_ok=True)
    for old in base.iterdir():
        _remove_if_dead(old)
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            remove(folder)


def _remove_if_dead(folder: Path) -> None:
    try:
        with (folder / ".lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)
    except OSError:
        return  # alive, or so young that it has no lock yet


def remove(folder: Path) -> None:
    """Removes a folder, and the PostgreSQL files that lie elsewhere on behalf of folders in it."""
    remove_databases(folder)
    shutil.rmtree(folder, ignore_errors=True)


def remove_databases(folder: Path) -> None:
    """Removes the PostgreSQL files of every data folder under `folder`, wherever they are."""
    for memory in folder.rglob("postgres.json"):
        with suppress(OSError, ValueError, KeyError):
            shutil.rmtree(json.loads(memory.read_text())["home"])
