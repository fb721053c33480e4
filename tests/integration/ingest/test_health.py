"""The page of a source's health, and the alarm of a feed that does not bring what it should."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

GOOD = "A-{};89161234567;Нет лекарства;01.03.2026 09:30"
BAD = "A-99;none;Очередь;01.03.2026 09:30"


async def health(ingest: "Ingest") -> dict[str, Any]:
    answer = await ingest.http.get("/v1/sources/ins7-daily/health")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_source_says_what_came_what_waits_and_what_is_wrong(ingest: "Ingest") -> None:
    await ingest.source(expected={"rows": 3, "high_pct": 100}, zone="UTC")
    assert (await health(ingest))["problems"] == ["drifting", "missing"]
    await ingest.read(ingest.sheet(*(GOOD.format(n) for n in range(9)), BAD))
    await ingest.read(ingest.sheet(*(GOOD.format(n) for n in range(9)), BAD, GOOD.format(9)))
    found = await health(ingest)
    # ten rows and one more were news; the rest came again
    assert (found["days"][0]["files"], found["days"][0]["rows"]) == (2, 12)
    assert (found["days"][0]["expected"], found["quarantined"]) == (3, 2)
    assert found["problems"] == ["doubled", "drifting", "missing"]
    assert len(found["days"]) == 28
    service = ingest.service.app.state.volumes
    await service.round()
    metrics = (await ingest.http.get("/metrics")).text
    for problem, value in (("doubled", 1), ("missing", 1), ("short", 0)):
        line = f'careline_ingest_feed_volume{{problem="{problem}",source="ins7-daily"}} {value}.0'
        assert line in metrics


async def test_the_page_is_html_for_a_browser_and_quotes_what_it_shows(ingest: "Ingest") -> None:
    await ingest.query(
        "INSERT INTO ingest.fetch (source, failures, stopped) VALUES ($1, 2, $2)",
        "ins7-daily", "<script>alert(1)</script>",
    )  # fmt: skip
    answer = await ingest.http.get(
        "/v1/sources/ins7-daily/health", headers={"Accept": "text/html,*/*"}
    )
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>ins7-daily</h1>" in answer.text
    assert "stopped, failing" in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "<script>" not in answer.text


async def test_an_insurer_sees_the_health_of_his_own_sources_alone(ingest: "Ingest") -> None:
    answer = await ingest.http.put("/v1/config", json={"insurers": [{"id": "ins7"}]})
    assert answer.status_code == 200
    await ingest.source(insurer="ins7")
    for insurer, status in (("ins7", 200), ("ins8", 404)):
        headers = ingest.token("insurer", insurer=insurer)
        answer = await ingest.http.get("/v1/sources/ins7-daily/health", headers=headers)
        assert answer.status_code == status
