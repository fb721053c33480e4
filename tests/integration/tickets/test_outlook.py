"""Growth by direction and marks of changes, over a real database."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FILL = """
    INSERT INTO tickets.ticket (id, number, tracking_code, status, level, channel, kind, subject,
        experts, returns, registered_at, updated_at, version, chain)
    SELECT k, k, k, 'closed', 1, 'phone', 'complaint', $2, '{}', 0, $3, $3, 1, ''
    FROM (SELECT $2 || $3::timestamptz || n AS k FROM generate_series(1, $1::int) n) AS row"""


async def week(desk: "Desk", weeks_ago: int, subject: str, number: int) -> None:
    await desk.query(FILL, number, subject, MONDAY - timedelta(weeks=weeks_ago))


async def test_what_grows_is_told_from_what_does_not(desk: "Desk") -> None:
    for ago in range(1, 21):
        await week(desk, ago, "steady", 40 + ago % 2)
        await week(desk, ago, "growing", round(100 * 0.92**ago))
    await week(desk, 1, "new", 3)
    items = (await desk.boss.get("forecast", by="subject")).json()["items"]
    shown = {item["key"]: item for item in items}
    assert [item["key"] for item in items] == ["growing", "steady", "new"]
    growing, steady = shown["growing"], shown["steady"]
    assert growing["grows"]
    assert growing["growth_low_pct"] > 0
    assert not steady["grows"]
    assert steady["growth_low_pct"] <= 0 <= steady["growth_high_pct"]
    assert growing["weeks"][0]["week"] == "2026-03-02"
    first = growing["weeks"][0]
    assert first["low"] < first["expected"] < first["high"]
    assert len(growing["weeks"]) == 4
    assert (shown["new"]["growth_pct"], shown["new"]["weeks"]) == (None, [])
    assert (shown["new"]["rank"], shown["new"]["rank_before"]) == (3, None)
    assert (await desk.boss.get("forecast", by="nothing")).status_code == 422
    assert (await desk.insurer.get("forecast")).status_code == 403


async def test_a_change_is_marked_and_compared(desk: "Desk") -> None:
    for ago in range(3, 7):
        await week(desk, ago, "refusal", 28)
    for ago in (1, 2):
        await week(desk, ago, "refusal", 56)
    at = (MONDAY - timedelta(weeks=2, days=1)).isoformat()
    body = {"at": at, "title": "New circular", "subject": "refusal"}
    answer = await desk.boss.post("changes", body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201, answer.text
    mark = answer.json()
    assert (mark["before"], mark["after"], mark["after_days"]) == (112, 112, 15.0)
    assert mark["change_pct"] == pytest.approx(100 * (112 / 15 / 4 - 1), abs=0.1)
    again = await desk.boss.post("changes", body, headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == mark["id"]
    assert (await desk.boss.get("changes")).json()["items"] == [mark]
    assert answer.headers["location"].endswith(f"/v1/changes/{mark['id']}")
    assert (await desk.boss.get(f"changes/{mark['id']}")).json() == mark
    assert (await desk.boss.get("changes/none")).status_code == 404
    assert (await desk.insurer.get(f"changes/{mark['id']}")).status_code == 403
    assert (await desk.agent.post("changes", body)).status_code == 403
    assert (await desk.boss.post("changes", {**body, "title": " "})).status_code == 422
    for never in ("9999-12-31T00:00:00Z", "9999-12-31T23:59:59-05:00", "1899-12-31T00:00:00Z"):
        refused = await desk.boss.post("changes", {**body, "at": never})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "at")
