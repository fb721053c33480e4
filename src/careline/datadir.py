"""What a standalone keeps in its DIR: the issuer's key, the key for personal data, its address."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from careline_common.http.issuer import LocalIssuer


class CannotError(Exception):
    """Something could not be done; the one line says why and what to do (exit 1)."""


@dataclass(frozen=True, slots=True)
class DataDir:
    """The folder of one standalone, `$CARELINE_DATA` or `./.careline` unless told otherwise."""

    path: Path

    @classmethod
    def choose(cls, given: Path | None) -> "DataDir":
        path = given or Path(os.environ.get("CARELINE_DATA") or ".careline")
        return cls(path.resolve())

    def create(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CannotError(
                f"cannot make {self.path}: {error.strerror}; give another folder with --data"
            ) from error

    @property
    def issuer_file(self) -> Path:
        return self.path / "issuer.json"

    @property
    def jwks_file(self) -> Path:
        return self.path / "jwks.json"

    @property
    def server_file(self) -> Path:
        return self.path / "server.json"

    @property
    def log_file(self) -> Path:
        return self.path / "careline.log"

    def issuer(self) -> LocalIssuer:
        """The local issuer; its key is made when it is not there yet."""
        self.create()
        return LocalIssuer(self.issuer_file)

    def write_jwks(self) -> Path:
        """Publishes the issuer's public keys for services that run by themselves."""
        _write(self.jwks_file, json.dumps(self.issuer().jwks()), mode=0o644)
        return self.jwks_file

    def pii_key(self) -> str:
        """The key under which personal data is hashed; made once, mode 0600."""
        file = self.path / "pii.key"
        if not file.exists():
            _write(file, secrets.token_hex(32), mode=0o600)
        return file.read_text().strip()

    def write_server(self, url: str, database_url: str) -> None:
        """Notes where the standalone answers, for commands that speak to it (mode 0600)."""
        server = {"url": url, "pid": os.getpid(), "database_url": database_url}
        _write(self.server_file, json.dumps(server), mode=0o600)

    def running(self) -> "Running | None":
        """The standalone that runs over this folder, if any."""
        try:
            server = json.loads(self.server_file.read_text())
            os.kill(int(server["pid"]), 0)
            return Running(url=server["url"], database_url=server["database_url"])
        except (OSError, ValueError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class Running:
    """Where a running standalone is reached."""

    url: str
    database_url: str


def _write(file: Path, text: str, *, mode: int) -> None:
    """Writes a whole file or none of it."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    fresh.replace(file)
