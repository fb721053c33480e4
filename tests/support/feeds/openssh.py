"""OpenSSH's own sshd on a high port, without root's privileges: SFTP and nothing else."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from careline_common.children import spawn, stop_child, unprivileged_account
from careline_common.testing.components import Component
from careline_common.testing.waiting import eventually

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host.key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM {pam}
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""
STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class OpenSsh:
    """The server. As root it runs as another account, whose files lie outside the project."""

    def __init__(self, component: Component, folder: Path, port: int) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._account = unprivileged_account()
        self.port = port
        self.root = folder / "files"
        self.root.mkdir()
        host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        self.host_key = host.export_public_key().decode().strip()
        self.private_key = user.export_private_key().decode()
        uid = self._account.uid if self._account else os.geteuid()
        self.user = pwd.getpwuid(uid).pw_name
        shutil.copy(component.prefix / "usr/sbin/sshd", folder)
        for library in component.prefix.glob("usr/lib/*/libwrap.so.0*"):
            shutil.copy(library, folder / "libwrap.so.0")
        (folder / "host.key").write_bytes(host.export_private_key())
        (folder / "host.key").chmod(0o600)
        (folder / "authorized_keys").write_bytes(user.export_public_key())
        # a system account counts as locked unless PAM judges; only root's accounts are such
        pam = "yes" if self._account else "no"
        (folder / "config").write_text(CONFIG.format(port=port, folder=folder, pam=pam))
        if self._account:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self._account.uid, self._account.gid)

    async def start(self) -> None:
        self._process = spawn(
            [self._folder / "sshd", "-D", "-e", "-f", self._folder / "config"],
            account=self._account,
            log=self._folder.parent / f"{self._folder.name}.log",
            env={**os.environ, "LD_LIBRARY_PATH": str(self._folder)},
            cwd=self._folder,
        )
        await eventually(lambda: listens(self.port), what="sshd to listen")

    async def stop(self) -> None:
        """Ends the server and the sessions it has."""
        if self._process is not None:
            await stop_child(self._process, STOP)
            self._process = None

    def give(self, path: Path) -> None:
        """Makes what a test has written the server's own."""
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def private_openssh(component: Component, port: int) -> AsyncIterator[OpenSsh]:
    """A running server whose files are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="careline-openssh-") as base:
        Path(base).chmod(0o755)
        folder = Path(base) / "server"
        folder.mkdir(mode=0o700)
        server = OpenSsh(component, folder, port)
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
