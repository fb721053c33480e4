"""The floor by intervals, against a record that the test keeps of what it did, second by second."""

import csv
import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import openpyxl
import pytest

from careline_common.clock import rfc3339

pytestmark = pytest.mark.integration

STEP_S = 600
TARGET_S = 20
URL = "/v1/reports/intervals"


@dataclass
class Told:
    """A call as it was: when it was queued, how it went on, in whole seconds from the start."""

    queued: int
    waited: int
    answered: bool
    handled: int = 0


@dataclass
class Day:
    """Plays one agent's morning and writes down what happened."""

    router: Any
    began: datetime
    calls: list[Told] = field(default_factory=list)
    doing: dict[int, str] = field(default_factory=dict)
    """What a1 did in each second."""
    now: int = 0

    async def spend(self, seconds: int, doing: str) -> None:
        for second in range(self.now, self.now + seconds):
            self.doing[second] = doing
        self.now += seconds
        self.router.clock.advance(seconds)

    async def taken(self, waits: int, talks: int, wraps: int) -> None:
        router, name = self.router, f"p-{len(self.calls)}"
        call = Told(self.now, waits, answered=True, handled=talks + wraps)
        self.calls.append(call)
        await router.arrive(name)
        offer = await router.offer("a1")
        await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent("a1"))
        await self.spend(waits, "reserved")
        told = await router.tell("call.answered", name, offer_id=offer["id"])
        await self.spend(talks, "talking")
        await router.tell("call.hung_up", name, by="caller")
        await self.spend(wraps, "wrap_up")
        done = {"disposition": "done", "resolved": True}
        where = f"/v1/calls/{told['call']['id']}/wrap-up"
        answer = await router.client.post(where, json=done, headers=router.agent("a1"))
        assert answer.status_code == 200, answer.text

    async def left(self, waits: int) -> None:
        """He gives up while a1 is at tea."""
        router, name = self.router, f"p-{len(self.calls)}"
        self.calls.append(Told(self.now, waits, answered=False))
        me = {"headers": router.agent("a1")}
        await router.client.put(
            "/v1/agents/me/state", json={"state": "not_ready", "reason": "tea"}, **me
        )
        await router.arrive(name)
        await self.spend(waits, "not_ready")
        await router.tell("call.hung_up", name, by="caller")
        await router.client.put("/v1/agents/me/state", json={"state": "ready"}, **me)

    async def play(self, chance: Random, calls: int) -> None:
        await self.router.ready("a1")
        for _ in range(calls):
            await self.spend(chance.randint(1, 240), "ready")
            if chance.random() < 0.3:
                await self.left(chance.randint(1, 60))
            else:
                await self.taken(
                    chance.randint(0, 19), chance.randint(1, 400), chance.randint(0, 29)
                )


def between(values: list[int], percent: float) -> float | None:
    """Between two values by a straight line."""
    if not values:
        return None
    ordered, place = sorted(values), percent / 100 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def mean(values: list[int]) -> float | None:
    return sum(values) / len(values) if values else None


def percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def expected(calls: list[Told]) -> dict[str, Any]:
    answered = [call for call in calls if call.answered]
    gone = [call for call in calls if not call.answered]
    in_target = sum(call.waited <= TARGET_S for call in answered)
    patient = len(calls) - sum(call.waited <= TARGET_S for call in gone)
    return {
        "offered": len(calls),
        "answered": len(answered),
        "abandoned": len(gone),
        "in_target": in_target,
        "sl_offered_pct": percent(in_target, len(calls)),
        "sl_short_abandon_pct": percent(in_target, patient),
        "asa_s": mean([call.waited for call in answered]),
        "aht_s": mean([call.handled for call in answered]),
        "lcr_pct": percent(len(gone), len(calls)),
        "p95_s": between([call.waited for call in calls], 95),
        "p99_s": between([call.waited for call in calls], 99),
    }


