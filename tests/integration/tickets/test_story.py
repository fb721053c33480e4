"""An appeal goes level 1 → level 2 → insurer → rework → accepted, and its citizen can follow it."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

COMPLAINT = {
    "channel": "phone",
    "kind": "complaint",
    "subject": "refusal",
    "organisation": "h1",
    "territory": "46",
    "text": "They refused to see my child",
    "call_id": "call-1",
    "person": {"phone": "8 (916) 123-45-67", "name": "Anna", "policy_number": "46-00 12"},
}


async def tracked(desk: "Desk", ticket: dict[str, Any]) -> dict[str, Any]:
    answer = await desk.nobody.get(f"track/{ticket['tracking_code']}")
    assert answer.status_code == 200
    shown: dict[str, Any] = answer.json()
    return shown


async def test_the_whole_way_of_an_appeal(desk: "Desk") -> None:
    ticket = await desk.agent.register(**COMPLAINT)
    assert ticket["number"].startswith("T-2026-")
    assert (ticket["status"], ticket["level"], ticket["owner"]) == ("new", 1, None)
    assert ticket["due_at"] == "2026-03-02T10:00:00Z"
    assert (await tracked(desk, ticket))["status"] == "new"

    ticket = await desk.agent.does(ticket, "take")
    assert (ticket["status"], ticket["owner"]) == ("in_work", "a1")
    ticket = await desk.agent.does(ticket, "escalate", to_level=2, note="needs a doctor")
    assert (ticket["level"], ticket["group"], ticket["owner"]) == (2, "l2-care", "spec1")
    ticket = await desk.specialist.does(ticket, "send_to_insurer", insurer="ins7")
    assert ticket["status"] == "with_insurer"
    assert (await tracked(desk, ticket))["status"] == "with_insurer"

    seen = (await desk.insurer.get(f"tickets/{ticket['id']}")).json()
    assert seen["text"] == COMPLAINT["text"]
    ticket = await desk.insurer.does(seen, "insurer_answer", text="All was right")
    assert ticket["status"] == "in_review"
    ticket = await desk.boss.does(ticket, "return", reason="says too little")
    assert (ticket["status"], ticket["returns"]) == ("with_insurer", 1)
    ticket = await desk.insurer.does(ticket, "insurer_answer", text="We apologise and will pay")
    ticket = await desk.boss.does(ticket, "accept", outcome="justified", remedy="paid")
    assert (ticket["status"], ticket["outcome"], ticket["due_at"]) == ("closed", "justified", None)
    assert ticket["clocks"] == []

    shown = await tracked(desk, ticket)
    assert shown == {
        "status": "closed",
        "updated_at": "2026-03-02T09:00:00Z",
        "due_at": None,
        "answered_by_channel": "phone",
    }
    history = (await desk.boss.get(f"tickets/{ticket['id']}/history")).json()["items"]
    assert [change["action"] for change in history] == [
        "register", "take", "escalate", "send_to_insurer", "insurer_answer", "return",
        "insurer_answer", "accept",
    ]  # fmt: skip
    assert [change["version"] for change in history] == list(range(1, 9))
    path = f"tickets/{ticket['id']}/history"
    first = (await desk.boss.get(path, limit=5)).json()
    rest = (await desk.boss.get(path, limit=5, cursor=first["next"])).json()
    assert (first["items"] + rest["items"], rest["next"]) == (history, None)
    assert history[1]["who"] == "a1"
    assert history[1]["before"] == {"status": "new", "owner": None}
    assert history[1]["after"] == {"status": "in_work", "owner": "a1"}
    whole = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    assert whole["person"] == {
        "phone": "+79161234567", "name": "Anna", "birth_date": None, "policy_number": "46-00 12"
    }  # fmt: skip
    assert [text["kind"] for text in whole["contents"]] == [
        "text", "note", "insurer_answer", "reason", "insurer_answer", "remedy"
    ]  # fmt: skip
    assert COMPLAINT["text"] not in str(history)


async def test_an_expert_is_invited_and_answers(desk: "Desk") -> None:
    expert = desk.person("expert", subject="doc1")
    ticket = await desk.specialist.register(**COMPLAINT)
    hidden = (await expert.get(f"tickets/{ticket['id']}")).json()
    assert (hidden["status"], hidden["text"], hidden["person"]) == ("new", None, None)
    ticket = await desk.specialist.does(ticket, "take")
    ticket = await desk.specialist.does(ticket, "invite_expert", user="doc1")
    assert (ticket["status"], ticket["expert"]) == ("with_expert", "doc1")
    assert (await expert.get(f"tickets/{ticket['id']}")).json()["text"] == COMPLAINT["text"]
    other = await desk.person("expert", subject="doc2").act(ticket, "expert_answer", text="no")
    assert other.status_code == 403
    ticket = await expert.does(ticket, "expert_answer", text="It was an emergency")
    assert (ticket["status"], ticket["owner"]) == ("in_work", "spec1")
    assert (await expert.get("tickets")).json()["items"][0]["id"] == ticket["id"]


async def test_waiting_pauses_level1_until_resume(desk: "Desk") -> None:
    ticket = await desk.agent.register()
    ticket = await desk.agent.does(ticket, "take")
    ticket = await desk.agent.does(ticket, "wait", **{"for": "papers"})
    clocks = {clock["kind"]: clock for clock in ticket["clocks"]}
    assert ticket["status"] == "waiting"
    assert clocks["level1"]["paused"]
    assert not clocks["statutory"]["paused"]
    assert ticket["due_at"] == clocks["insurer"]["due_at"] == "2026-03-05T21:00:00Z"
    desk.clock.advance(2 * 3600)
    ticket = await desk.agent.does(ticket, "resume")
    clocks = {clock["kind"]: clock for clock in ticket["clocks"]}
    assert not clocks["level1"]["paused"]
    # at 14:00 in Moscow, straight after the midday break, the whole hour is left
    assert ticket["due_at"] == clocks["level1"]["due_at"] == "2026-03-02T12:00:00Z"
    desk.clock.advance(3601)
    late = (await desk.agent.get(f"tickets/{ticket['id']}")).json()
    assert late["overdue"]
    assert next(clock for clock in late["clocks"] if clock["kind"] == "level1")["breached"]
    found = (await desk.agent.get("tickets", overdue=True)).json()["items"]
    assert [one["id"] for one in found] == [ticket["id"]]
    assert (await desk.agent.get("tickets", overdue=False)).json()["items"] == []


async def test_merged_and_reopened_appeals(desk: "Desk") -> None:
    first = await desk.boss.does(await desk.boss.register(), "take")
    second = await desk.boss.does(await desk.boss.register(), "take")
    merged = await desk.boss.does(first, "merge", into=second["id"])
    assert (merged["status"], merged["merged_into"]) == ("merged", second["id"])
    circle = await desk.boss.act(second, "merge", into=first["id"])
    assert circle.status_code == 422
    assert circle.json()["errors"][0]["path"] == "into"
    unknown = await desk.boss.act(second, "merge", into="nothing")
    assert unknown.status_code == 422
    closed = await desk.boss.does(second, "close", outcome="information", answer="at nine")
    reopened = await desk.specialist.does(closed, "reopen", reason="it was not")
    assert (reopened["status"], reopened["outcome"]) == ("in_work", None)
    longer = await desk.specialist.does(reopened, "extend", days=30, reason="enquiry")
    clocks = {clock["kind"]: clock["due_at"] for clock in longer["clocks"]}
    assert clocks["statutory"] == "2026-05-01T21:00:00Z"


async def test_the_events_of_an_appeal_carry_its_versions_and_no_personal_data(
    desk: "Desk",
) -> None:
    ticket = await desk.agent.register(
        **COMPLAINT | {"kind": "consultation"}, close={"answer": "from nine"}
    )
    assert (ticket["status"], ticket["owner"], ticket["outcome"]) == ("closed", "a1", "information")
    assert ticket["version"] == 3
    events = await desk.query(
        "SELECT type, sequence, convert_from(body, 'utf8') AS body FROM tickets.outbox ORDER BY id"
    )
    assert [(event["type"].split(".")[2], event["sequence"]) for event in events] == [
        ("created", 1), ("moved", 2), ("moved", 3), ("closed", 3)
    ]  # fmt: skip
    for event in events:
        for secret in ("9161234567", "Anna", "refused to see", "from nine", "4600"):
            assert secret not in event["body"]
