"""What is promised and agreed: returns, reopening, merging, extending, and the steps of clocks."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from careline_common.testing.waiting import eventually

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

COMPLAINT = {"kind": "complaint", "subject": "refusal"}
DAY_S = 86_400.0
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


async def configure(desk: "Desk", **deadline: Any) -> None:
    """Other promises, and a department that has a head."""
    clocks = {"level1": "1h", "level2": "4h", "insurer": "3d", "review": "1d", "statutory": "30d"}
    entry = {"id": "default", "calendar": "c1", "clocks": clocks} | deadline
    group = {"id": "l2-care", "level": 2, "users": ["spec1", "spec2"], "head": "chief"}
    always = {"id": "always", "zone": "UTC", "weekly": {day: ["00:00-24:00"] for day in DAYS}}
    document = {"calendars": [always], "groups": [group], "deadlines": [entry]}
    answer = await desk.person("admin").put("config", document)
    assert answer.status_code == 200, answer.text


def due(ticket: dict[str, Any]) -> dict[str, str]:
    return {clock["kind"]: clock["due_at"] for clock in ticket["clocks"]}


async def history(desk: "Desk", ticket: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await desk.boss.get(f"tickets/{ticket['id']}/history")).json()[
        "items"
    ]
    return items


async def test_an_answer_is_returned_as_often_as_agreed_and_then_goes_to_the_head(
    desk: "Desk",
) -> None:
    await configure(desk, returns={"max": 2, "rework": "1d"})
    ticket = await desk.boss.does(await desk.boss.register(**COMPLAINT), "take")
    ticket = await desk.boss.does(ticket, "send_to_insurer", insurer="ins7")
    assert due(ticket)["insurer"] == "2026-03-05T21:00:00Z"
    for number in (1, 2):
        ticket = await desk.insurer.does(ticket, "insurer_answer", text="All was right")
        ticket = await desk.boss.does(ticket, "return", reason="says too little")
        assert (ticket["status"], ticket["returns"]) == ("with_insurer", number)
        assert due(ticket)["insurer"] == "2026-03-03T21:00:00Z", "the time for rework is its own"
    ticket = await desk.insurer.does(ticket, "insurer_answer", text="All was right")
    ticket = await desk.boss.does(ticket, "return", reason="again")
    assert (ticket["status"], ticket["level"], ticket["owner"]) == ("in_work", 3, "chief")
    assert (ticket["returns"], ticket["group"]) == (3, "l2-care")


async def test_after_three_returns_the_head_decides_where_nothing_else_is_agreed(
    desk: "Desk",
) -> None:
    ticket = await desk.boss.does(await desk.boss.register(**COMPLAINT), "take")
    levels = []
    for _ in range(4):
        ticket = await desk.boss.does(ticket, "answer", text="done")
        ticket = await desk.boss.does(ticket, "return", reason="no")
        levels.append((ticket["status"], ticket["level"]))
    assert levels == [("in_work", 1)] * 3 + [("in_work", 3)]
    assert ticket["owner"] is None, "no head is configured: whoever may takes it"


async def closed(desk: "Desk", **fields: Any) -> dict[str, Any]:
    ticket = await desk.boss.does(await desk.boss.register(**fields), "take")
    desk.clock.advance(600)
    return await desk.boss.does(
        ticket, "close", outcome="justified", answer="sorry", root_cause="queue", remedy="paid"
    )


async def test_within_the_window_an_appeal_is_reopened_by_the_rule_that_was_promised(
    desk: "Desk",
) -> None:
    expected = {
        "continue": {"level1": "2026-03-02T10:10:00Z", "statutory": "2026-04-01T21:00:00Z"},
        "statutory": {"statutory": "2026-04-01T21:00:00Z"},
        "restart": {"level1": "2026-03-02T10:10:00Z", "statutory": "2026-04-01T21:00:00Z"},
    }
    for rule, clocks in expected.items():
        await configure(desk, reopen={"within": "10d", "clocks": rule})
        moved = desk.clock.now()
        ticket = await closed(desk)
        assert ticket["root_cause"] == "queue"
        if rule == "restart":
            desk.clock.advance(DAY_S)
        ticket = await desk.specialist.does(ticket, "reopen", reason="it was not")
        assert (ticket["status"], ticket["reopens"], ticket["root_cause"]) == ("in_work", 1, None)
        if rule == "restart":
            assert due(ticket)["statutory"] == "2026-04-02T21:00:00Z"
            assert due(ticket)["level1"] > "2026-03-03"
        else:
            shift = (moved.hour, moved.minute)
            assert set(due(ticket)) == set(clocks), shift
            assert due(ticket)["statutory"] == clocks["statutory"]
        assert (await history(desk, ticket))[-1]["after"]["reopen_clocks"] == rule


async def test_later_a_new_appeal_goes_on_from_it(desk: "Desk") -> None:
    await configure(desk, reopen={"within": "10d"})
    old = await closed(desk, person={"name": "Anna"}, call_id="call-1", **COMPLAINT)
    desk.clock.advance(11 * DAY_S)
    empty = await desk.specialist.act(old, "reopen", reason=" ")
    assert empty.status_code == 422
    answer = await desk.specialist.act(old, "reopen", reason="It hurts again")
    assert answer.status_code == 201
    new = answer.json()
    assert answer.headers["location"].endswith(f"/v1/tickets/{new['id']}")
    assert (new["status"], new["follows"], new["kind"]) == ("new", old["id"], "complaint")
    whole = (await desk.boss.get(f"tickets/{new['id']}")).json()
    assert (whole["person"]["name"], whole["text"]) == ("Anna", "It hurts again")
    old = (await desk.boss.get(f"tickets/{old['id']}")).json()
    assert (old["status"], old["followed_by"]) == ("closed", new["id"])
    again = await desk.specialist.act(old, "reopen", reason="It hurts again")
    assert again.status_code == 409
    assert new["id"] in again.json()["detail"]


async def test_a_merged_appeal_hands_on_its_registration_and_its_strictest_deadlines(
    desk: "Desk",
) -> None:
    old = await desk.boss.register(registered_at="2026-02-20T09:00:00Z")
    young = await desk.boss.does(await desk.boss.register(), "take")
    old = await desk.boss.does(old, "take")
    await desk.boss.does(old, "merge", into=young["id"])
    kept = (await desk.boss.get(f"tickets/{young['id']}")).json()
    assert kept["registered_at"] == "2026-02-20T09:00:00Z"
    assert due(kept)["statutory"] == due(old)["statutory"] == "2026-03-22T21:00:00Z"
    assert (await history(desk, kept))[-1]["action"] == "absorb"
    later = await desk.boss.does(await desk.boss.register(), "take")
    await desk.boss.does(later, "merge", into=kept["id"])
    same = (await desk.boss.get(f"tickets/{kept['id']}")).json()
    assert same["version"] == kept["version"], "nothing stricter was promised there"
    stale = await desk.boss.act(young, "merge", into=later["id"])
    assert stale.status_code == 422, "a circle is none whatever the version"
    ended = await desk.boss.does(kept, "close", outcome="information", answer="at nine")
    other = await desk.boss.does(await desk.boss.register(), "take")
    assert (await desk.boss.act(other, "merge", into=ended["id"])).status_code == 422


async def test_an_extension_keeps_who_approved_of_it_and_what_was_promised_before(
    desk: "Desk",
) -> None:
    ticket = await desk.specialist.does(await desk.specialist.register(), "take")
    ticket = await desk.specialist.does(
        ticket, "extend", days=10, reason="enquiry", approver="chief"
    )
    ticket = await desk.boss.does(ticket, "extend", days=5, reason="enquiry")
    assert due(ticket)["statutory"] == "2026-04-16T21:00:00Z"
    assert ticket["extended_days"] == 15
    lines = await history(desk, ticket)
    assert [line["after"].get("extended_by") for line in lines[-2:]] == ["chief", "boss"]
    assert [line["after"]["extended_days"] for line in lines[-2:]] == [10, 15]
    rows = await desk.query(
        "SELECT generation, stopped_at IS NULL AS runs FROM tickets.clock"
        " WHERE kind = 'statutory' ORDER BY generation"
    )
    assert [row["runs"] for row in rows] == [False, False, True]


STEPS = [
    {"clock": "level1", "at": "50%", "do": "notify", "to": "owner"},
    {"clock": "level1", "at": "breach", "do": "escalate", "to_level": 2},
    {"clock": "level1", "at": "+1h", "do": "event"},
    {"clock": "level2", "at": "0%", "do": "reassign", "to": "group"},
    {"clock": "level2", "at": "-4h", "do": "raise_priority"},
    {"clock": "statutory", "at": "-1d", "do": "reassign", "to": "head"},
    {"clock": "statutory", "at": "breach", "do": "notify", "to": "head"},
]
"""By the database's clock all of them are due: this journal's own clock stands in March, and level 2
has its four hours from now on, around the clock."""


async def fired(desk: "Desk") -> list[dict[str, Any]]:
    rows = await desk.query(
        "SELECT convert_from(body, 'utf8') AS body FROM tickets.outbox"
        " WHERE type = 'careline.ticket.step_fired.v1' ORDER BY id"
    )
    return [json.loads(row["body"])["data"] for row in rows]


async def test_steps_do_what_they_say_and_are_told(desk: "Desk") -> None:
    await configure(desk, steps=STEPS, calendars={"level2": "always"})
    ticket = await desk.agent.register(**COMPLAINT)

    async def all_done() -> bool:
        return len(await fired(desk)) == 6

    await eventually(all_done, within_s=10)
    events = {event["step"]: event for event in await fired(desk)}
    assert "level1:+1h:event" not in events, "the clock had stopped: the appeal was at level 2"
    assert events["level1:50%:notify"]["to"] == [], "nobody owned it"
    up = events["level1:breach:escalate"]
    assert (up["level"], up["group"], up["owner"]) == (2, "l2-care", "spec1")
    assert up["due_at"] == "2026-03-02T10:00:00Z"
    assert events["level2:0%:reassign"]["owner"] == "spec1"
    assert events["level2:-4h:raise_priority"]["priority"] == "high"
    assert events["statutory:-1d:reassign"]["owner"] == "chief"
    assert events["statutory:breach:notify"]["to"] == ["chief"]
    seen = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    assert (seen["level"], seen["priority"], seen["owner"]) == (2, "high", "spec1")
    assert {line["who"] for line in (await history(desk, seen))[1:]} == {"clock"}


async def test_a_step_that_cannot_be_done_lets_the_others_pass(desk: "Desk") -> None:
    broken = await desk.agent.register()
    await desk.query(
        "INSERT INTO tickets.step (ticket_id, clock, generation, step, fires_at)"
        " VALUES ($1, 'level1', 1, 'of a promise that never was', '2020-01-01') RETURNING 1",
        broken["id"],
    )
    await configure(desk, steps=STEPS[:1])
    await desk.agent.register()

    async def passed_by() -> bool:
        waiting = await desk.query("SELECT attempts FROM tickets.step WHERE fired_at IS NULL")
        return len(await fired(desk)) == 1 and [row["attempts"] for row in waiting] == [1]

    await eventually(passed_by, within_s=10)


STEP_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"at": "soon"}, "deadlines[0].steps[0].at"),
    ({"clock": "level7"}, "deadlines[0].steps[0].clock"),
    ({"clock": "acknowledge"}, "deadlines[0]"),
    ({"do": "shout"}, "deadlines[0].steps[0].do"),
    ({"do": "escalate"}, "deadlines[0].steps[0]"),
    ({"do": "reassign"}, "deadlines[0].steps[0]"),
    ({"to": "nobody-here"}, "deadlines[0].steps[0].to"),
]


async def test_what_is_wrong_with_a_step_is_named(desk: "Desk") -> None:
    for fields, path in STEP_FAULTS:
        step = {"clock": "level1", "at": "breach", "do": "notify"} | fields
        entry = {"id": "default", "calendar": "c1", "clocks": {"level1": "1h"}, "steps": [step]}
        answer = await desk.person("admin").put("config", {"deadlines": [entry]})
        assert answer.status_code == 422, fields
        assert answer.json()["errors"][0]["path"].startswith(path), answer.text


async def test_who_asks_for_the_next_appeal_gets_the_most_urgent_that_is_for_him(
    desk: "Desk",
) -> None:
    nothing = await desk.agent.post("tickets/next", {})
    assert nothing.status_code == 204
    late = await desk.boss.register()
    early = await desk.boss.register(registered_at="2026-03-01T09:00:00Z")
    above = await desk.boss.does(await desk.boss.register(), "take")
    above = await desk.boss.does(above, "escalate", to_level=2)
    first, second = [(await desk.agent.post("tickets/next", {})).json() for _ in range(2)]
    assert [first["id"], second["id"]] == [early["id"], late["id"]]
    assert (first["status"], first["owner"]) == ("in_work", "a1")
    assert (await desk.agent.post("tickets/next", {})).status_code == 204
    assert (await desk.specialist.post("tickets/next", {"level": 2})).json()["id"] == above["id"]
    assert (await desk.insurer.post("tickets/next", {})).status_code == 403


async def test_an_appeal_goes_to_who_stands_in_for_who_is_away(desk: "Desk") -> None:
    away = [{"from": "2026-03-01", "to": "2026-03-08", "substitute": "spec2"}]
    users = [{"id": "spec1", "roles": ["specialist"], "territories": ["46"], "absences": away}]
    answer = await desk.person("admin").put("config", {"users": users})
    assert answer.status_code == 200, answer.text
    owners = []
    for territory in ("46", "77"):
        ticket = await desk.agent.register(subject="refusal", territory=territory)
        ticket = await desk.agent.does(ticket, "take")
        owners.append((await desk.agent.does(ticket, "escalate", to_level=2))["owner"])
        desk.clock.advance(8 * DAY_S)
    assert owners == ["spec2", "spec2"]
    ticket = await desk.agent.does(
        await desk.agent.register(subject="refusal", territory="46"), "take"
    )
    assert (await desk.agent.does(ticket, "escalate", to_level=2))["owner"] == "spec1"


async def test_an_appeal_keeps_what_it_was_promised_until_somebody_says_otherwise(
    desk: "Desk",
) -> None:
    ticket = await desk.boss.does(await desk.boss.register(), "take")
    desk.clock.advance(600)
    waiting = await desk.boss.does(ticket, "wait", **{"for": "papers"})
    done = await closed(desk)
    await configure(desk, clocks={"level1": "2h", "statutory": "10d"})
    before = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    assert (due(before)["statutory"], before["policy"]) == (
        due(waiting)["statutory"],
        ticket["policy"],
    )
    dry = (await desk.boss.post("policies/apply", {})).json()
    assert (dry["dry_run"], dry["differing"], dry["changed"]) == (True, 1, 0)
    assert (await desk.agent.post("policies/apply", {"dry_run": False})).status_code == 403
    wet = (await desk.boss.post("policies/apply", {"dry_run": False})).json()
    assert (wet["differing"], wet["changed"]) == (1, 1)
    assert (await desk.boss.post("policies/apply", {"dry_run": False})).json()["differing"] == 0
    seen = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    desk.clock.advance(600)
    resumed = await desk.boss.does(seen, "resume")
    assert due(resumed) == {
        # of two hours ten minutes were used, twenty waited, and the break is not counted
        "level1": "2026-03-02T12:20:00Z",
        "statutory": "2026-03-12T21:00:00Z",
    }
    last = (await history(desk, resumed))[-2]
    assert (last["action"], last["who"]) == ("apply_policy", "boss")
    assert last["after"]["policy"] == seen["policy"] != waiting["policy"]
    assert (await desk.boss.get(f"tickets/{done['id']}")).json()["version"] == done["version"]
    listed = (await desk.boss.get("policies")).json()["items"]
    assert [(one["deadlines"], one["open"]) for one in listed] == [(["default"], 1), ([], 0)]


async def test_what_a_channel_was_promised_is_not_taken_for_another_promise(desk: "Desk") -> None:
    counter = {"id": "counter", "calendar": "c1", "clocks": {"level1": "15m"}} | {
        "channels": ["walk_in"]
    }
    answer = await desk.person("admin").put("config", {"deadlines": [counter]})
    assert answer.status_code == 200, answer.text
    ticket = await desk.agent.register(channel="walk_in")
    by_phone = await desk.agent.register(channel="phone")
    dry = (await desk.boss.post("policies/apply", {})).json()
    assert (dry["differing"], dry["items"]) == (0, [])
    quicker = counter | {"clocks": {"level1": "5m"}}
    answer = await desk.person("admin").put("config", {"deadlines": [quicker]})
    assert answer.status_code == 200, answer.text
    wet = (await desk.boss.post("policies/apply", {"dry_run": False})).json()
    assert [(one["channel"], one["appeals"]) for one in wet["items"]] == [("walk_in", 1)]
    seen = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    assert seen["due_at"] == "2026-03-02T09:05:00Z"
    other = (await desk.boss.get(f"tickets/{by_phone['id']}")).json()
    assert (other["policy"], other["version"]) == (by_phone["policy"], by_phone["version"])


async def test_who_is_insured_elsewhere_is_forwarded_with_notice(desk: "Desk") -> None:
    here = await desk.specialist.does(await desk.specialist.register(), "take")
    refused = await desk.specialist.act(here, "forward", text="Moscow answers you")
    assert refused.status_code == 409
    assert "forward" not in refused.json()["allowed"]
    ticket = await desk.specialist.register(insured_in="77")
    ticket = await desk.specialist.does(ticket, "take")
    assert (await desk.specialist.act(ticket, "forward")).status_code == 422
    ticket = await desk.specialist.does(ticket, "forward", text="Moscow answers you")
    assert (ticket["status"], ticket["forwarded_to"]) == ("closed", "77")
    rows = await desk.query(
        "SELECT convert_from(body, 'utf8') AS body FROM tickets.outbox"
        " WHERE type = 'careline.ticket.forwarded.v1'"
    )
    [told] = [json.loads(row["body"])["data"] for row in rows]
    assert (told["territory"], told["due_at"]) == ("77", "2026-04-01T21:00:00Z")
