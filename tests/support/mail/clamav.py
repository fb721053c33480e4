"""ClamAV's clamd on a port of its own, with one signature: the EICAR test file's."""

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from feeds.openssh import listens

from careline_common.children import spawn, stop_child, unprivileged_account
from careline_common.testing.components import Component
from careline_common.testing.waiting import eventually
from careline_tickets.fakes.clamd import EICAR, SIGNATURE

CONFIG = """\
TCPSocket {port}
TCPAddr 127.0.0.1
DatabaseDirectory {folder}/signatures
TemporaryDirectory {folder}
LogFile {folder}/clamd.log
Foreground yes
StreamMaxLength 25M
"""
STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


@asynccontextmanager
async def private_clamd(component: Component, port: int) -> AsyncIterator[str]:
    """A running clamd; gives its address."""
    account = unprivileged_account()
    with tempfile.TemporaryDirectory(prefix="careline-clamav-") as base:
        folder = Path(base)
        folder.chmod(0o755)
        # a copy: the project may lie where only its owner can enter
        own = Component(component.name, folder / "program")
        shutil.copytree(component.prefix / "usr", own.prefix / "usr", symlinks=True)
        (folder / "signatures").mkdir()
        (folder / "signatures" / "test.ndb").write_text(f"{SIGNATURE}:0:*:{EICAR.hex()}\n")
        (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
        for path in (folder, *folder.rglob("*")):
            if account:
                os.chown(path, account.uid, account.gid, follow_symlinks=False)
        process = spawn(
            [own.prefix / "usr/sbin/clamd", f"--config-file={folder / 'config'}"],
            account=account,
            log=folder / "output.log",
            env={**os.environ, "LD_LIBRARY_PATH": own.library_path()},
            cwd=folder,
        )
        try:
            await eventually(lambda: listens(port), what="clamd to listen")
            yield f"127.0.0.1:{port}"
        finally:
            await stop_child(process, STOP)
