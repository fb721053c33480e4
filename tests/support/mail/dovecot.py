"""Dovecot's IMAP server on a high port, as one account, with its mail in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from feeds.openssh import listens

from careline_common.children import spawn, stop_child, unprivileged_account
from careline_common.testing.components import Component
from careline_common.testing.waiting import eventually

USER, PASSWORD = "appeals", "a password of this test"
CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/run
libexec_dir = {libexec}
mail_plugin_dir = {libexec}/modules
login_plugin_dir = {libexec}/modules/login
import_environment = LD_LIBRARY_PATH
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  chroot =
}}
"""
STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class Dovecot:
    """The server. As root it runs as another account."""

    def __init__(self, component: Component, folder: Path, port: int) -> None:
        self._folder = folder
        self._account = unprivileged_account()
        self._process: subprocess.Popen[bytes] | None = None
        # all of it from a copy: the project may lie where only its owner can enter
        own = folder / "usr/lib/dovecot"
        self.port = port
        uid = self._account.uid if self._account else os.geteuid()
        gid = self._account.gid if self._account else os.getegid()
        self._account_ids = (uid, gid)
        shutil.copytree(component.prefix / "usr", folder / "usr", symlinks=True)
        libraries = Component(component.name, folder).library_path()
        self._libraries = f"{own}:{own}/modules/old-stats:{libraries}"
        (folder / "bin").symlink_to("usr/bin")
        for name in ("run/login", "mail"):
            (folder / name).mkdir(parents=True)
        for name in ("run", "run/login"):  # where its processes look for modules
            (folder / name / "usr").symlink_to(folder / "usr")
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (folder / "config").write_text(
            CONFIG.format(
                folder=folder,
                libexec=folder / "usr/lib/dovecot",
                user=pwd.getpwuid(uid).pw_name,
                group=_group(gid),
                uid=uid,
                gid=gid,
                port=port,
            )
        )
        if self._account:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, uid, gid, follow_symlinks=False)

    async def start(self) -> None:
        self._process = spawn(
            [self._folder / "usr/sbin/dovecot", "-F", "-c", self._folder / "config"],
            account=self._account,
            log=self._folder.parent / "dovecot-output.log",
            env={**os.environ, "LD_LIBRARY_PATH": self._libraries},
            cwd=self._folder,
        )
        await eventually(lambda: listens(self.port), what="dovecot to listen")

    async def stop(self) -> None:
        if self._process is not None:
            await stop_child(self._process, STOP)
            self._process = None

    @property
    def log(self) -> str:
        path = self._folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def empty(self) -> None:
        """Takes all mail away, so that the folder is another one with another UIDVALIDITY."""
        for path in (self._folder / "mail").iterdir():
            shutil.rmtree(path)


def _group(gid: int) -> str:
    import grp

    return grp.getgrgid(gid).gr_name


@asynccontextmanager
async def private_dovecot(component: Component, port: int) -> AsyncIterator[Dovecot]:
    """A running server whose files are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="careline-dovecot-") as base:
        Path(base).chmod(0o755)
        folder = Path(base) / "server"
        folder.mkdir(mode=0o755)
        server = Dovecot(component, folder, port)
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
