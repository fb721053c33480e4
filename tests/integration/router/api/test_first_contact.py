"""Resolved at first contact, held against the same counted call by call."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from careline_router.domain.proportions import wilson_pct

pytestmark = pytest.mark.integration

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
SINCE, UNTIL = FIRST + timedelta(days=10), FIRST + timedelta(days=20)
WITHIN = timedelta(days=7)


def days() -> list[dict[str, Any]]:
    """Three hundred calls of forty numbers in thirty days; some were not answered, some not wrapped up."""
    chance = random.Random(7)
    calls = []
    for number in range(300):
        at = FIRST + timedelta(minutes=chance.randrange(30 * 24 * 60))
        answered = chance.random() < 0.9
        calls.append(
            {
                "id": f"c{number}",
                "who": bytes([chance.randrange(40)]) if chance.random() < 0.95 else None,
                "arrived_at": at,
                "answered_at": at if answered else None,
                "ended_at": at + timedelta(minutes=3),
                "agent": chance.choice(("a1", "a2")) if answered else None,
                "resolved": chance.random() < 0.7,
                "wrapped_up_at": at if answered and chance.random() < 0.9 else None,
            }
        )
    return calls


def expected(calls: list[dict[str, Any]], agent: str) -> tuple[int, int, int, int]:
    wrapped = resolved = first_ones = at_first = 0
    for call in calls:
        if call["wrapped_up_at"] is None or call["agent"] != agent:
            continue
        if not SINCE <= call["ended_at"] < UNTIL:
            continue
        others = [c for c in calls if c["who"] == call["who"] and c["id"] != call["id"]]
        before = [
            c
            for c in others
            if c["answered_at"] and timedelta(0) < call["arrived_at"] - c["arrived_at"] <= WITHIN
        ]
        again = [
            c for c in others if call["arrived_at"] < c["arrived_at"] <= call["ended_at"] + WITHIN
        ]
        first = call["who"] is not None and not before
        wrapped += 1
        resolved += call["resolved"]
        first_ones += first
        at_first += bool(first and call["resolved"] and not again)
    return wrapped, resolved, first_ones, at_first


async def test_first_contacts_are_counted_as_call_by_call(router, database_url):
    calls = days()
    connection = await asyncpg.connect(database_url)
    try:
        for call in calls:
            await connection.execute(
                "INSERT INTO router.call_record (id, pbx, pbx_call_id, line, control, queue, payer, state,"
                " arrived_at, answered_at, ended_at, agent, resolved, wrapped_up_at)"
                " VALUES ($1, 'pbx1', $1, '+7', 'commands', 'adult', 'cash', 'ended', $2, $3, $4, $5, $6, $7)",
                *(call[name] for name in (
                    "id", "arrived_at", "answered_at", "ended_at", "agent", "resolved", "wrapped_up_at",
                )),
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO router.call_contact (call_id, lookup_hmac) VALUES ($1, $2)",
                call["id"],
                call["who"],
            )
    finally:
        await connection.close()
    span = {"from": SINCE.isoformat(), "to": UNTIL.isoformat(), "by": "agent"}
    answer = await router.client.get("/v1/reports/first-contact", params=span, headers=router.floor)
    assert answer.status_code == 200, answer.text
    for row in answer.json()["items"]:
        counts = tuple(
            row[name] for name in ("wrapped_up", "resolved", "first_contacts", "resolved_at_first")
        )
        assert counts == expected(calls, row["key"])
        assert counts[3] > 0
        assert (row["fcr_pct"], row["low_pct"], row["high_pct"]) == wilson_pct(counts[3], counts[2])
    assert len(answer.json()["items"]) == 2
