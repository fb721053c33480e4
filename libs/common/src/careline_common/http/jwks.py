"""Where the issuer's public keys come from: a file that may be rewritten, or a URL."""

import asyncio
import os
from pathlib import Path
from typing import Any, Protocol

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic_core import from_json

from careline_common.clock import Clock

log = structlog.get_logger(__name__)

ALGORITHMS = ["ES256", "RS256", "EdDSA", "Ed25519"]
"""Asymmetric ones only: with `HS256` whoever knows the public key could sign."""

KEY_TYPES = ("EC", "RSA", "OKP")
FRESH_S = 300.0
SHORTEST_PAUSE_S = 10.0
FETCH_TIMEOUT_S = 5.0


class KeysUnavailableError(Exception):
    """There are no keys to check a token with; the text says why."""


class Keys(Protocol):
    """Public keys. `generation` grows whenever they change."""

    generation: int

    async def current(self) -> KeySet: ...

    async def refreshed(self) -> KeySet | None:
        """Keys newer than `current` gave, None when there are none."""
        ...


def public_keys(document: Any) -> KeySet:
    """Reads a JWK or a JWK set and keeps the public halves of the asymmetric keys."""
    if not isinstance(document, dict):
        raise ValueError("not a JWK set")  # noqa: TRY004 - as for every other broken set
    entries = document.get("keys", [document])
    usable = [
        entry for entry in entries if isinstance(entry, dict) and entry.get("kty") in KEY_TYPES
    ]
    keys = KeySet.import_key_set({"keys": usable})
    return KeySet.import_key_set({"keys": [key.as_dict(private=False) for key in keys.keys]})


class FileKeys:
    """Keys in a file, read again when the file changes."""

    def __init__(self, path: Path | str | None) -> None:
        self._path = None if path is None else Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._keys: KeySet | None = None
        self.generation = 0

    async def current(self) -> KeySet:
        if self._path is None:
            raise KeysUnavailableError("this server knows no issuer: set CARELINE_OIDC_JWKS")
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - microseconds, on every request
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if self._keys is None or seen != self._seen:
                self._keys = public_keys(from_json(self._path.read_bytes()))
                self._seen = seen
                self.generation += 1
        except (OSError, ValueError, JoseError) as error:
            log.warning("auth.keys_unavailable", file=str(self._path), error=str(error))
            raise KeysUnavailableError("the issuer's keys cannot be read") from error
        return self._keys

    async def refreshed(self) -> KeySet | None:
        return None


class UrlKeys:
    """Keys behind a URL: kept five minutes, fetched at once (but not hot) for an unknown key.

    While the issuer is away, the last known keys go on holding.
    """

    def __init__(
        self, url: str, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._clock = clock
        self._transport = transport
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()
        self.generation = 0

    async def current(self) -> KeySet:
        if self._keys is None or self._clock.monotonic() - self._fetched_at > FRESH_S:
            await self._fetch()
        if self._keys is None:
            raise KeysUnavailableError("the issuer's keys cannot be fetched")
        return self._keys

    async def refreshed(self) -> KeySet | None:
        before = self.generation
        await self._fetch()
        return self._keys if self.generation != before else None

    async def _fetch(self) -> None:
        async with self._lock:
            if self._clock.monotonic() - self._tried_at < SHORTEST_PAUSE_S:
                return
            self._tried_at = self._clock.monotonic()
            try:
                async with httpx.AsyncClient(
                    timeout=FETCH_TIMEOUT_S, transport=self._transport
                ) as client:
                    answer = await client.get(self._url)
                    answer.raise_for_status()
                keys = public_keys(answer.json())
            except (httpx.HTTPError, ValueError, JoseError) as error:
                log.warning("auth.keys_unavailable", url=self._url, error=str(error))
                return
            self._fetched_at = self._clock.monotonic()
            if self._keys is None or keys.as_dict() != self._keys.as_dict():
                self._keys = keys
                self.generation += 1
