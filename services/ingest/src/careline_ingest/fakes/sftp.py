"""A partner's SFTP server on a folder, with the faults that such servers have.

A real SSH server (asyncssh's), so everything but the faults is as it is with partners.
"""

import argparse
import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import asyncssh

HOST = "127.0.0.1"


@dataclass(slots=True, kw_only=True)
class SftpFaults:
    """What goes wrong from now on; may be changed while the server runs."""

    drop_at: int | None = None
    """The connection is dropped when a read would pass this byte of a file…"""
    drops: int = 1
    """…so many times."""
    read_delay_s: float = 0.0
    """Each read of a block takes so long."""
    grow: bytes = b""
    """This is appended to a file whenever a block of it is read."""
    replace: dict[str, bytes] = field(default_factory=dict)
    """Contents, by name, that take the place of files when they are opened to be read."""
    meanwhile: dict[str, bytes] = field(default_factory=dict)
    """These files, by path from the root, come just before the next rename."""
    disk_full: bool = False
    """Nothing can be written any more."""
    no_posix_rename: bool = False
    """The server does not know the extension that renames over what is there."""
    hang_at: str | None = None
    """`list`, `read`, `rename` or `renamed`: the server never answers that request; `renamed` after
    it has done what was asked."""


class SftpPartner:
    """The server; `async with` starts and stops it. Its root is the folder, as in a chroot."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        user: str = "partner",
        password: str | None = "a password of tests",  # noqa: S107 - a fake's
        public_key: str | None = None,
        host_key: asyncssh.SSHKey | None = None,
        faults: SftpFaults | None = None,
    ) -> None:
        """`public_key` is that of the user, as in `authorized_keys`."""
        self.folder = folder
        self.user = user
        self.password = password
        self.faults = faults or SftpFaults()
        self.hanging = asyncio.Event()
        """A request has come to where `hang_at` says that it hangs."""
        self.public_key = None if public_key is None else asyncssh.import_public_key(public_key)
        self._host_key = host_key or asyncssh.generate_private_key("ssh-ed25519")
        self._port = port
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._closing = False
        self._hung = 0

    @property
    def port(self) -> int:
        return self._port

    @property
    def host_key(self) -> str:
        """As in the configuration of a source."""
        return str(self._host_key.export_public_key().decode()).strip()

    def url(self, path: str = "") -> str:
        """The address of a folder."""
        return f"sftp://{HOST}:{self.port}/{path}"

    async def __aenter__(self) -> Self:
        self._closing = False
        self._acceptor = await asyncssh.listen(
            HOST,
            self._port,
            server_host_keys=[self._host_key],
            server_factory=lambda: _Login(self),
            sftp_factory=lambda channel: _Server(channel, self),
        )
        self._port = self._acceptor.get_port()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._acceptor is not None
        self._closing = True
        self._acceptor.close()
        await self._acceptor.wait_closed()
        while self._hung:  # noqa: ASYNC110 - they end within their own sleep
            await asyncio.sleep(0.01)

    async def hang(self, where: str) -> None:
        """Waits for as long as the faults say so; then nobody is there any more."""
        if self.faults.hang_at != where:
            return
        self.hanging.set()
        self._hung += 1
        while self.faults.hang_at == where and not self._closing:  # noqa: ASYNC110 - a plain field
            await asyncio.sleep(0.01)
        self._hung -= 1
        raise asyncssh.SFTPConnectionLost("the partner had hung")


class _Login(asyncssh.SSHServer):
    def __init__(self, partner: SftpPartner) -> None:
        self._partner = partner

    def password_auth_supported(self) -> bool:
        return self._partner.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (self._partner.user, self._partner.password)

    def public_key_auth_supported(self) -> bool:
        return self._partner.public_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._partner.user and key == self._partner.public_key


class _Server(asyncssh.SFTPServer):
    """Asyncssh's own server on the folder; the faults come before it."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", partner: SftpPartner) -> None:
        super().__init__(channel, chroot=os.fsencode(partner.folder))
        self._partner = partner
        self._dropped = False

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self._partner.hang("list")
        async for entry in super().scandir(path):
            yield entry

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        faults, name = self._partner.faults, os.fsdecode(path.rsplit(b"/", 1)[-1])
        if pflags & asyncssh.FXF_WRITE:
            self._fail_if_full()
        elif name in faults.replace:
            place = Path(os.fsdecode(self.map_path(path)))
            fresh = place.with_name(f".{name}.new")
            fresh.write_bytes(faults.replace.pop(name))
            fresh.replace(place)
        return super().open(path, pflags, attrs)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        faults = self._partner.faults
        await self._partner.hang("read")
        await asyncio.sleep(faults.read_delay_s)
        if faults.drop_at is not None and faults.drops and offset + size > faults.drop_at:
            faults.drops -= not self._dropped
            self._dropped = True
            self.connection.abort()
        block = cast("bytes", super().read(file_obj, offset, size))
        if faults.grow:
            _append(cast("BinaryIO", file_obj), faults.grow)
        return block

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        self._fail_if_full()
        return cast("int", super().write(file_obj, offset, data))

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._partner.faults.no_posix_rename:
            raise asyncssh.SFTPOpUnsupported("no such extension")
        await self._partner.hang("rename")
        meanwhile = self._partner.faults.meanwhile
        while meanwhile:
            path, content = meanwhile.popitem()
            (self._partner.folder / path).write_bytes(content)
        super().posix_rename(oldpath, newpath)
        await self._partner.hang("renamed")

    def _fail_if_full(self) -> None:
        if self._partner.faults.disk_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _append(opened: BinaryIO, more: bytes) -> None:
    with Path(os.fsdecode(opened.name)).open("ab") as file:
        file.write(more)


