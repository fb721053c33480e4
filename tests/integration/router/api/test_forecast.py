"""What the API foretells from the calls that it has recorded."""

import csv
import io
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from scipy.stats import poisson

pytestmark = pytest.mark.integration

URL = "/v1/forecast"
MOSCOW = ZoneInfo("Europe/Moscow")
A_DAY = """
    INSERT INTO router.call_record
        (id, pbx, pbx_call_id, line, control, queue, payer, state,
         arrived_at, queued_at, answered_at, ended_at, wrapped_up_at, outcome)
    SELECT $1 || n, 'pbx1', $1 || n, '+74950000001', 'events', 'adult', 'unknown', 'ended', at, at,
        CASE WHEN n % 10 > 0 THEN at + interval '10 s' END, at + interval '190 s',
        CASE WHEN n % 10 > 0 THEN at + interval '200 s' END,
        CASE WHEN n % 10 > 0 THEN 'handled' ELSE 'abandoned' END
    FROM (SELECT n, $2::timestamptz + n * $3::interval AS at FROM generate_series(0, $4::int - 1) AS n) AS calls
"""


async def past_days(database_url: str, today: datetime, days: int) -> None:
    """From ten to twelve in Moscow, on each day before: eight calls every half hour, on Mondays sixteen."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        for age in range(1, days + 1):
            day = today.astimezone(MOSCOW).replace(hour=10, minute=0) - timedelta(days=age)
            calls = 64 if day.weekday() == 0 else 32
            between = timedelta(hours=2) / calls
            await connection.execute(A_DAY, f"d{age}-", day, between, calls)
    finally:
        await connection.close()


async def test_the_half_hours_of_the_coming_days_are_foretold(router, database_url) -> None:
    now = router.clock.now().replace(hour=9, minute=10)
    await past_days(database_url, now, 29)
    answer = await router.client.get(URL, params={"days": 7}, headers=router.floor)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["zone"] == "Europe/Moscow"
    starts = sorted({row["from"] for row in told["items"]})
    first = datetime.fromisoformat(starts[0])
    assert first >= router.clock.now() > first - timedelta(minutes=30)
    assert len(starts) == 48 * 7
    facts = {row["queue"]: row for row in told["queues"]}
    assert facts["adult"]["note"] is None
    assert facts["adult"]["days"] == 28
    assert facts["adult"]["aht_s"] == pytest.approx(190, abs=1)
    for row in (row for row in told["items"] if row["queue"] == "adult"):
        local = datetime.fromisoformat(row["from"]).astimezone(MOSCOW)
        mean = 0 if not 10 <= local.hour < 12 else 16 if local.weekday() == 0 else 8
        assert row["expected"] == pytest.approx(mean, rel=0.1), row
        assert row["low"] <= poisson.ppf(0.06, mean) if mean else row["low"] == 0
        assert row["high"] >= poisson.ppf(0.94, mean) if mean else row["high"] == 0
        assert (row["staff"] > 0) == (mean > 0)
        assert row["staff"] <= row["staff_high"]


async def test_too_little_history_is_said(router, database_url) -> None:
    await past_days(database_url, router.clock.now(), 6)
    told = (await router.client.get(URL, params={"days": 1}, headers=router.admin)).json()
    assert {row["queue"] for row in told["items"]} == {"adult", "child"}
    for row in told["items"]:
        assert row["expected"] is row["low"] is row["high"] is row["staff"] is None
    notes = {row["queue"]: row["note"] for row in told["queues"]}
    assert notes["adult"].startswith("too little history: 5 whole days with ")
    assert notes["child"].startswith("too little history: 0 whole days with 0 calls")


async def test_a_sheet_has_the_half_hours(shared_router) -> None:
    headers = {**shared_router.admin, "Accept": "text/csv"}
    answer = await shared_router.client.get(URL, params={"days": 1}, headers=headers)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 48 * 2
    assert list(rows[0]) == ["from", "queue", "expected", "low", "high", "staff", "staff_high"]


@pytest.mark.parametrize("days", ["0", "29", "-1", "a week", ""])
async def test_days_that_cannot_be_foretold_are_refused(shared_router, days) -> None:
    answer = await shared_router.client.get(URL, params={"days": days}, headers=shared_router.admin)
    assert answer.status_code == 422
    assert "days" in answer.text
