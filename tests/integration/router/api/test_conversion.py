"""Calls turned into appointments, by whatever they are told apart by."""

from typing import Any

import asyncpg
import pytest

from careline_router.domain.proportions import wilson_pct

pytestmark = pytest.mark.integration

DAY = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
CALLS = """
    INSERT INTO router.call_record
        (id, pbx, pbx_call_id, line, control, queue, payer, state, arrived_at, answered_at, ended_at, agent, team, booking)
    SELECT 'c' || n, 'pbx1', 'p' || n, '+74950000001', CASE WHEN n <= 50 THEN 'commands' ELSE 'desk' END,
        CASE WHEN n % 2 = 0 THEN 'adult' ELSE 'child' END, CASE WHEN n % 4 = 0 THEN 'cash' ELSE 'insured' END,
        'ended', at, CASE WHEN n <= 40 OR n > 50 THEN at END, at + interval '1 minute',
        CASE WHEN n % 2 = 0 THEN 'a1' ELSE 'a2' END, CASE WHEN n % 2 = 0 THEN 't1' ELSE 't2' END,
        CASE WHEN n <= 4 THEN jsonb_build_object('result', 'booked', 'appointment_id', 'theirs-' || n, 'clinic', 'south')
             WHEN n <= 10 THEN '{"result": "not_booked", "reason": "price", "clinic": "north"}'
             WHEN n = 23 THEN '{"result": "booked", "appointment_id": "x4"}'
             WHEN n <= 12 THEN '{"result": "not_booked", "reason": "=no_slot"}' END
    FROM generate_series(1, 60) AS n,
        LATERAL (SELECT timestamptz '2026-03-02T10:00:00Z' + n * interval '1 minute' AS at) AS moment"""
APPOINTMENTS = """
    INSERT INTO router.appointment (id, call_id, agent, clinic, standing, made_at, ordered_at)
    VALUES ('x1', 'c21', 'a2', 'north', 'booked', now(), now()), ('x2', 'c21', 'a2', 'north', 'booked', now(), now()),
        ('x3', 'c22', 'a1', 'north', 'cancelled', now(), now()), ('x4', 'c23', 'a2', 'south', NULL, now(), now())"""


@pytest.fixture
async def day(router: Any, database_url: str) -> Any:
    """Forty calls that were answered, ten that were not, and ten appeals, which are no calls."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(CALLS)
        await connection.execute(APPOINTMENTS)
    finally:
        await connection.close()
    return router


async def report(router: Any, by: str, headers: dict[str, str] | None = None) -> dict[Any, Any]:
    answer = await router.client.get(
        "/v1/reports/conversion", params={**DAY, "by": by}, headers=headers or router.floor
    )
    assert answer.status_code == 200, answer.text
    return {row["key"]: row for row in answer.json()["items"]}


async def test_calls_are_counted_once_with_what_came_of_them(day):
    rows = await report(day, "line")
    row = rows["+74950000001"]
    assert (row["answered"], row["wanted"], row["booked"]) == (40, 15, 6)
    assert (row["conversion_pct"], row["low_pct"], row["high_pct"]) == wilson_pct(6, 40)
    assert row["of_wanted_pct"] == 40.0
    assert row["reasons"] == {"price": 6, "=no_slot": 2}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("queue", {"adult": (20, 3), "child": (20, 3)}),
        ("agent", {"a1": (20, 3), "a2": (20, 3)}),
        ("team", {"t1": (20, 3), "t2": (20, 3)}),
        ("payer", {"cash": (10, 1), "insured": (30, 5)}),
        ("clinic", {"south": (5, 4), "north": (8, 2), None: (27, 0)}),
    ],
)
async def test_each_key_has_its_own(day, by, expected):
    rows = await report(day, by)
    assert {key: (row["answered"], row["booked"]) for key, row in rows.items()} == expected


async def test_a_supervisor_sees_the_agents_of_his_teams(day):
    assert set(await report(day, "agent", day.bearer("sup1", "supervisor"))) == {"a1"}
    assert set(await report(day, "queue", day.bearer("sup1", "supervisor"))) == {"adult", "child"}


async def test_it_is_had_as_csv_without_formulas(day):
    answer = await day.client.get(
        "/v1/reports/conversion",
        params=DAY,
        headers={**day.floor, "Accept": "text/csv"},
    )
    assert answer.headers["content-type"].startswith("text/csv")
    head, adult, _ = answer.text.splitlines()
    assert head.startswith("key,answered,wanted,booked,conversion_pct,low_pct,high_pct")
    assert adult.startswith("adult,20,")
    assert "'=no_slot: 1; price: 3" in adult


async def test_a_time_that_ends_before_it_begins_is_refused(shared_router):
    answer = await shared_router.client.get(
        "/v1/reports/conversion",
        params={"from": DAY["to"], "to": DAY["from"]},
        headers=shared_router.floor,
    )
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "from")
