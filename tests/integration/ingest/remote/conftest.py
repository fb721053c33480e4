"""Ingest and its partners: fakes, which have faults, and the real servers that partners run."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from feeds.breaking import breaking_proxy
from feeds.nginx import PASSWORD, USER, private_nginx
from feeds.openssh import private_openssh
from feeds.places import HttpsPlace, SftpPlace, place_of, settings_of

from careline_common.testing.components import require
from careline_common.testing.ports import Ports
from careline_ingest.fakes.authority import PrivateAuthority
from careline_ingest.fakes.https_feed import FeedFaults, HttpsFeed
from careline_ingest.fakes.sftp import SftpPartner


def _partner(tmp_path: Path) -> SftpPartner:
    folder = tmp_path / "partner"
    (folder / "in").mkdir(parents=True)
    return SftpPartner(folder)


@pytest_asyncio.fixture(loop_scope="session")
async def partner(tmp_path: Path) -> AsyncIterator[SftpPartner]:
    """The fake alone, for its faults."""
    async with _partner(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", params=["asyncssh", "openssh"])
async def place(
    request: pytest.FixtureRequest, project_folder: Path, tmp_path: Path, ports: Ports
) -> AsyncIterator[SftpPlace]:
    """Each server in turn."""
    if request.param == "asyncssh":
        async with _partner(tmp_path) as partner:
            yield place_of(partner)
        return
    async with private_openssh(require("openssh", project_folder), ports.take()) as server:
        inbox = server.root / "in"
        inbox.mkdir()
        server.give(inbox)
        settings = {
            "kind": "sftp",
            "settle_s": 0.05,
            "url": f"sftp://127.0.0.1:{server.port}{inbox}",
            "user": server.user,
            "private_key": server.private_key,
            "host_key": [
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHY7bZPNvIdfJQiTRc4FFkVWuPHXcFt2A7uZhmnXHAsd old",
                server.host_key,
            ],
        }
        yield SftpPlace(
            root=server.root,
            settings=settings,
            give=server.give,
            stop=server.stop,
            start=server.start,
        )


@pytest.fixture
def authority(tmp_path: Path) -> PrivateAuthority:
    """Who vouches for the fakes of a test."""
    folder = tmp_path / "tls"
    folder.mkdir()
    return PrivateAuthority(folder)


@pytest_asyncio.fixture(loop_scope="session")
async def feed(authority: PrivateAuthority) -> AsyncIterator[HttpsFeed]:
    """The fake alone, for its faults."""
    async with HttpsFeed(tls=authority.server_context()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", params=["fake", "nginx"])
async def web(
    request: pytest.FixtureRequest,
    project_folder: Path,
    tmp_path: Path,
    ports: Ports,
    authority: PrivateAuthority,
) -> AsyncIterator[HttpsPlace]:
    """Each web server in turn, with TLS by an authority of the test's own."""
    basic = {"user": USER, "password": PASSWORD}
    if request.param == "fake":
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        context = authority.server_context()
        moved = FeedFaults()
        async with (
            HttpsFeed(tls=context) as feed,
            HttpsFeed(tls=context, login=("Authorization", f"Basic {token}")) as guarded,
            HttpsFeed(tls=context, faults=moved) as moving,
        ):
            settings = settings_of(feed, tmp_path)
            moved.redirect_to = feed.url().replace("127.0.0.1", "localhost")

            def put(content: bytes) -> None:
                feed.content = guarded.content = content

            @asynccontextmanager
            async def cut(at: int) -> AsyncIterator[dict[str, Any]]:
                feed.faults.cut_at.append(at)
                yield settings

            yield HttpsPlace(
                breaking=cut,
                not_modified=lambda: feed.answered.count(304),
                resumed=lambda: feed.answered.count(206),
                settings=settings,
                login={**settings, "url": guarded.url(), **basic},
                moved={**settings, "url": moving.url()},
                put=put,
            )
        return
    folder = tmp_path / "nginx"
    folder.mkdir()
    component = require("nginx", project_folder)
    async with private_nginx(component, folder, ports.take()) as server:
        common = {"kind": "https", "ca": server.ca}

        def write(content: bytes) -> None:
            fresh = server.files / "day.csv.new"
            fresh.write_bytes(content)
            fresh.replace(server.files / "day.csv")

        @asynccontextmanager
        async def breaking(at: int) -> AsyncIterator[dict[str, Any]]:
            async with breaking_proxy(server.port, at) as port:
                yield {**common, "url": f"https://127.0.0.1:{port}/day.csv"}

        yield HttpsPlace(
            breaking=breaking,
            not_modified=lambda: server.answered(304),
            resumed=lambda: server.answered(206),
            settings={**common, "url": server.url()},
            login={**common, "url": server.url("private/day.csv"), **basic},
            moved={**common, "url": server.url("moved/day.csv")},
            put=write,
        )
