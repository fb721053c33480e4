"""A partner's SFTP server: a folder of files, an archive, and a place for answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from fnmatch import fnmatchcase
from typing import TypeVar, cast
from urllib.parse import unquote

import asyncssh

from careline_ingest.adapters.folder import is_wanted
from careline_ingest.adapters.remote_names import Glimpse, folder_of, is_file, kept, looks, shown
from careline_ingest.adapters.ssh import connected, lost, of_file
from careline_ingest.config import SourceEntry
from careline_ingest.ports import (
    Delivered,
    FetchError,
    FileRefusedError,
    Listing,
    NotFinishedError,
    Offer,
    Sink,
)

BLOCK_BYTES = 1 << 18
REQUEST_BYTES = 1 << 15
"""Every server takes requests of this size."""
MOST_FILES = 100_000
"""With folders and links: a listing that never ends is given up."""
LONGEST_NAME = 600
"""Beyond what any server's file system allows; the database could not keep it as a key."""
SILENT = "the server was silent for longer than timeout_s"

T = TypeVar("T")


class SftpSource:
    """The port's `Source` over SSH."""

    def __init__(self, entry: SourceEntry) -> None:
        self._entry = entry

    @asynccontextmanager
    async def session(self) -> AsyncIterator["SftpSession"]:
        """Raises `FetchError` when the server cannot be reached, is not the one that is meant, or
        does not let us in."""
        entry = self._entry
        async with connected(entry) as connection:
            try:
                async with asyncio.timeout(entry.timeout_s):
                    client = await connection.start_sftp_client(path_errors="surrogateescape")
            except (asyncssh.Error, OSError) as error:
                raise FetchError(lost(error)) from error
            yield SftpSession(connection, client, entry)


