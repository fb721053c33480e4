"""Files sealed with keys that rotate: what may lie on a disk for months.

Each file has a key of its own, which is wrapped by one of the keys of the keys file (envelope encryption).
Content goes in segments of 64 KiB, each with AES-256-GCM under a nonce of prefix, number and a mark of the
last one (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015): a segment that is changed,
moved, left out or cut off is noticed, and no more than one stands in memory.
"""

import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"careline sealed 1\n"
KEY_BYTES = 32
NONCE_BYTES = 12
PREFIX_BYTES = 7
TAG_BYTES = 16
SEGMENT_BYTES = 1 << 16
LONGEST_HEADER = 4096


class SealError(Exception):
    """A file that cannot be opened, or a keys file that is none; the text says why, without secrets."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """The keys of an installation by name. `current` seals; all of them open."""

    current: str
    keys: dict[str, bytes]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `SealError`."""
        try:
            document = json.loads(path.read_text())
            keys = {name: b64decode(key, validate=True) for name, key in document["keys"].items()}
            current = document["current"]
        except OSError as error:
            raise SealError(f"the keys file cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SealError("the keys file is none: make it with careline keys rotate") from None
        if current not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise SealError("the keys file is damaged: a key is missing or has another length")
        return cls(current, keys)

    @classmethod
    def rotated(cls, before: Self | None) -> Self:
        """The ring with a new current key; the others go on opening what they have sealed."""
        known = before.keys if before is not None else {}
        name = f"k{1 + max((int(key[1:]) for key in known if key[1:].isdigit()), default=0)}"
        return cls(name, {**known, name: secrets.token_bytes(KEY_BYTES)})

    def without(self, name: str) -> "KeyRing":
        """The ring without an old key; what it alone has sealed is lost for good."""
        if name == self.current:
            raise SealError("this key seals: rotate first")
        if name not in self.keys:
            raise SealError(f"there is no key {name!r}")
        return KeyRing(self.current, {n: key for n, key in self.keys.items() if n != name})

    def save(self, path: Path) -> None:
        """Whole or not at all; only this user can read it."""
        keys = {name: b64encode(key).decode() for name, key in self.keys.items()}
        making = path.with_name(f".{path.name}.new")
        making.unlink(missing_ok=True)
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"current": self.current, "keys": keys}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)


def seal(source: BinaryIO, target: BinaryIO, ring: KeyRing) -> None:
    """Writes `source` sealed into `target`."""
    key, prefix = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(PREFIX_BYTES)
    target.write(_header(ring, key, prefix))
    cipher, number = AESGCM(key), 0
    segment = source.read(SEGMENT_BYTES)
    while True:
        following = source.read(SEGMENT_BYTES)
        target.write(cipher.encrypt(_nonce(prefix, number, last=not following), segment, None))
        if not following:
            return
        segment, number = following, number + 1


def unseal(source: BinaryIO, ring: KeyRing) -> Iterator[bytes]:
    """The content, segment by segment; raises `SealError`, also in the midst: nothing of a file that was
    changed is whole until the last segment has been given."""
    _, key, prefix = _opened(source, ring)
    cipher, number = AESGCM(key), 0
    segment = source.read(SEGMENT_BYTES + TAG_BYTES)
    while True:
        following = source.read(SEGMENT_BYTES + TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(prefix, number, last=not following), segment, None)
        except InvalidTag:
            raise SealError("the file was changed or cut off after it was sealed") from None
        if not following:
            return
        segment, number = following, number + 1


def sealed_by(source: BinaryIO) -> str:
    """The name of the key that seals a file; raises `SealError`."""
    name: str = _read_header(source)["key"]
    return name


def sealed_anew(source: BinaryIO, target: BinaryIO, ring: KeyRing) -> None:
    """Copies a sealed file with its own key wrapped by the current one; the content stays sealed."""
    _, key, prefix = _opened(source, ring)
    target.write(_header(ring, key, prefix))
    while block := source.read(SEGMENT_BYTES):
        target.write(block)


def _header(ring: KeyRing, key: bytes, prefix: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    wrapped = AESGCM(ring.keys[ring.current]).encrypt(nonce, key + prefix, MAGIC)
    document = {"key": ring.current, "wrapped": b64encode(nonce + wrapped).decode()}
    return MAGIC + json.dumps(document).encode() + b"\n"


def _read_header(source: BinaryIO) -> dict[str, str]:
    if source.read(len(MAGIC)) != MAGIC:
        raise SealError("this is no sealed file")
    try:
        document = json.loads(source.readline(LONGEST_HEADER))
        return {"key": str(document["key"]), "wrapped": str(document["wrapped"])}
    except (ValueError, KeyError, TypeError):
        raise SealError("this is no sealed file") from None


def _opened(source: BinaryIO, ring: KeyRing) -> tuple[str, bytes, bytes]:
    header = _read_header(source)
    if header["key"] not in ring.keys:
        raise SealError(f"the key {header['key']!r} that seals it is not in the keys file any more")
    try:
        wrapped = b64decode(header["wrapped"], validate=True)
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        plain = AESGCM(ring.keys[header["key"]]).decrypt(nonce, sealed, MAGIC)
    except (ValueError, InvalidTag):
        raise SealError("the file was changed after it was sealed") from None
    return header["key"], plain[:KEY_BYTES], plain[KEY_BYTES:]


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")
