"""Names and looks of files on a partner's SFTP server, as it says them and as we do."""

from dataclasses import dataclass

import asyncssh

LONGEST_KEPT_BYTES = 240
"""Of a name in the archive, where a hash comes before it; file systems allow 255."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a file looked like, and the raw name by which the server knows it."""

    raw: str
    size: int
    mtime: int

    def __str__(self) -> str:
        return f"{self.size} {self.mtime}"


def folder_of(path: str) -> str:
    """As the server is asked for it: `/~/in` and no path at all are below the user's own folder."""
    if path.startswith("/~"):
        path = path[2:].lstrip("/")
    return path.rstrip("/") or ("/." if path.startswith("/") else ".")


def is_file(attributes: asyncssh.SFTPAttrs) -> bool:
    return bool(attributes.type == asyncssh.FILEXFER_TYPE_REGULAR)


def looks(attributes: asyncssh.SFTPAttrs, raw: str) -> Glimpse:
    return Glimpse(raw, attributes.size or 0, attributes.mtime or 0)


def shown(raw: str) -> str:
    """A name that the database can keep; two names that are not UTF-8 stay two."""
    return raw.encode(errors="surrogateescape").decode(errors="backslashreplace")


def kept(sha256: bytes, raw: str) -> str:
    """The name in the archive; of a name that would get too long, the end with its suffix."""
    name = raw.encode(errors="surrogateescape")
    if len(name) > LONGEST_KEPT_BYTES:
        raw = name[-LONGEST_KEPT_BYTES:].decode(errors="ignore")
    return f"{sha256.hex()[:12]}-{raw}"
