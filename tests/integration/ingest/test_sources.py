"""Sources kept from being read and let go on, records one by one, and parts of the past."""

from typing import TYPE_CHECKING, Any

import pytest
from feeds.places import NEVER

from careline_common.testing.waiting import eventually
from careline_ingest.fakes.authority import PrivateAuthority
from careline_ingest.fakes.https_feed import HttpsFeed
from careline_ingest.fakes.open311 import City, FakeOpen311
from careline_ingest.fakes.portal import MAP, FakePortal, PortalList, item

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Ingest

pytestmark = pytest.mark.integration

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
ROW = {"Номер обращения": "A-1", "Телефон": "8 916 123-45-67", "Текст": "Очередь"}


async def test_a_paused_source_is_not_read_until_it_goes_on(
    ingest: "Ingest", tmp_path: "Path"
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    await ingest.source("drop", kind="folder", path=str(folder))
    paused = await ingest.http.post("/v1/sources/drop/pause")
    assert paused.json() == {"id": "drop", "paused": True}
    (folder / "day.csv").write_bytes(ingest.sheet(GOOD))
    async with FakePortal(PortalList(mode="page", items=[item(1)])) as portal:
        await ingest.source("list", **portal.settings(), map=MAP, schedule=NEVER)
        await ingest.http.post("/v1/sources/list/pause")
        await ingest.query("UPDATE ingest.fetch SET next_at = now()")
        assert (await ingest.http.post("/v1/sources/ins7-daily/pause")).status_code == 200
        assert portal.asked == []
        assert await ingest.runs() == []
        for source in ("drop", "list"):
            await ingest.http.post(f"/v1/sources/{source}/resume")

        async def read() -> bool:
            return {run["source"] for run in await ingest.runs()} == {"drop", "list"}

        await eventually(read, what="both sources to be read")
    assert (await ingest.http.post("/v1/sources/none/pause")).status_code == 404


async def test_a_server_with_another_certificate_stops_its_source_until_somebody_looked(
    ingest: "Ingest", tmp_path: "Path"
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = PrivateAuthority(tmp_path / "one"), PrivateAuthority(tmp_path / "two")
    trusted = {"kind": "https", "ca": one.ca.read_text(), "schedule": NEVER}
    async with HttpsFeed(ingest.sheet(GOOD), tls=two.server_context()) as feed:
        await ingest.source("feed", **trusted, url=feed.url())
        answer = await ingest.http.post("/v1/sources/feed/run")
        run = await ingest.ended(answer.json()["id"])
        assert run["error"].startswith("the server's certificate is not trusted")
        await ingest.query("UPDATE ingest.fetch SET next_at = now()")

        async def shown(value: str) -> bool:
            metrics = (await ingest.http.get("/metrics")).text
            return f'careline_ingest_source_stopped{{source="feed"}} {value}' in metrics

        await eventually(lambda: shown("1.0"), what="the alarm")
        (state,) = await ingest.query("SELECT failures, stopped FROM ingest.fetch")
        assert (state["failures"], state["stopped"]) == (1, run["error"])
        await ingest.source("feed", **{**trusted, "ca": two.ca.read_text()}, url=feed.url())
        answer = await ingest.http.post("/v1/sources/feed/run")
        await ingest.ended(answer.json()["id"])
        await eventually(lambda: shown("0.0"), what="the alarm to end")
        assert set(await ingest.records()) == {"A-1"}


async def test_a_record_that_is_sent_alone_is_taken_or_refused_at_once(ingest: "Ingest") -> None:
    async def send(**changes: str) -> tuple[int, dict[str, Any]]:
        answer = await ingest.http.post("/v1/sources/ins7-daily/records", json={**ROW, **changes})
        found: dict[str, Any] = answer.json()
        return answer.status_code, found

    code, first = await send()
    assert (code, first["outcome"]) == (201, "created")
    code, same = await send()
    assert (code, same["outcome"], same["record_id"]) == (200, "unchanged", first["record_id"])
    code, changed = await send(Текст="Нет лекарства")
    assert (code, changed["outcome"]) == (200, "updated")
    assert (await ingest.run(changed["run"]))["rows"]["updated"] == 1
    code, refused = await send(Телефон="none")
    assert (code, refused["errors"][0]["path"]) == (422, "phone")
    assert (await ingest.records())["A-1"]["fields"]["text"] == "Нет лекарства"
    assert len(await ingest.runs()) == 3
    other = ingest.token("insurer", insurer="ins8")
    path = "/v1/sources/ins7-daily/records"
    assert (await ingest.http.post(path, json=ROW, headers=other)).status_code == 404


async def test_the_past_is_fetched_from_its_beginning_to_before_its_end(ingest: "Ingest") -> None:
    items = [item(n) for n in range(40)]
    span = {"from": "2026-03-02T00:10:00Z", "to": "2026-03-02T00:20:00Z"}
    async with FakePortal(PortalList(mode="since", items=items, size=7)) as portal:
        await ingest.source("list", **portal.settings(), map=MAP, schedule=NEVER)
        answer = await ingest.http.post("/v1/sources/list/backfill", json=span)
        assert answer.status_code == 202, answer.text
        run = await ingest.ended(answer.json()["id"])
        assert run["rows"]["created"] == 10
        assert set(await ingest.records()) == {f"P-{n}" for n in range(10, 20)}
        again = await ingest.http.post("/v1/sources/list/backfill", json=span)
        run = await ingest.ended(again.json()["id"])
        assert (run["rows"]["read"], run["rows"]["unchanged"]) == (10, 10)
        regular = await ingest.http.post("/v1/sources/list/run")
        run = await ingest.ended(regular.json()["id"])
        assert (run["rows"]["created"], run["rows"]["unchanged"]) == (30, 10)


async def test_a_city_is_asked_for_a_part_of_the_past_by_its_dates(ingest: "Ingest") -> None:
    subjects = {"subjects": [{"id": "001"}]}
    assert (await ingest.http.put("/v1/config", json=subjects)).status_code == 200
    city = City()
    for number in range(10):
        city.file(f"Hole {number}")
    span = {"from": "2026-03-02T00:03:00Z", "to": "2026-03-02T00:06:00Z"}
    async with FakeOpen311(city) as server:
        await ingest.source("city", **server.settings(), map={}, schedule=NEVER)
        answer = await ingest.http.post("/v1/sources/city/backfill", json=span)
        await ingest.ended(answer.json()["id"])
    assert set(await ingest.records()) == {"3", "4", "5"}


async def test_a_past_that_cannot_be_had_is_said(ingest: "Ingest") -> None:
    span = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    answer = await ingest.http.post("/v1/sources/ins7-daily/backfill", json=span)
    assert (answer.status_code, answer.json()["type"]) == (409, "no-past")
    for wrong in ({**span, "to": span["from"]}, {"from": "2026-03-02"}):
        answer = await ingest.http.post("/v1/sources/ins7-daily/backfill", json=wrong)
        assert answer.status_code == 422
