"""A folder of mail over IMAP (RFC 9051, RFC 3501), by the standard library's client in a thread.

Deadlines bound each exchange, so that a server that hangs holds up its own mailbox alone.
"""

import asyncio
import imaplib
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from careline_tickets.ports import MailAwayError

TIMEOUT_S = 30.0
T = TypeVar("T")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where a mail server is and how it lets us in. `tls` is by the port, by STARTTLS, or not at all."""

    host: str
    port: int
    tls: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)


class ImapSession:
    """One connection, used by one exchange at a time."""

    def __init__(self, client: imaplib.IMAP4, validity: int, done: str) -> None:
        self._client = client
        self._done = done
        self.validity = validity

    async def uids(self) -> Sequence[int]:
        found = await self._uid("SEARCH", "UNDELETED")
        return sorted(int(uid) for line in found if line for uid in line.split())

    async def size(self, uid: int) -> int | None:
        for line in await self._uid("FETCH", str(uid), "(RFC822.SIZE)"):
            found = _SIZE.search(line) if isinstance(line, bytes) else None
            if found is not None:
                return int(found[1])
        return None

    async def fetch(self, uid: int, *, head_only: bool = False) -> bytes | None:
        part = "(BODY.PEEK[HEADER])" if head_only else "(BODY.PEEK[])"
        for line in await self._uid("FETCH", str(uid), part):
            if isinstance(line, tuple):
                content: bytes = line[1]
                return content
        return None

    async def set_aside(self, uid: int) -> None:
        """By MOVE (RFC 6851) where there is one, else by a copy; the folder is made when it is missing."""
        if "MOVE" in self._client.capabilities:
            await self._uid("MOVE", str(uid), _quoted(self._done))
            return
        await self._uid("COPY", str(uid), _quoted(self._done))
        await self._uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
        if "UIDPLUS" in self._client.capabilities:
            await self._uid("EXPUNGE", str(uid))

    async def _uid(self, command: str, *arguments: str) -> list[Any]:
        return await _in_thread(lambda: _answered(*self._client.uid(command, *arguments)))


class ImapMailbox:
    """`folder` is where mail comes in, `done` where what was taken is kept."""

    def __init__(self, server: MailServer, *, folder: str = "INBOX", done: str) -> None:
        self._server = server
        self._folder = folder
        self._done = done

    @asynccontextmanager
    async def session(self) -> AsyncIterator[ImapSession]:
        client = await _in_thread(self._connected)
        try:
            yield await _in_thread(lambda: self._opened(client))
        finally:
            # the thread that talks may be at it still: closing the socket ends it
            with suppress(OSError, imaplib.IMAP4.error):
                await asyncio.to_thread(client.shutdown)

    def _connected(self) -> imaplib.IMAP4:
        server = self._server
        if server.tls == "implicit":
            client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                server.host, server.port, ssl_context=server.context(), timeout=TIMEOUT_S
            )
        else:
            client = imaplib.IMAP4(server.host, server.port, timeout=TIMEOUT_S)
        try:
            if server.tls == "starttls":
                client.starttls(ssl_context=server.context())
            client.login(_quoted(server.user or ""), server.password or "")
            client.capabilities = _capabilities(client)
        except BaseException:
            client.shutdown()
            raise
        return client

    def _opened(self, client: imaplib.IMAP4) -> ImapSession:
        client.create(_quoted(self._done))  # answers NO when it is there
        _answered(*client.select(_quoted(self._folder)))
        validity = client.response("UIDVALIDITY")[1]
        if not validity or not isinstance(validity[0], bytes):
            raise MailAwayError("the server gives no UIDVALIDITY")
        return ImapSession(client, int(validity[0]), self._done)


def _capabilities(client: imaplib.IMAP4) -> tuple[str, ...]:
    """What the server can do for somebody who is logged in, which is more than for a stranger."""
    line = _answered(*client.capability())[-1]
    return tuple(line.decode("ascii", "replace").upper().split())


def _answered(kind: str, data: list[Any]) -> list[Any]:
    if kind != "OK":
        raise MailAwayError(f"the server answered {kind}")
    return data


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _in_thread(call: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(call)
    except imaplib.IMAP4.error as error:
        raise MailAwayError(f"the server refused: {type(error).__name__}") from None
    except (OSError, ValueError) as error:  # of a password that has no place in the protocol, too
        raise MailAwayError(type(error).__name__) from None
