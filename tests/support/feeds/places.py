"""Partners' places as the tests of fetching see them, whichever server runs there."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from careline_ingest.fakes.https_feed import HttpsFeed
from careline_ingest.fakes.sftp import SftpPartner


class Ingest(Protocol):
    """A running ingest, as far as these tests drive it."""

    http: httpx.AsyncClient

    async def source(self, source_id: str = ..., **changes: Any) -> None: ...

    async def ended(self, run_id: str, within_s: float = ...) -> dict[str, Any]: ...


NEVER = "0 0 29 2 *"
"""A schedule that keeps sources from being fetched but when a test asks for it."""


@dataclass(kw_only=True)
class SftpPlace:
    """A partner's server, whichever it is, with the folders of one feed."""

    root: Path
    settings: dict[str, Any]
    give: Callable[[Path], None] = lambda _path: None
    stop: Callable[[], Awaitable[None]]
    start: Callable[[], Awaitable[None]]

    @property
    def inbox(self) -> Path:
        return self.root / "in"

    @property
    def archive(self) -> Path:
        return self.root / "in" / "archive"

    @property
    def answers(self) -> Path:
        return self.root / "answers"

    def put(self, name: str, content: bytes) -> Path:
        path = self.inbox / name
        path.write_bytes(content)
        self.give(path)
        return path

    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@dataclass(kw_only=True)
class HttpsPlace:
    """A partner's web server with a file day.csv, whichever it is."""

    settings: dict[str, Any]
    login: dict[str, Any]
    """Settings of the same file behind a login."""
    moved: dict[str, Any]
    """Settings of an address that leads to the same file by the name of localhost."""
    put: Callable[[bytes], None]
    breaking: Callable[[int], AbstractAsyncContextManager[dict[str, Any]]]
    """Settings of the same file by a way that breaks off once after about so many bytes."""
    not_modified: Callable[[], int]
    """How many requests were answered by 304."""
    resumed: Callable[[], int]
    """How many were answered by 206."""


async def configured(ingest: Ingest, settings: dict[str, Any], **more: Any) -> None:
    given = {"schedule": NEVER, "timeout_s": 10.0, **settings, **more}
    await ingest.source("feed", **given)


async def fetch(ingest: Ingest) -> list[dict[str, Any]]:
    """Fetches now and returns the runs of what there was, ended."""
    answer = await ingest.http.post("/v1/sources/feed/run", timeout=60)
    assert answer.status_code in (200, 202), answer.text
    return [await ingest.ended(run) for run in answer.json()["runs"]]


def place_of(partner: SftpPartner) -> SftpPlace:
    async def stop() -> None:
        await partner.__aexit__(None, None, None)

    async def start() -> None:
        await partner.__aenter__()

    settings = {
        "kind": "sftp",
        "settle_s": 0.05,
        "url": partner.url("in"),
        "user": partner.user,
        "password": partner.password,
        "host_key": partner.host_key,
    }
    return SftpPlace(root=partner.folder, settings=settings, stop=stop, start=start)


def settings_of(feed: HttpsFeed, tmp_path: Path) -> dict[str, Any]:
    return {"kind": "https", "url": feed.url(), "ca_file": str(tmp_path / "tls" / "ca.pem")}
