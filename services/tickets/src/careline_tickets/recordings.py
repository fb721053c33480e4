"""Links to recordings: each lives for a minute, names one recording, and is known by its digest alone.

A recording is fetched through us, from allow-listed hosts and without following redirects; so nobody
learns where it is kept, and the link is worth nothing after its minute. What a partner keeps is fetched by
ingest, which alone has his login.
"""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

import httpx
from sqlalchemy import delete, insert, select

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.db import tables
from careline_tickets.ports import Chance

LIVES = timedelta(seconds=60)
_NOT_LISTED = "the recording is kept at a host that CARELINE_RECORDING_HOSTS does not name"
_NOT_OF_SOURCE = (
    "the recording is kept where its source's `recordings` do not let it be fetched from"
)
PASSED_ON = ("content-type", "content-length", "content-range", "accept-ranges")


RECORD = "record:"
"""Before the id of the record that ingest fetches a partner's recording by."""


class HostNotAllowedError(Exception):
    """The recording is kept where we do not fetch from; the message says what would have to be configured."""


class RecordingAwayError(Exception):
    """Who keeps the recording does not give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A recording that may be heard until `expires_at`."""

    ticket_id: str
    who: str
    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """A recording on its way; `body` closes what it comes from."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class RecordingDesk:
    """Gives links out and fetches what they stand for."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        partners: httpx.AsyncClient,
        hosts: Collection[str],
        chance: Chance,
    ) -> None:
        self._client = client
        self._partners = partners
        self._hosts = frozenset(host.lower() for host in hosts)
        self._chance = chance

    async def link(
        self, uow: UnitOfWork, *, ticket_id: str, who: str, url: str
    ) -> tuple[str, datetime]:
        """A secret that opens the recording, and until when; raises `HostNotAllowedError`."""
        self._check(url)
        now = uow.clock.now()
        secret = self._chance.salt().hex() + self._chance.salt().hex()
        links, expires_at = tables.recording_link, now + LIVES
        await uow.connection.execute(delete(links).where(links.c.expires_at <= now))
        await uow.connection.execute(
            insert(links).values(
                digest=_digest(secret), ticket_id=ticket_id, who=who, url=url, expires_at=expires_at
            )
        )
        return secret, expires_at

    async def opened(self, uow: UnitOfWork, secret: str) -> Link | None:
        """What a secret stands for; None once its minute is over."""
        columns = tables.recording_link.c
        found = await uow.connection.execute(
            select(columns.ticket_id, columns.who, columns.url, columns.expires_at).where(
                columns.digest == _digest(secret), columns.expires_at > uow.clock.now()
            )
        )
        row = found.one_or_none()
        return None if row is None else Link(**row._mapping)  # noqa: SLF001 - its public name

    async def play(self, link: Link, byte_range: str | None) -> Playing:
        """Starts to fetch; raises `HostNotAllowedError`, `RecordingAwayError`."""
        self._check(link.url)
        headers = {"Accept-Encoding": "identity"} | ({"Range": byte_range} if byte_range else {})
        stack, record = AsyncExitStack(), link.url.removeprefix(RECORD)
        client, url = (self._client, link.url)
        if record != link.url:
            client, url = self._partners, f"v1/records/{quote(record, safe='')}/recording"
        try:
            answer = await stack.enter_async_context(client.stream("GET", url, headers=headers))
        except httpx.HTTPError as error:
            raise RecordingAwayError(type(error).__name__) from error
        if answer.status_code == httpx.codes.CONFLICT and client is self._partners:
            await stack.aclose()
            raise HostNotAllowedError(_NOT_OF_SOURCE)
        if answer.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
            await stack.aclose()
            raise RecordingAwayError(f"answered {answer.status_code}")
        passed = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
        return Playing(status=answer.status_code, headers=passed, body=_body(answer, stack))

    def _check(self, url: str) -> None:
        if url.startswith(RECORD):
            return  # ingest holds it against what its source allows
        parts = urlsplit(url)
        if (
            parts.scheme not in {"http", "https"}
            or (parts.hostname or "").lower() not in self._hosts
        ):
            raise HostNotAllowedError(_NOT_LISTED)


async def _body(answer: httpx.Response, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        async for chunk in answer.aiter_raw():
            yield chunk


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
