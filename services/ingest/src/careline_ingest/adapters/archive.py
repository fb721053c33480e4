"""Raw files as partners sent them, sealed, for as long as they are kept."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import structlog

from careline_common.sealed import KeyRing, SealError, seal, sealed_anew, sealed_by, unseal

log = structlog.get_logger(__name__)

SUFFIX = ".sealed"


class Archive:
    """A folder of sealed files, one a run. The keys file is read each time: keys may rotate."""

    def __init__(self, folder: Path, keys_file: Path) -> None:
        self._folder = folder
        self._keys_file = keys_file

    def prepare(self) -> None:
        """Raises `SealError` where nothing could be sealed."""
        KeyRing.load(self._keys_file)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, run_id: str, file: BinaryIO) -> None:
        """Seals a file; again it is the same file. Raises `SealError` and `OSError`."""
        ring = KeyRing.load(self._keys_file)
        making = self._folder / f".{run_id}.new"
        with making.open("wb") as target:
            seal(file, target, ring)
        making.replace(self._path(run_id))

    def read(self, run_id: str) -> Iterator[bytes]:
        """What a run's file had in it; raises `FileNotFoundError` and `SealError`."""
        ring = KeyRing.load(self._keys_file)
        with self._path(run_id).open("rb") as file:
            yield from unseal(file, ring)

    def has(self, run_id: str) -> bool:
        return self._path(run_id).is_file()

    def tend(self, before: float) -> None:
        """Deletes what was sealed before a moment (seconds since 1970), and gives the others the
        current key, so that an old one can be dropped."""
        ring = KeyRing.load(self._keys_file)
        for path in self._folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                else:
                    self._tend_one(path, ring)

    def _tend_one(self, path: Path, ring: KeyRing) -> None:
        try:
            with path.open("rb") as file:
                if sealed_by(file) == ring.current:
                    return
                file.seek(0)
                making = path.with_name(f".{path.name}.new")
                with making.open("wb") as target:
                    sealed_anew(file, target, ring)
        except SealError as error:
            log.error("archive.not_opened", file=path.name, error=str(error))  # noqa: TRY400 - it has no cause
            return
        _same_age(path, making)
        making.replace(path)

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}{SUFFIX}"


def _same_age(path: Path, making: Path) -> None:
    """What is sealed anew is kept no longer for it."""
    status = path.stat()
    os.utime(making, ns=(status.st_atime_ns, status.st_mtime_ns))
