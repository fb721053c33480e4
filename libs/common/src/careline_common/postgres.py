"""A private PostgreSQL, started as a child process and reached over a Unix socket only.

`fast=True` is for tests: it gives up durability. Otherwise the server keeps every commit.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import asyncpg
import structlog

from careline_common.children import (
    Account,
    exited,
    spawn,
    stop_child,
    stop_stranger,
    unprivileged_account,
)
from careline_common.postgres_binaries import Binaries, PostgresError, find_binaries

__all__ = ["PostgresError", "PostgresLauncher"]

log = structlog.get_logger(__name__)

ROOT_BASE = Path("/var/lib/careline")
"""Where files go when we run as root: PostgreSQL refuses root, and other accounts may not be able
to reach the folder that was asked for."""

USER = DATABASE = "careline"
START_PATIENCE_S = 60.0
STOP_SIGNALS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
LONGEST_LOG_BYTES = 10 << 20
LONGEST_SOCKET_PATH = 90
PASSING_TROUBLES = ("pre-existing shared memory block", "lock file", "Address already in use")

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
    "log_line_prefix": "%m [%p] ",
}
FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "1h",
}


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What `postgres.json` remembers between runs."""

    home: Path
    password: str


class PostgresLauncher:
    """PostgreSQL for one folder. Use: `async with PostgresLauncher(folder).running() as url`."""

    def __init__(self, data_dir: Path, *, fast: bool = False, root_base: Path = ROOT_BASE) -> None:
        self._dir = data_dir.expanduser().absolute()
        self._fast = fast
        self._root_base = root_base
        self._account: Account | None = unprivileged_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._cluster: _Cluster | None = None
        self._binaries: Binaries | None = None

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Yields the URL of the database `careline`; a server that dies meanwhile is started again.

        Raises `PostgresError`, whose message is one line for the person at the terminal.
        """
        lock = self._take_lock()
        try:
            cluster = self._cluster = self._load_or_plan()
            self._stop_orphan(cluster.home)
            await self._prepare(cluster)
            watcher: asyncio.Task[None] | None = None
            try:
                await self._start()
                url = await self._ensure_database(cluster)
                watcher = asyncio.create_task(self._watch(), name="postgres.watch")
                yield url
            finally:
                if watcher:
                    watcher.cancel()
                    await asyncio.gather(watcher, return_exceptions=True)
                await self._stop()
        finally:
            lock.close()

    def url(self, database: str = DATABASE) -> str:
        """The address of a database of this server; valid once `running` has begun."""
        cluster = self._known
        return (
            f"postgresql://{USER}:{cluster.password}@/{database}"
            f"?host={quote(str(_socket_folder(cluster.home)), safe='/')}&port=5432"
        )

    @property
    def _known(self) -> _Cluster:
        assert self._cluster is not None, "running() has not begun"
        return self._cluster

    def _take_lock(self) -> IO[str]:
        try:
            self._dir.mkdir(parents=True, exist_ok=True)
            held = (self._dir / "lock").open("a+")
        except OSError as error:
            raise PostgresError(
                f"cannot write to {self._dir}: {error.strerror}; name another folder"
            ) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.seek(0)
            owner = held.read().strip() or "unknown"
            held.close()
            raise PostgresError(
                f"{self._dir} is in use by another careline (process {owner}):"
                " stop it or name another folder with --data"
            ) from error
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        return held

    def _load_or_plan(self) -> _Cluster:
        memory = self._dir / "postgres.json"
        if memory.exists():
            known = json.loads(memory.read_text())
            return _Cluster(home=Path(known["home"]), password=known["password"])
        home = self._dir / "postgres"
        if self._account:
            name = hashlib.sha256(os.fsencode(self._dir.resolve())).hexdigest()[:16]
            home = self._root_base / name
        if home.exists():
            _put_aside(home)
        cluster = _Cluster(home=home, password=secrets.token_urlsafe(24))
        fresh = memory.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"home": str(home), "password": cluster.password}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(memory)
        return cluster

    def _stop_orphan(self, home: Path) -> None:
        """Stops what a killed run left, and takes away a pid file that now names a stranger."""
        pid_file = home / "data" / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        if stop_stranger(pid, mark=str(home / "data"), signals=STOP_SIGNALS):
            log.info("postgres.orphan_stopped", pid=pid)
        else:
            pid_file.unlink(missing_ok=True)

    async def _prepare(self, cluster: _Cluster) -> None:
        data = cluster.home / "data"
        version = data / "PG_VERSION"
        major = int(version.read_text()) if version.exists() else None
        binaries = find_binaries(major=major)
        if self._account:
            binaries = binaries.reachable(self._root_base / "binaries")
        self._binaries = binaries
        for folder in (cluster.home, _socket_folder(cluster.home)):
            self._own(folder)
        if major is None:
            began = time.monotonic()
            await self._initdb(cluster, binaries)
            log.info(
                "postgres.created", major=binaries.major, seconds=round(time.monotonic() - began, 2)
            )

    def _own(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        except OSError as error:
            raise PostgresError(
                f"cannot make {folder}: {error.strerror}; PostgreSQL keeps its files there"
            ) from error
        held = folder.stat()
        if self._account:
            if folder.parent == self._root_base:
                self._root_base.chmod(0o755)
            os.chown(folder, self._account.uid, self._account.gid)
        elif held.st_uid != os.getuid():
            raise PostgresError(
                f"{folder} belongs to another user: remove it or name another folder"
            )
        folder.chmod(0o700)

    async def _initdb(self, cluster: _Cluster, binaries: Binaries) -> None:
        """Makes the data folder whole or not at all: a run killed halfway leaves nothing that counts."""
        fresh = cluster.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        secret = cluster.home / "initdb.password"
        secret.write_text(cluster.password)
        secret.chmod(0o600)
        if self._account:
            os.chown(secret, self._account.uid, self._account.gid)
        command: list[str | Path] = [
            binaries.folder / "initdb", "-D", fresh, "-U", USER, "-E", "UTF8", "--locale=C.UTF-8",
            "--auth=scram-sha-256", f"--pwfile={secret}", "--data-checksums",
            *(["--no-sync"] if self._fast else []),
        ]  # fmt: skip
        output = cluster.home / "initdb.log"
        output.unlink(missing_ok=True)
        process = spawn(
            command, log=output, env=self._environment(cluster.home), account=self._account
        )
        try:
            await exited(process, START_PATIENCE_S)
        finally:
            await stop_child(process, STOP_SIGNALS[-1:])
            secret.unlink()
        if process.returncode != 0:
            raise PostgresError(
                f"initdb failed: {_last_complaint(output.read_text())} (see {output})"
            )
        fresh.rename(cluster.home / "data")

    def _environment(self, home: Path) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(home), "PGTZ": "UTC"}

    async def _start(self) -> None:
        home = self._known.home
        output = home / "postgres.log"
        if output.exists() and output.stat().st_size > LONGEST_LOG_BYTES:
            output.rename(output.with_suffix(".log.1"))
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            told = output.stat().st_size if output.exists() else 0
            if await self._attempt(home, output, deadline):
                return
            with output.open("rb") as file:
                file.seek(told)
                complaint = _last_complaint(file.read().decode(errors="replace"))
            passing = any(trouble in complaint for trouble in PASSING_TROUBLES)
            if not passing or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL does not start: {complaint} (see {output})")
            await asyncio.sleep(0.1)

    async def _attempt(self, home: Path, output: Path, deadline: float) -> bool:
        assert self._binaries is not None
        settings = {
            **SETTINGS,
            **(FAST_SETTINGS if self._fast else {}),
            "unix_socket_directories": str(_socket_folder(home)),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        process = self._process = spawn(
            [self._binaries.folder / "postgres", "-D", home / "data", *options],
            log=output,
            env=self._environment(home),
            account=self._account,
            dying=signal.SIGINT,
        )
        pid_file = home / "data" / "postmaster.pid"
        while process.poll() is None:
            if time.monotonic() > deadline:
                await self._stop()
                return False
            with suppress(OSError):
                lines = pid_file.read_text().splitlines()
                if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                    return True
            await asyncio.sleep(0.01)
        return False

    async def _ensure_database(self, cluster: _Cluster) -> str:
        connection = await asyncpg.connect(
            host=str(_socket_folder(cluster.home)), port=5432, user=USER,
            password=cluster.password, database="postgres",
        )  # fmt: skip
        try:
            there = await connection.fetchval(
                "SELECT 1 FROM pg_database WHERE datname = $1", DATABASE
            )
            if not there:
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()
        return self.url()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if self._process and self._process.poll() is not None:
                log.error("postgres.died", code=self._process.returncode)
                try:
                    await self._start()
                except PostgresError as error:
                    log.error("postgres.stays_down", reason=str(error))  # noqa: TRY400
                    await asyncio.sleep(5)

    async def _stop(self) -> None:
        if self._process:
            await stop_child(self._process, STOP_SIGNALS)


def _socket_folder(home: Path) -> Path:
    """Beside the data, or under /tmp where that path is too long for a socket's address."""
    beside = home / "run"
    if len(os.fsencode(beside)) <= LONGEST_SOCKET_PATH:
        return beside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp") / f"careline-{os.geteuid()}-{name}"  # noqa: S108 - mode and owner are checked


def _put_aside(home: Path) -> None:
    """The folder that these files served is gone, and a new one has its name: keep the old files."""
    number = 1
    while (aside := home.with_name(f"{home.name}.old{number}")).exists():
        number += 1
    home.rename(aside)
    log.warning("postgres.old_files_put_aside", folder=str(aside))


def _last_complaint(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    serious = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line]
    chosen = (serious or lines or ["no output"])[-1]
    return chosen.split("] ", 1)[-1]