@pytest.mark.parametrize("seed", [1, 2])
async def test_each_interval_says_what_happened_in_it(router, seed: int) -> None:
    """Fails when `_CALLS` counts a step late, and when `_TIMES` forgets `reserved`."""
    day = Day(router, began=router.clock.now())
    await day.play(Random(seed), 14)
    bounds = {"from": rfc3339(day.began), "to": rfc3339(router.clock.now()), "step": "10m"}
    answer = await router.client.get(URL, params={**bounds, "by": "queue"}, headers=router.floor)
    assert answer.status_code == 200, answer.text
    by_slot = defaultdict(list)
    for call in day.calls:
        by_slot[call.queued // STEP_S].append(call)
    rows = answer.json()["items"]
    assert [slot_of(row, day) for row in rows] == sorted(by_slot)
    for row in rows:
        wanted = expected(by_slot[slot_of(row, day)])
        assert row["key"] == "adult"
        assert {name: row[name] for name in wanted} == pytest.approx(wanted, abs=0.011), row
    answer = await router.client.get(URL, params={**bounds, "by": "agent"}, headers=router.floor)
    seen = {
        slot_of(row, day): row["occupancy_pct"]
        for row in answer.json()["items"]
        if row["key"] == "a1"
    }
    assert seen == pytest.approx(occupancy(day), abs=0.011)


def slot_of(row: dict[str, Any], day: Day) -> int:
    return int((datetime.fromisoformat(row["from"]) - day.began).total_seconds()) // STEP_S


def occupancy(day: Day) -> dict[int, float | None]:
    busy: dict[int, int] = defaultdict(int)
    here: dict[int, int] = defaultdict(int)
    for second, doing in day.doing.items():
        here[second // STEP_S] += doing != "not_ready"
        busy[second // STEP_S] += doing in {"talking", "wrap_up"}
    return {slot: percent(busy[slot], here[slot]) for slot in here if here[slot]}


async def test_a_sheet_has_the_same_rows(router) -> None:
    await router.connect()
    router.clock.advance(60)
    await router.tell("call.hung_up", "p-1", by="caller")

    async def asked(accept: str) -> Any:
        return await router.client.get(URL, headers={**router.floor, "Accept": accept})

    (row,) = (await asked("application/json")).json()["items"]
    answer = await asked("text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert list(line) == list(row)
    assert (line["key"], line["offered"], line["aht_s"]) == ("adult", "1", "60.0")
    answer = await asked("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    page = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    head, cells = page.iter_rows(values_only=True)
    assert list(head) == list(row)
    assert dict(zip(head, cells, strict=True))["aht_s"] == 60


async def test_by_every_key(router) -> None:
    await router.connect()
    router.clock.advance(5)
    keys = {
        "queue": "adult", "agent": "a1", "team": "t1", "payer": "unknown", "line": "+74950000001",
        "site": "msk",
    }  # fmt: skip
    for by, key in keys.items():
        answer = await router.client.get(URL, params={"by": by}, headers=router.floor)
        rows = {row["key"]: row for row in answer.json()["items"]}
        assert rows[key]["offered"] == 1, by
        assert (rows[key]["occupancy_pct"] is None) == (by in {"queue", "payer", "line"})


async def test_a_supervisor_sees_the_figures_of_his_own(router) -> None:
    await router.connect()
    router.clock.advance(5)
    for who, seen in (("sup1", {"a1"}), ("sup2", set()), ("sup9", set())):
        headers = router.bearer(who, "supervisor")
        answer = await router.client.get(URL, params={"by": "agent"}, headers=headers)
        assert {row["key"] for row in answer.json()["items"]} == seen, who
    answer = await router.client.get(URL, headers=router.agent("a1"))
    assert answer.status_code == 403


async def test_a_date_is_a_day_of_utc_and_a_bare_plus_an_offset(router) -> None:
    await router.arrive()
    day = router.clock.now().date()
    moments = {"from": f"{day}T00:00:00Z", "to": f"{day + timedelta(days=1)}T00:00:00Z"}
    whole = (await router.client.get(URL, params=moments, headers=router.floor)).json()
    assert sum(row["offered"] for row in whole["items"]) == 1
    offset = f"from={day}T03:00:00+03:00&to={day + timedelta(days=1)}T03:00:00+03:00"
    for query in (f"from={day}&to={day}", f"to={day}", f"to={moments['to']}", offset):
        answer = await router.client.get(f"{URL}?{query}", headers=router.floor)
        assert (answer.status_code, answer.json()) == (200, whole), query


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"by": "weather"}, "by"),
        ({"step": "0m"}, "step"),
        ({"step": "half an hour"}, "step"),
        ({"step": "1m", "from": "2020-01-01T00:00:00Z"}, "step"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
        ({"from": "2026-01-02T00:00:00"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "yesterday"}, "from"),
    ],
)
async def test_what_cannot_be_asked_is_said(shared_router, asked, field) -> None:
    answer = await shared_router.client.get(URL, params=asked, headers=shared_router.floor)
    assert answer.status_code == 422
    assert field in answer.text


async def test_a_time_before_everything_is_empty(shared_router) -> None:
    span = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "by": "agent"}
    answer = await shared_router.client.get(URL, params=span, headers=shared_router.floor)
    assert answer.json()["items"] == []