class SftpSession:
    """The port's `Session`: a folder of files on the server."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        client: asyncssh.SFTPClient,
        entry: SourceEntry,
    ) -> None:
        self._connection = connection
        self._sftp = client
        self._entry = entry
        self._folder = folder_of(unquote(entry.address.path))
        self._seen: dict[str, Glimpse] = {}
        self._markers: dict[str, Glimpse] = {}

    async def look(self, known: Mapping[str, str]) -> Listing:
        """Files that fit the pattern and are whole. Those that are known are offered again."""
        await self._list()
        marks = {name: self._mark(name) for name in self._seen}
        if any(known.get(name) != mark for name, mark in marks.items()) and self._is_stable:
            before = self._seen
            await asyncio.sleep(self._entry.settle_s)
            await self._list()
            marks = {
                name: self._mark(name)
                for name, now in self._seen.items()
                if before.get(name) == now
            }
        ready = [name for name in marks if known.get(name) == marks[name] or self._is_whole(name)]
        ready.sort(key=lambda name: (self._seen[name].mtime, name))
        return Listing(
            offers=[Offer(name=name, mark=marks[name]) for name in ready],
            present=frozenset(self._seen),
        )

    async def read(self, offer: Offer, sink: Sink) -> Delivered:
        """Raises `NotFinishedError` when the file is not the one that was listed."""
        seen = self._seen[offer.name]
        try:
            expected = await self._expected(offer.name)
            async with self._opened(self._at(seen.raw)) as file:
                while block := await self._block(file, sink.size):
                    await sink.write(block)
                    if sink.size > seen.size:
                        raise NotFinishedError
                after = await self._within(file.stat())
        except asyncssh.SFTPNoSuchFile:
            raise NotFinishedError from None
        except asyncssh.SFTPError as error:
            raise of_file("the file cannot be read", error) from error
        except (asyncssh.Error, OSError) as error:
            raise FetchError(lost(error)) from error
        if (after.size, after.mtime) != (seen.size, seen.mtime) or sink.size != seen.size:
            raise NotFinishedError
        return Delivered(mark=offer.mark, sha256=expected)

    async def put_away(self, offer: Offer, sha256: bytes) -> None:
        """Moves the file into the archive, under a name that begins with its hash: files of one
        name do not overwrite each other there, and moving the same file twice is harmless. Its
        marker goes first, lest it vouch for the next file of that name."""
        if self._entry.archive is None:
            return
        seen = self._seen[offer.name]
        archive = self._place(self._entry.archive)
        marker = self._markers.get(offer.name)
        moves = [
            (self._at(each.raw), f"{archive}/{kept(sha256, each.raw)}")
            for each in (seen, marker)
            if each is not None
        ]
        place, target = moves[0]
        try:
            if not await self._is_still(place, seen):
                return  # another file has come in its place and will be taken in its turn
            await self._within(self._sftp.makedirs(archive, exist_ok=True))
            for path_and_target in moves[1:]:
                with suppress(asyncssh.SFTPNoSuchFile):
                    await self._move(*path_and_target)
            await self._move(place, target)
            if not await self._is_still(target, seen):
                await self._give_back(moves)
        except asyncssh.SFTPNoSuchFile:
            return
        except asyncssh.SFTPError as error:
            raise of_file("the file was taken and cannot be moved to the archive", error) from error
        except (asyncssh.Error, OSError) as error:
            raise FetchError(lost(error)) from error

    async def _is_still(self, path: str, seen: Glimpse) -> bool:
        return looks(await self._within(self._sftp.lstat(path)), seen.raw) == seen

    async def _give_back(self, moves: Sequence[tuple[str, str]]) -> None:
        """What came in the very moment of the move, the file before the marker; what has come since
        is newer and stays."""
        for path, target in moves:
            with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPFailure):
                await self._within(self._sftp.rename(target, path))

    async def answer(self, name: str, content: bytes) -> None:
        """An answer that lies there already is left alone."""
        assert self._entry.answers is not None
        await self.put(self._entry.answers, name, content)

    async def put(self, folder: str, name: str, content: bytes) -> None:
        """Puts a file into a folder, whole or not at all, over one of its name."""
        folder = self._place(folder)
        place, making = f"{folder}/{name}", f"{folder}/.{name}.part"
        try:
            await self._within(self._sftp.makedirs(folder, exist_ok=True))
            if await self._has(place, content):
                return
            try:
                async with self._opened(making, "wb") as file:
                    for begin in range(0, len(content), REQUEST_BYTES):
                        await self._within(file.write(content[begin : begin + REQUEST_BYTES]))
                await self._move(making, place)
            except asyncssh.SFTPError:
                with suppress(asyncssh.Error, OSError, FetchError):
                    await self._within(self._sftp.remove(making))
                raise
        except asyncssh.SFTPError as error:
            raise of_file("the answer cannot be put there", error) from error
        except (asyncssh.Error, OSError) as error:
            raise FetchError(lost(error)) from error

    async def _has(self, place: str, content: bytes) -> bool:
        try:
            if (await self._within(self._sftp.stat(place))).size != len(content):
                return False
            async with self._opened(place) as file:
                return await self._begins(file, len(content)) == content
        except asyncssh.SFTPNoSuchFile:
            return False

    async def _begins(self, file: asyncssh.SFTPClientFile, size: int) -> bytes:
        """The file, or what it begins with where it has more than it says."""
        found = bytearray()
        while len(found) <= size and (block := await self._block(file, len(found))):
            found += block
        return bytes(found)

    async def _list(self) -> None:
        """Looks at the folder: at files that fit, and at the markers beside them."""
        found: dict[str, Glimpse] = {}
        listed = 0
        try:
            async for entry in self._entries():
                raw = str(entry.filename)
                listed += 1
                if listed > MOST_FILES:
                    raise FetchError(f"more than {MOST_FILES} files lie there")
                if len(raw) > LONGEST_NAME:
                    raise FetchError(f"a name there is longer than {LONGEST_NAME} characters")
                if "/" in raw or "\x00" in raw or not is_file(entry.attrs):
                    continue
                found[shown(raw)] = looks(entry.attrs, raw)
        except (asyncssh.Error, OSError) as error:
            raise FetchError(f"the folder cannot be read: {lost(error)}") from error
        suffix = f".{self._entry.finished}"
        self._seen = {name: glimpse for name, glimpse in found.items() if self._fits(name)}
        self._markers = {
            name: found[name + suffix] for name in self._seen if name + suffix in found
        }

    async def _entries(self) -> AsyncIterator[asyncssh.SFTPName]:
        entries = self._sftp.scandir(self._folder)
        with suppress(StopAsyncIteration):
            while True:
                yield await self._within(anext(entries))

    def _fits(self, name: str) -> bool:
        return is_wanted(name) and fnmatchcase(name, self._entry.pattern)

    @property
    def _is_stable(self) -> bool:
        return self._entry.finished == "stable"

    def _is_whole(self, name: str) -> bool:
        """A marker older than its file is that of an earlier file of the same name."""
        if self._is_stable:
            return True
        marker = self._markers.get(name)
        if marker is None:
            return False
        return self._entry.finished == "sha256" or marker.mtime >= self._seen[name].mtime

    def _mark(self, name: str) -> str:
        if self._entry.finished == "sha256" and name in self._markers:
            return f"{self._seen[name]} {self._markers[name]}"
        return str(self._seen[name])

    async def _expected(self, name: str) -> bytes | None:
        """What the file's `.sha256` says: the hexadecimal digits, perhaps with the name behind."""
        if self._entry.finished != "sha256":
            return None
        async with self._opened(self._at(self._markers[name].raw)) as file:
            words = (await self._block(file, 0)).split()
        try:
            digest = bytes.fromhex(words[0].decode("ascii"))
        except (IndexError, ValueError):
            digest = b""
        if len(digest) != 32:
            raise FileRefusedError(
                "its .sha256 does not begin with 64 hexadecimal digits", lasting=True
            )
        return digest

    async def _move(self, path: str, target: str) -> None:
        """Atomically over what is there; servers without that extension first lose what is there,
        which has the same content."""
        try:
            await self._within(self._sftp.posix_rename(path, target))
        except asyncssh.SFTPOpUnsupported:
            with suppress(asyncssh.SFTPNoSuchFile):
                await self._within(self._sftp.remove(target))
            await self._within(self._sftp.rename(path, target))

    @asynccontextmanager
    async def _opened(self, path: str, mode: str = "rb") -> AsyncIterator[asyncssh.SFTPClientFile]:
        """An open file. Where the connection is lost, or time is up, it is not closed: that would
        wait for a server that does not answer, and the end of the connection closes it too."""
        file = await self._within(self._sftp.open(path, mode, encoding=None, block_size=0))
        try:
            yield file
        except (FileRefusedError, NotFinishedError, asyncssh.SFTPError):
            with suppress(asyncssh.Error, OSError, FetchError):
                await self._within(file.close())
            raise
        await self._within(file.close())

    async def _block(self, file: asyncssh.SFTPClientFile, offset: int) -> bytes:
        """The next bytes of a file, at most BLOCK_BYTES; none at its end. Many small requests are
        under way at once, because each takes the way to the server and back."""
        return await self._within(_in_parallel(file, offset))

    async def _within(self, operation: Awaitable[T]) -> T:
        """Does what needs the server's answer. Where time is up the connection goes first: else
        what tidies up after the operation would wait for the same server."""
        task = asyncio.ensure_future(operation)
        try:
            answered, _ = await asyncio.wait({task}, timeout=self._entry.timeout_s)
            if not answered:
                raise FetchError(SILENT)
            return task.result()
        finally:
            if not task.done():
                self._connection.abort()
                await asyncio.gather(task, return_exceptions=True)

    def _at(self, raw: str) -> str:
        return f"{self._folder}/{raw}"

    def _place(self, folder: str) -> str:
        return folder if folder.startswith("/") else f"{self._folder}/{folder}"


async def _in_parallel(file: asyncssh.SFTPClientFile, offset: int) -> bytes:
    starts = range(offset, offset + BLOCK_BYTES, REQUEST_BYTES)
    try:
        async with asyncio.TaskGroup() as group:
            reads = [group.create_task(file.read(REQUEST_BYTES, start)) for start in starts]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    block = bytearray()
    for read in reads:
        part = cast("bytes", read.result())  # the file was opened without an encoding
        block += part
        if len(part) < REQUEST_BYTES:  # the end, or a server that gives less than it is asked for
            break
    return bytes(block)
