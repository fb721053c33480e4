"""Surges in the running journal: found within a minute, told once, given a case, closed by themselves."""

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import pytest_asyncio
from arrivals import poisson

from careline_tickets.surge_looking import Look, alerts_of
from careline_tickets.surging import SurgeDesk

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

TODAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COPY = """
    INSERT INTO tickets.ticket (id, number, tracking_code, status, level, channel, kind, subject,
        territory, organisation, insurer, experts, returns, registered_at, updated_at, version, chain)
    SELECT 'old-' || n, 'old-' || n, 'old-' || n, 'closed', 1, 'phone', 'complaint', s, '46', o, 'ins7',
        '{}', 0, at, at, 1, ''
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) AS row (n, o, s, at)"""


async def fill(desk: "Desk", *, days: int, bursts: dict[int, int], until: int = 1) -> None:
    """Appeals of the last days, 8 a day about h1 and h2 each; `bursts` are more for h1 by days ago."""
    rng = random.Random(7)
    rows = []
    for ago in range(days, until - 1, -1):
        for organisation in ("h1", "h2"):
            extra = bursts.get(ago, 0) if organisation == "h1" else 0
            at = TODAY - timedelta(days=ago)
            rows += [(organisation, at)] * (poisson(rng, 8.0) + extra)
    connection = await asyncpg.connect(desk.database_url)
    first = await connection.fetchval("SELECT count(*) FROM tickets.ticket")
    await connection.execute(
        COPY,
        [first + n for n in range(len(rows))],
        [organisation for organisation, _ in rows],
        ["refusal"] * len(rows),
        [at for _, at in rows],
    )
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def surges(desk: "Desk") -> SurgeDesk:
    found: SurgeDesk = desk.service.app.state.office.surges
    return found


async def listed(desk: "Desk", **params: Any) -> list[dict[str, Any]]:
    answer = await desk.boss.get("surges", **params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def told(desk: "Desk") -> list[str]:
    rows = await desk.query(
        "SELECT type, event_id FROM tickets.outbox WHERE type LIKE '%surge%' ORDER BY id"
    )
    return [f"{row['type']} {row['event_id']}" for row in rows]


async def test_a_process_of_its_own_finds_the_same_surges(desk: "Desk") -> None:
    await fill(desk, days=90, bursts={1: 50})
    database = desk.service.app.state.office.database
    yesterday = (TODAY - timedelta(days=1)).date()
    look = Look(first=yesterday, last=yesterday, zone="Europe/Moscow", quiet=frozenset(), known={})
    here, apart = [await alerts_of(database, look, most) for most in (10_000, 0)]
    assert [alert.key.organisation for alert in here] == ["h1"]
    assert apart == here


async def test_a_burst_of_today_opens_one_alert_with_a_case(
    desk: "Desk", surges: SurgeDesk
) -> None:
    await fill(desk, days=90, bursts={})
    await surges.look()
    assert await listed(desk) == []
    await fill(desk, days=0, bursts={0: 50}, until=0)
    for _ in range(2):
        await surges.look()
    (surge,) = await listed(desk, status="open")
    assert (surge["organisation"], surge["status"]) == ("h1", "open")
    assert surge["observed"] > 2 * surge["expected"]
    assert surge["insurers"] == ["ins7"]
    assert surge["closed_at"] is None
    case = (await desk.boss.get(f"tickets/{surge['ticket']}")).json()
    assert (case["kind"], case["organisation"]) == ("application", "h1")
    (event,) = await told(desk)
    assert event.startswith("careline.surge.opened.v1")
    path = f"surges/{surge['id']}/appeals"
    page = (await desk.boss.get(path, limit=200)).json()["items"]
    assert len(page) >= surge["observed"]
    assert {one["organisation"] for one in page} == {"h1"}
    assert surge["ticket"] not in {one["id"] for one in page}, "the case is none of them"
    assert all(one["text"] is None for one in page)
    his = (await desk.insurer.get(path)).json()["items"]
    assert {one["insurer"] for one in his} == {"ins7"}
    other = desk.person("insurer", subject="op8", insurer="ins8")
    assert (await other.get(path)).status_code == 404
    assert (await desk.boss.get("surges/nothing/appeals")).status_code == 404
    assert (await desk.person("pbx").get(path)).status_code == 403
    assert await listed(desk, status="closed") == []


async def test_an_open_alert_closes_by_itself_and_tells_it_once(
    desk: "Desk", surges: SurgeDesk
) -> None:
    await fill(desk, days=90, bursts={2: 40, 1: 40})
    await surges.look()
    events = dict.fromkeys(await told(desk))
    for _ in range(5):
        desk.clock.advance(timedelta(days=1).total_seconds())
        ago = -((desk.clock.now() - TODAY).days)
        await fill(desk, days=ago, bursts={}, until=ago)
        await surges.look()
        events |= dict.fromkeys(await told(desk))
    (surge,) = await listed(desk)
    assert surge["status"] == "closed"
    assert [event.split()[0] for event in events] == [
        "careline.surge.opened.v1",
        "careline.surge.closed.v1",
    ]


async def test_past_days_are_replayed_and_a_second_replay_changes_nothing(desk: "Desk") -> None:
    await fill(desk, days=150, bursts={40: 30, 39: 30, 38: 30, 37: 30})
    body = {"from": "2025-12-20", "to": "2026-02-20"}
    admin = desk.person("admin")
    for _ in range(2):
        answer = await admin.post("surges/evaluate", body, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {**body, "opened": 1, "closed": 1}
    (surge,) = await listed(desk, status="all", **{"from": "2026-01-20", "to": "2026-01-23"})
    assert surge["organisation"] == "h1"
    opened = datetime.fromisoformat(surge["opened_at"])
    assert opened.date() in {TODAY.date() - timedelta(days=40), TODAY.date() - timedelta(days=39)}
    assert datetime.fromisoformat(surge["closed_at"]) < TODAY - timedelta(days=30)
    again = await admin.post("surges/evaluate", body)
    assert again.json() == {**body, "opened": 0, "closed": 0}
    assert await listed(desk) == [surge]
    assert await listed(desk, **{"from": "2026-01-24"}) == []
    assert await told(desk) == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"from": "2026-02-30", "to": "2026-03-01"}, "from"),
        ({"from": "0001-01-01", "to": "0001-02-01"}, "from"),
        ({"from": "2026-03-01", "to": "2026-02-01"}, "to"),
        ({"from": "2027-03-01", "to": "2027-03-02"}, "from"),
        ({"from": "2020-03-01", "to": "2026-03-02"}, "to"),
        ({"to": "2026-03-02"}, "from"),
    ],
)
async def test_days_that_cannot_be_replayed_are_refused(
    desk: "Desk", body: dict[str, str], path: str
) -> None:
    answer = await desk.person("admin").post("surges/evaluate", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == path


async def test_who_may_look_and_who_may_replay(desk: "Desk", surges: SurgeDesk) -> None:
    await fill(desk, days=90, bursts={1: 60})
    await surges.look()
    body = {"from": "2026-02-01", "to": "2026-02-02"}
    assert (await desk.boss.post("surges/evaluate", body)).status_code == 403
    assert (await desk.nobody.get("surges")).status_code == 401
    assert (await desk.person("pbx").get("surges")).status_code == 403
    assert len((await desk.insurer.get("surges")).json()["items"]) == 1
    other = desk.person("insurer", subject="op8", insurer="ins8")
    assert (await other.get("surges")).json()["items"] == []
