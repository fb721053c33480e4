"""The way into a partner's SSH server, and what its errors are called.

The server is known by the host keys of the configuration and by nothing else: neither the user's
own known_hosts nor his keys, agent or ssh configuration take part.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncssh

from careline_ingest.config import SourceEntry
from careline_ingest.ports import FetchError, FileRefusedError, NotTrustedError

asyncssh.set_log_level("WARNING")  # it would log users and addresses

CLOSE_S = 5.0
RSA = ("rsa-sha2-512", "rsa-sha2-256")
HOST_KEYS = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", *RSA,
)  # fmt: skip
"""Without those that sign by SHA-1."""


class _Client(asyncssh.SSHClient):
    """Is asked about host keys that are not configured, and trusts none of them."""

    shown: str | None = None

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.shown = f"{key.get_algorithm()} {key.get_fingerprint()}"
        return False


@asynccontextmanager
async def connected(entry: SourceEntry) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection that is logged in. Raises `FetchError` when the server cannot be reached, is not
    the one that is meant, or does not let us in."""
    client = _Client()
    try:
        async with asyncio.timeout(entry.timeout_s):
            connection = await asyncssh.connect(
                entry.address.hostname or "",
                entry.address.port or 22,
                options=_options(entry, client),
            )
    except asyncssh.HostKeyNotVerifiable as error:
        raise NotTrustedError(_unknown_host(client)) from error
    except (asyncssh.Error, OSError) as error:
        raise FetchError(_not_let_in(error)) from error
    try:
        yield connection
    finally:
        connection.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await connection.wait_closed()
        except (TimeoutError, asyncssh.Error, OSError):
            connection.abort()


def _options(entry: SourceEntry, client: _Client) -> asyncssh.SSHClientConnectionOptions:
    phrase = entry.passphrase.get_secret_value() if entry.passphrase else None
    private = entry.private_key.get_secret_value() if entry.private_key else None
    given = [entry.host_key] if isinstance(entry.host_key, str) else entry.host_key or []
    trusted = [asyncssh.import_public_key(line) for line in given]
    return asyncssh.SSHClientConnectionOptions(
        client_factory=lambda: client,
        config=None,
        agent_path=None,
        gss_host=None,
        known_hosts=(trusted, [], []),
        server_host_key_algs=_algorithms(trusted),
        username=entry.user,
        password=entry.password.get_secret_value() if entry.password else None,
        client_keys=[asyncssh.import_private_key(private, phrase)] if private else None,
        disable_trivial_auth=True,
        login_timeout=entry.timeout_s,
        keepalive_interval=max(1.0, entry.timeout_s / 3),
    )


def _algorithms(trusted: Sequence[asyncssh.SSHKey]) -> list[str]:
    """Kinds of host keys: those that are trusted first, and then the others, so that a server which
    has none of the former shows a key that can be named."""
    kinds = [key.get_algorithm() for key in trusted]
    wanted = [name for name in HOST_KEYS if name in kinds or (name in RSA and "ssh-rsa" in kinds)]
    return list(dict.fromkeys([*wanted, *HOST_KEYS]))


def _unknown_host(client: _Client) -> str:
    key = f"the server's host key {client.shown or 'cannot be verified'}"
    return f"{key} is none of those in host_key: nothing was fetched"


def _not_let_in(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "the server does not answer"
        case asyncssh.PermissionDenied():
            return "the server does not accept the user with this password or key"
        case asyncssh.KeyExchangeFailed():
            return "the server offers no host key or cipher that is still safe"
        case OSError():
            return f"the server cannot be reached: {error.strerror or type(error).__name__}"
    return lost(error)


def lost(error: Exception) -> str:
    match error:
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return "no such file or folder"
        case asyncssh.SFTPPermissionDenied():
            return "permission denied"
        case asyncssh.SFTPConnectionLost() | asyncssh.SFTPNoConnection():
            return "the connection was lost"
        case asyncssh.SFTPError():
            return f"the server says {type(error).__name__.removeprefix('SFTP')}"
    return "the connection was lost"


def of_file(what: str, error: asyncssh.SFTPError) -> Exception:
    """An error of one file; unless it is one of the connection."""
    if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
        return FetchError(lost(error))
    return FileRefusedError(f"{what}: {lost(error)}")
