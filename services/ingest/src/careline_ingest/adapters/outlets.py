"""Where answers and news of appeals are put: a folder here, one on an SFTP server, an HTTP address.

Each may be given the same thing again: a file is put whole over its like, and a POST of the same content
has the same `Idempotency-Key`, so that a partner who looks at it takes nothing twice.
"""

import asyncio
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from careline_common.clock import Clock
from careline_ingest.adapters.partner_http import lost, partner_http
from careline_ingest.adapters.sftp import SftpSource
from careline_ingest.config import SourceEntry
from careline_ingest.ports import FetchError, FileRefusedError

PASSING = frozenset({401, 403, 408, 409, 425, 429})
"""Refusals that may pass: a login that is put right, a server that is busy."""


class Outlet(Protocol):
    """A place for what a partner is to get. Raises `FetchError` where another time may do, and
    `FileRefusedError` where this will never be taken."""

    async def put(self, name: str, content: bytes) -> None: ...


class FolderOutlet:
    """A folder of this machine, or of a share that it has."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    async def put(self, name: str, content: bytes) -> None:
        try:
            await asyncio.to_thread(self._write, name, content)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise FetchError(f"the folder cannot be written to: {reason}") from error

    def _write(self, name: str, content: bytes) -> None:
        making = self._folder / f".{name}.part"
        with making.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        making.replace(self._folder / name)


class SftpOutlet:
    """A folder on the SFTP server of a source."""

    def __init__(self, entry: SourceEntry, folder: str) -> None:
        self._entry = entry
        self._folder = folder

    async def put(self, name: str, content: bytes) -> None:
        async with SftpSource(self._entry).session() as session:
            await session.put(self._folder, name, content)


class HttpOutlet:
    """An address that takes POSTs; the login of the source goes to the source's own server alone."""

    def __init__(
        self, entry: SourceEntry, url: str, clock: Clock, *, token: SecretStr | None = None
    ) -> None:
        """`token` is for this address; else the source's own login where it is the source's server."""
        self._entry = entry
        self._url = httpx.URL(url)
        self._clock = clock
        self._token = token

    async def tell(self, key: str, content: bytes) -> None:
        """Posts a JSON document that is the same whenever it has this key."""
        await self._post(self._url, key, content, {"Content-Type": "application/json"})

    async def put(self, name: str, content: bytes) -> None:
        """Posts a file; of one name there may be several, after a replay."""
        kind = "application/xml" if name.endswith(".xml") else "application/json"
        headers = {
            "Content-Type": kind,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        }
        key = f"{name[:200]}.{hashlib.sha256(content).hexdigest()[:16]}"
        await self._post(self._url, key, content, headers)

    async def _post(
        self, url: httpx.URL, key: str, content: bytes, headers: Mapping[str, str]
    ) -> None:
        given = {**headers, "Idempotency-Key": quote(key, safe="")[-255:]}
        if self._token is not None:
            given["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        try:
            async with partner_http(self._entry, self._clock, base=self._url) as http:
                status = await http.post(url, content, given)
        except httpx.TransportError as error:
            raise lost(error, began=False) from error
        if 400 <= status < 500 and status not in PASSING:
            raise FileRefusedError(f"the server refuses it ({status})", lasting=True)
        if not 200 <= status < 300:
            raise FetchError(f"the server answers {status}")


class Open311Outlet(HttpOutlet):
    """Updates of requests at another's Open311 server, by the extension that FixMyStreet and others
    share: `POST servicerequestupdates`, known again by `update_id`."""

    def __init__(self, entry: SourceEntry, clock: Clock) -> None:
        assert entry.url is not None
        base = httpx.URL(entry.url)
        path = f"{base.path.rstrip('/')}/servicerequestupdates.json"
        super().__init__(entry, str(base.copy_with(path=path)), clock)

    async def update(self, fields: Mapping[str, str]) -> None:
        key = self._entry.api_key.get_secret_value() if self._entry.api_key else ""
        form = urlencode({"api_key": key, **fields}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        await self._post(self._url, fields["update_id"], form, kind)
