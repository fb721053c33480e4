"""ZIP archives: the files in one, unpacked within limits.

A file in an archive is a file like any other, known by its own bytes: packed again, under another name or
beside others, it is the same.
"""

import errno
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

from careline_ingest.adapters.folder import is_wanted
from careline_ingest.adapters.spool import FileTooLargeError, Spool, Stored
from careline_ingest.domain.normalise import line

MAX_MEMBERS = 1000
MAX_RATIO = 200
"""Rows that repeat themselves pack to a fiftieth; a bomb to a thousandth."""
SMALL_BYTES = 16 << 20
"""What unpacks to less than this may pack as well as it likes."""
BLOCK_BYTES = 1 << 18
END_BYTES = (1 << 16) + 22
"""Where the record at the end of an archive can begin: it may have a comment behind it."""
MAX_DIRECTORY_BYTES = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_ZIP = b"PK\x03\x04"
_END = b"PK\x05\x06"
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError, UnicodeError,
)  # fmt: skip
"""What reading an archive raises that is not as it says it is: `NotImplementedError` is `zipfile`'s word for
a way of packing that it does not know."""
_OFFICE = (b"[Content_Types].xml", b"mimetype", b"_rels/.rels")


class ArchiveRefusedError(Exception):
    """The archive as a whole is refused; the text says why."""


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP of files: Office documents are ZIPs too."""
    with path.open("rb") as file:
        if file.read(4) not in (_ZIP, _END):
            return False
        try:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                names = {info.filename for info in archive.infolist()[:20]}
        except (ArchiveRefusedError, OSError, *_DAMAGE):
            return True
    return not names & {part.decode() for part in _OFFICE}


def unpack(
    spool: Spool, stored: Stored, *, new_name: Callable[[], str], limit: int
) -> list[tuple[str, Stored]]:
    """The files in an archive with their names, stored in the spool under new names. `limit` is how many
    bytes they may have together. Raises `ArchiveRefusedError`, and then leaves none of them."""
    unpacked: list[tuple[str, Stored]] = []
    try:
        with stored.path.open("rb") as packed, zipfile.ZipFile(_checked(packed)) as archive:
            for info in _wanted(archive):
                name = _name(info)
                with archive.open(info) as member:
                    blocks = _blocks(member, info.compress_size)
                    file = spool.store(blocks, name=new_name(), limit=limit)
                limit -= file.size
                unpacked.append((name, file))
    except BaseException as error:
        for _, file in unpacked:
            spool.discard(file)
        raise _refusal(error) from error
    return unpacked


def _checked(file: BinaryIO) -> BinaryIO:
    _check_directory(file)
    return file


def _check_directory(file: BinaryIO) -> None:
    """Refuses an archive whose list of files is huge, before it is read: it is read as a whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - END_BYTES))
    end = file.read(END_BYTES)
    file.seek(0)
    at = end.rfind(_END)
    if at >= 0 and int.from_bytes(end[at + 12 : at + 16], "little") > MAX_DIRECTORY_BYTES:
        raise ArchiveRefusedError(f"the archive has more than {MAX_MEMBERS} files")


def _refusal(error: BaseException) -> BaseException:
    """What an archive can have wrong with it, as one kind of error; the rest as it is."""
    if isinstance(error, FileTooLargeError):
        return ArchiveRefusedError("the files in the archive are too large together")
    # it names a place before its own beginning
    nowhere = isinstance(error, OSError) and error.errno == errno.EINVAL
    if nowhere or isinstance(error, _DAMAGE):
        return ArchiveRefusedError("the archive is damaged, or packed in a way that is not read")
    return error


def _wanted(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members to read; raises `ArchiveRefusedError` for an archive that no honest sender makes."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ArchiveRefusedError(f"the archive has more than {MAX_MEMBERS} files")
    for info in members:
        _check(info)
    wanted = [info for info in members if not info.is_dir() and _is_feed(_name(info), info)]
    if not wanted:
        raise ArchiveRefusedError("there is no file in the archive")
    return wanted


def _check(info: zipfile.ZipInfo) -> None:
    parts = info.filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or ":" in parts[0]:
        raise ArchiveRefusedError("a name in the archive leads out of it")
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveRefusedError("the archive has a password: send it without")
    if info.compress_type not in _METHODS:
        raise ArchiveRefusedError("the archive is packed in a way that is not read: use deflate")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ArchiveRefusedError("there is a link in the archive")


def _is_feed(name: str, info: zipfile.ZipInfo) -> bool:
    return is_wanted(name) and not info.filename.startswith("__MACOSX/")


def _name(info: zipfile.ZipInfo) -> str:
    """The name without folders. Archives from Russian Windows have names in cp866 and do not say so."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME and not name.isascii():
        name = name.encode("cp437", "replace").decode("cp866", "replace")
    return line(name.replace("\\", "/").rsplit("/", 1)[-1])


def _blocks(member: IO[bytes], packed: int) -> Iterator[bytes]:
    """A member as it is unpacked, measured against the bytes that it takes in the archive."""
    most, size = max(SMALL_BYTES, MAX_RATIO * packed), 0
    while block := member.read(BLOCK_BYTES):
        if size == 0 and block.startswith(_ZIP) and not any(part in block for part in _OFFICE):
            raise ArchiveRefusedError("there is an archive in the archive")
        size += len(block)
        if size > most:
            raise ArchiveRefusedError(
                f"a file in the archive unpacks to more than {MAX_RATIO} times its size"
            )
        yield block