EXAMPLES = """examples:
  python -m careline_ingest.fakes.sftp --folder partner
      serves ./partner and prints what a source needs: url, user, password, host_key
  python -m careline_ingest.fakes.sftp --folder partner --port 2222 --host-key host.key
      the same port and the same key every time
  python -m careline_ingest.fakes.sftp --folder partner --drop-at 100000 --drops 2
      the connection breaks off twice at byte 100000 of a file
  python -m careline_ingest.fakes.sftp --folder partner --disk-full
      no answer can be written
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m careline_ingest.fakes.sftp",
        description="A partner's SFTP server on a folder, with the faults that such servers have.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, required=True, help="what the partner has")
    parser.add_argument("--port", type=int, default=0, help="default: one that is free")
    parser.add_argument("--user", default="partner")
    parser.add_argument("--password", default="partner")
    parser.add_argument("--host-key", type=Path, help="kept in this file, which is made if need be")
    parser.add_argument("--drop-at", type=int, help="drop the connection at this byte of a file")
    parser.add_argument("--drops", type=int, default=1, help="how many times")
    parser.add_argument("--read-delay", type=float, default=0.0, help="seconds a block takes")
    parser.add_argument("--grow", type=int, default=0, help="bytes files grow by at each read")
    parser.add_argument("--disk-full", action="store_true", help="nothing can be written")
    parser.add_argument("--no-posix-rename", action="store_true", help="lack that extension")
    parser.add_argument("--hang-at", choices=["list", "read", "rename", "renamed"])
    return parser.parse_args()


def _kept_key(path: Path | None) -> asyncssh.SSHKey | None:
    if path is None:
        return None
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return asyncssh.read_private_key(path)


async def _serve(given: argparse.Namespace) -> None:
    given.folder.mkdir(parents=True, exist_ok=True)
    faults = SftpFaults(
        drop_at=given.drop_at,
        drops=given.drops,
        read_delay_s=given.read_delay,
        grow=b"x" * given.grow,
        disk_full=given.disk_full,
        no_posix_rename=given.no_posix_rename,
        hang_at=given.hang_at,
    )
    async with SftpPartner(
        given.folder,
        port=given.port,
        user=given.user,
        password=given.password,
        host_key=_kept_key(given.host_key),
        faults=faults,
    ) as partner:
        sys.stdout.write(
            f"url: {partner.url()}\nuser: {partner.user}\npassword: {partner.password}\n"
            f"host_key: {partner.host_key}\n"
        )
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(_arguments()))
