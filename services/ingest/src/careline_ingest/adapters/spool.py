"""Files that wait to be read, on disk, under the id of their run."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from careline_common.sealed import SealError
from careline_ingest.adapters.archive import Archive
from careline_ingest.ports import FetchError, FileRefusedError

log = structlog.get_logger(__name__)

BLOCK_BYTES = 1 << 20


class FileTooLargeError(Exception):
    """The file is larger than this installation takes."""


class FileUnreadableError(Exception):
    """The file is there and cannot be read; the text is the system's reason."""


class FileChangedError(Exception):
    """The file was written to while it was being copied."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the spool that belongs to no run yet."""

    path: Path
    sha256: bytes
    size: int


class Spool:
    """A folder that only this service's user can read. What is in it was synced to the disk."""

    def __init__(self, folder: Path, archive: Archive | None = None) -> None:
        """What has been read goes into the archive, where there is one."""
        self._folder = folder
        self._archive = archive

    def prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._archive is not None:
            self._archive.prepare()

    async def take(self, chunks: AsyncIterator[bytes], *, name: str, limit: int) -> Stored:
        """Stores a stream under a new `name`; raises `FileTooLargeError` beyond `limit` bytes."""
        writer = _Writer(self._folder / f"{name}.new", limit)
        try:
            waiting = bytearray()
            async for chunk in chunks:
                waiting += chunk
                if len(waiting) >= BLOCK_BYTES:
                    await asyncio.to_thread(writer.write, bytes(waiting))
                    waiting.clear()
            await asyncio.to_thread(writer.write, bytes(waiting))
            return await asyncio.to_thread(writer.finish)
        except BaseException:
            writer.abandon()
            raise

    def landing(self, *, name: str, limit: int) -> "Landing":
        """A place for a file that is being fetched, of at most `limit` bytes. Raises `FetchError`
        when there is none."""
        return Landing(self._folder / f"{name}.new", limit)

    def copy(self, original: Path, *, name: str, limit: int) -> Stored:
        """Stores a copy of a file, which is not followed when it is a link.

        Raises `FileTooLargeError`, `FileUnreadableError`, `FileChangedError` when it changed
        meanwhile, `FileNotFoundError` when it is gone, and `OSError` when the spool is full.
        """
        writer = _Writer(self._folder / f"{name}.new", limit)
        try:
            with _opened(original) as source:
                before = os.fstat(source.fileno())
                for block in _blocks(source, before.st_size):
                    writer.write(block)
                after = os.fstat(source.fileno())
            stored = writer.finish()
        except BaseException:
            writer.abandon()
            raise
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self.discard(stored)
            raise FileChangedError
        return stored

    def store(self, blocks: Iterable[bytes], *, name: str, limit: int) -> Stored:
        """Stores blocks under a new `name`; raises `FileTooLargeError` beyond `limit` bytes."""
        writer = _Writer(self._folder / f"{name}.new", limit)
        try:
            for block in blocks:
                writer.write(block)
            return writer.finish()
        except BaseException:
            writer.abandon()
            raise

    def keep(self, stored: Stored, run_id: str) -> None:
        """Makes a stored file that of a run; to be called before the run is committed."""
        stored.path.replace(self._path(run_id))
        _sync_folder(self._folder)

    def discard(self, stored: Stored) -> None:
        stored.path.unlink(missing_ok=True)

    def open(self, run_id: str) -> BinaryIO:
        """Raises `FileNotFoundError` where the file of the run is not here (any more)."""
        return self._path(run_id).open("rb")

    def file(self, run_id: str) -> tuple[Path, int]:
        """The file of a run and its size; raises `FileNotFoundError` where it is not here."""
        path = self._path(run_id)
        return path, path.stat().st_size

    def has(self, run_id: str) -> bool:
        return self._path(run_id).is_file()

    def remove(self, run_id: str) -> None:
        """Archives the file of a run and deletes it here. What cannot be sealed stays, and is tried
        again when the spool is swept."""
        path = self._path(run_id)
        if self._archive is not None and path.is_file():
            try:
                with path.open("rb") as file:
                    self._archive.keep(run_id, file)
            except (SealError, OSError) as error:
                log.error("archive.failed", run=run_id, error=str(error))  # noqa: TRY400 - no cause
                return
        path.unlink(missing_ok=True)

    def old_files(self, before: float) -> list[Path]:
        """Files last written before a moment (seconds since 1970): those of crashed uploads too."""
        found = []
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < before:
                    found.append(path)
        return found

    def _path(self, run_id: str) -> Path:
        return self._folder / run_id


class Landing:
    """A file on its way into the spool. It is nothing until `finish`."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        try:
            self._writer = _Writer(path, limit)
        except OSError as error:
            raise _not_stored(error) from error

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._writer.size

    async def write(self, block: bytes) -> None:
        """Raises `FileRefusedError` beyond the limit, `FetchError` when the spool is full."""
        try:
            await asyncio.to_thread(self._writer.write, block)
        except FileTooLargeError:
            raise FileRefusedError(too_large(self._limit), lasting=True) from None
        except OSError as error:
            raise _not_stored(error) from error

    async def restart(self) -> None:
        """Forgets what has come."""
        self._writer.abandon()
        self._writer = _Writer(self._path, self._limit)

    async def finish(self) -> Stored:
        """Raises `FetchError` when the spool is full."""
        try:
            return await asyncio.to_thread(self._writer.finish)
        except OSError as error:
            raise _not_stored(error) from error

    def abandon(self) -> None:
        """Deletes what has come."""
        self._writer.abandon()


def _not_stored(error: OSError) -> FetchError:
    """The fault is on our side; the partner's server is not to blame for it."""
    return FetchError(f"the file cannot be stored here: {error.strerror or type(error).__name__}")


def too_large(limit: int) -> str:
    return f"the file is larger than {limit} bytes"


class _Writer:
    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: BinaryIO = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        )

    def write(self, block: bytes) -> None:
        self.size += len(block)
        if self.size > self._limit:
            raise FileTooLargeError
        self._hash.update(block)
        self._file.write(block)

    def finish(self) -> Stored:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Stored(self._path, self._hash.digest(), self.size)

    def abandon(self) -> None:
        with suppress(OSError):  # where the disk is full, what waits cannot be written any more
            self._file.close()
        self._path.unlink(missing_ok=True)


def _opened(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileUnreadableError(error.strerror) from error


def _blocks(source: BinaryIO, size: int) -> Iterator[bytes]:
    """What was there when it was opened: whoever read to the end might run after a writer for ever."""
    try:
        while size > 0 and (block := source.read(min(size, BLOCK_BYTES))):
            size -= len(block)
            yield block
    except OSError as error:
        raise FileUnreadableError(error.strerror) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
