"""A server that has another key or certificate than before: its source stops, alarms, and says why."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest
from feeds.places import configured, fetch

from careline_common.testing.waiting import eventually
from careline_ingest.fakes.authority import PrivateAuthority
from careline_ingest.fakes.https_feed import HttpsFeed
from careline_ingest.fakes.portal import MAP, FakePortal, PortalList
from careline_ingest.fakes.sftp import SftpPartner

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

FIRST = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
SECOND = "A-2;89161234567;Очередь;01.03.2026 09:30"


@dataclass(slots=True)
class Changed:
    """A server in another's place, with the settings that trust it, and what the page must say."""

    trusted: dict[str, Any]
    says: list[str]


@asynccontextmanager
async def sftp(ingest: "Ingest", folder: Path) -> AsyncIterator[Changed]:
    """A server whose host key is another one day: the same address, the same folder."""
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "one.csv").write_bytes(ingest.sheet(FIRST))
    async with SftpPartner(folder) as before:
        settings = {
            "kind": "sftp", "settle_s": 0.02, "url": before.url("in"), "user": before.user,
            "password": before.password, "host_key": before.host_key,
        }  # fmt: skip
        await configured(ingest, settings)
        await fetch(ingest)
    (folder / "in" / "two.csv").write_bytes(ingest.sheet(SECOND))
    async with SftpPartner(folder, port=before.port) as now:
        shown = asyncssh.import_public_key(now.host_key).get_fingerprint()
        says = ["host key", shown, "none of those in host_key: nothing was fetched"]
        yield Changed({**settings, "host_key": now.host_key}, says)


@asynccontextmanager
async def https(ingest: "Ingest", folder: Path) -> AsyncIterator[Changed]:
    """A server whose certificate is by another authority one day."""
    authorities = []
    for name in ("before", "now"):
        (folder / name).mkdir(parents=True)
        authorities.append(PrivateAuthority(folder / name))
    before, now = authorities
    async with HttpsFeed(ingest.sheet(FIRST), tls=before.server_context()) as feed:
        settings = {"kind": "https", "url": feed.url(), "ca": before.ca.read_text()}
        await configured(ingest, settings)
        await fetch(ingest)
        port = feed.port
    fresh = ingest.sheet(SECOND)
    async with HttpsFeed(fresh, tls=now.server_context(), port=port):
        yield Changed({**settings, "ca": now.ca.read_text()}, ["certificate is not trusted"])


async def page(ingest: "Ingest") -> str:
    answer = await ingest.http.get("/v1/sources/feed/health", headers={"Accept": "text/html"})
    return answer.text


async def alarm(ingest: "Ingest", value: str) -> None:
    async def shown() -> bool:
        line = f'careline_ingest_source_stopped{{source="feed"}} {value}'
        return line in (await ingest.http.get("/metrics")).text

    await eventually(shown, what=f"the alarm to be {value}")


async def due(ingest: "Ingest") -> None:
    await ingest.query("UPDATE ingest.fetch SET next_at = now()")


@pytest.mark.parametrize("server", [sftp, https])
async def test_a_server_that_is_another_stops_its_source_until_somebody_looked(
    ingest: "Ingest", tmp_path: Path, server: Any
) -> None:
    async with server(ingest, tmp_path / "partner") as changed:
        await due(ingest)
        await alarm(ingest, "1.0")
        text = await page(ingest)
        for word in ("stopped</b>", *changed.says, "/v1/sources/feed/resume"):
            assert word in text
        (state,) = await ingest.query("SELECT failures FROM ingest.fetch")
        # nobody has looked at it yet: it stays so, though it is time
        await due(ingest)
        assert (await ingest.query("SELECT failures FROM ingest.fetch"))[0] == state
        assert set(await ingest.records()) == {"A-1"}
        # somebody says go on, and nothing is different
        assert (await ingest.http.post("/v1/sources/feed/resume")).status_code == 200
        await alarm(ingest, "1.0")
        # somebody has asked the partner, and trusts what he has now
        await configured(ingest, changed.trusted)
        await fetch(ingest)
        await alarm(ingest, "0.0")
        assert "stopped</b>" not in await page(ingest)
        assert set(await ingest.records()) == {"A-1", "A-2"}


async def test_a_part_of_the_past_is_not_fetched_from_a_stranger(
    ingest: "Ingest", tmp_path: Path
) -> None:
    for name in ("trusted", "stranger"):
        (tmp_path / name).mkdir()
    trusted = PrivateAuthority(tmp_path / "trusted")
    stranger = PrivateAuthority(tmp_path / "stranger").server_context()
    span = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    async with FakePortal(PortalList(mode="since"), tls=stranger) as portal:
        await configured(ingest, {**portal.settings(), "map": MAP, "ca": trusted.ca.read_text()})
        answer = await ingest.http.post("/v1/sources/feed/backfill", json=span)
        assert (await ingest.ended(answer.json()["id"]))["status"] == "failed"
        await alarm(ingest, "1.0")
        assert portal.asked == []
