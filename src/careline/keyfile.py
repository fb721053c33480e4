"""`careline keys`: the file of keys that seal, with a key more or one less."""

from pathlib import Path

from careline.datadir import CannotError
from careline_common.sealed import KeyRing, SealError


def rotate(file: Path) -> str:
    """Returns the name of the key that seals from now on; raises `CannotError`."""
    try:
        ring = KeyRing.rotated(KeyRing.load(file) if file.exists() else None)
        ring.save(file)
    except SealError as error:
        raise CannotError(f"{file}: {error}") from error
    except OSError as error:
        raise CannotError(f"{file} cannot be written: {error.strerror}") from error
    return ring.current


def drop(file: Path, name: str) -> None:
    """Raises `CannotError`."""
    try:
        KeyRing.load(file).without(name).save(file)
    except SealError as error:
        raise CannotError(f"{file}: {error}") from error
    except OSError as error:
        raise CannotError(f"{file} cannot be written: {error.strerror}") from error
