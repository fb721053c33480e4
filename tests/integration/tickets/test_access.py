"""Who sees and does what, in which order refusals come, and what the audit keeps of it."""

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration


async def test_an_insurer_sees_only_his_own(desk: "Desk") -> None:
    own = await desk.agent.register(insurer="ins7")
    other = await desk.agent.register(insurer="ins8")
    none = await desk.agent.register()
    assert (await desk.insurer.get(f"tickets/{own['id']}")).status_code == 200
    for hidden in (other["id"], none["id"], "no-such-appeal"):
        for path in (f"tickets/{hidden}", f"tickets/{hidden}/history"):
            answer = await desk.insurer.get(path)
            assert answer.status_code == 404
            assert answer.json()["type"] == "not-found"
    listed = (await desk.insurer.get("tickets")).json()["items"]
    assert [ticket["id"] for ticket in listed] == [own["id"]]
    assert (await desk.insurer.get("tickets", insurer="ins8")).json()["items"] == []
    assert (await desk.insurer.act(other, "insurer_answer", text="ours now")).status_code == 404
    tried = await desk.query("SELECT what, ticket_id FROM tickets.audit WHERE refused = 404")
    assert {"what": "ticket", "ticket_id": other["id"]} in tried
    assert {"what": "ticket", "ticket_id": "no-such-appeal"} in tried
    assert {"what": "action insurer_answer", "ticket_id": other["id"]} in tried


async def test_an_insurers_user_whose_token_names_none_has_that_of_the_configuration(
    desk: "Desk",
) -> None:
    own = await desk.agent.register(insurer="ins7")
    assert (
        await desk.person("insurer", subject="op7").get(f"tickets/{own['id']}")
    ).status_code == 200
    unknown = desk.person("insurer", subject="op9")
    assert (await unknown.get(f"tickets/{own['id']}")).status_code == 404
    assert (await unknown.get("tickets")).status_code == 403


async def test_who_runs_the_centre_reads_everything_that_is_not_personal(desk: "Desk") -> None:
    ticket = await desk.agent.register(person={"phone": "+79161234567", "name": "Anna"})
    for roles in (("admin",), ("supervisor", "floor"), ("quality",)):
        person = desk.person(*roles)
        answer = await person.get(f"tickets/{ticket['id']}")
        assert answer.status_code == 200
        seen = answer.json()
        assert (seen["number"], seen["channel"]) == (ticket["number"], "phone")
        assert (seen["text"], seen["person"], seen["contents"]) == (None, None, None)
        assert len((await person.get("tickets")).json()["items"]) == 1
        assert (await person.post("tickets/search", {"phone": "+79161234567"})).status_code == 403
        assert (await person.act(ticket, "take")).status_code == 403


async def test_a_role_that_may_not_see_an_appeal_gets_404(desk: "Desk") -> None:
    ticket = await desk.agent.register()
    for role in ("supervisor", "pbx"):
        assert (await desk.person(role).get(f"tickets/{ticket['id']}")).status_code == 404
        assert (await desk.person(role).act(ticket, "take")).status_code == 404
        assert (await desk.person(role).get("tickets")).status_code == 403


async def test_an_auditor_reads_everything_and_does_nothing(desk: "Desk") -> None:
    auditor = desk.person("auditor")
    ticket = await desk.agent.register(person={"name": "Anna"})
    assert (await auditor.get(f"tickets/{ticket['id']}")).json()["person"]["name"] == "Anna"
    for action in ("take", "close", "accept", "insurer_answer"):
        assert (await auditor.act(ticket, action)).status_code == 403


async def test_reading_a_persons_data_is_audited(desk: "Desk") -> None:
    ticket = await desk.agent.register(person={"name": "Anna"})
    await desk.person("auditor", subject="aud1").get(f"tickets/{ticket['id']}")
    await desk.specialist.post("tickets/search", {"q": "open"})
    rows = await desk.query("SELECT who, roles, what, ticket_id, at FROM tickets.audit ORDER BY id")
    assert rows[0] == {
        "who": "aud1", "roles": ["auditor"], "what": "ticket", "ticket_id": ticket["id"],
        "at": desk.clock.now(),
    }  # fmt: skip
    assert (rows[1]["who"], rows[1]["what"]) == ("spec1", "search")


async def test_refusals_come_in_their_order(desk: "Desk") -> None:
    ticket = await desk.agent.register(kind="complaint", insurer="ins8")
    path = f"tickets/{ticket['id']}/transitions"
    hidden = await desk.insurer.post(path, {"action": "insurer_answer"})
    assert hidden.status_code == 404
    role_first = await desk.agent.post(path, {"action": "accept"})
    assert role_first.status_code == 403
    missing = await desk.boss.post(path, {"action": "accept"})
    assert missing.status_code == 428
    lost = await desk.boss.post(path, {"action": "accept"}, headers={"If-Match": '"7"'})
    assert (lost.status_code, lost.headers["etag"]) == (412, '"1"')
    state = await desk.boss.act(ticket, "accept")
    assert state.status_code == 409
    assert state.json()["allowed"] == ["take"]
    taken = await desk.boss.does(ticket, "take")
    answered = await desk.boss.does(taken, "answer", text="done")
    for body in ({}, {"reason": ""}, {"reason": "  "}):
        empty = await desk.boss.act(answered, "return", **body)
        assert empty.status_code == 422
        assert empty.json()["errors"] == [{"path": "reason", "reason": "is required"}]
    nonsense = await desk.boss.act(answered, "fly")
    assert nonsense.status_code == 422
    assert nonsense.json()["errors"][0]["path"] == "action"
    wrong = await desk.boss.act(answered, "extend", days="five")
    assert wrong.json()["errors"][0]["path"] == "days"


async def test_an_agent_closes_his_own_questions_of_level_1_and_no_complaints(
    desk: "Desk",
) -> None:
    done = {"outcome": "information", "answer": "from nine"}
    question = await desk.agent.does(await desk.agent.register(), "take")
    other = desk.person("agent", subject="a2")
    assert (await other.act(question, "close", **done)).status_code == 403
    assert (await desk.agent.does(question, "close", **done))["status"] == "closed"
    complaint = await desk.agent.does(await desk.agent.register(kind="complaint"), "take")
    assert (await desk.agent.act(complaint, "close", **done)).status_code == 403
    assert (await desk.specialist.act(complaint, "close", **done)).status_code == 403
    assert (await desk.boss.does(complaint, "close", **done))["status"] == "closed"
    passed = await desk.agent.does(await desk.agent.register(), "take")
    passed = await desk.agent.does(passed, "escalate", to_group="l2-care")
    assert (await desk.agent.act(passed, "close", **done)).status_code == 403
    assert (await desk.specialist.does(passed, "close", **done))["status"] == "closed"


async def test_of_two_who_act_on_the_same_version_one_is_told_412(desk: "Desk") -> None:
    ticket = await desk.agent.does(await desk.agent.register(), "take")
    answers = await asyncio.gather(
        *(desk.specialist.act(ticket, "answer", text=f"answer {n}") for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5
    actions = await desk.query("SELECT action FROM tickets.history ORDER BY version")
    assert [row["action"] for row in actions] == ["register", "take", "answer"]


async def test_an_action_repeated_under_its_key_is_done_once(desk: "Desk") -> None:
    ticket = await desk.agent.register()
    path, headers = f"tickets/{ticket['id']}/transitions", {"If-Match": '"1"'}
    headers["Idempotency-Key"] = "take-1"
    first = await desk.agent.post(path, {"action": "take"}, headers=headers)
    again = await desk.agent.post(path, {"action": "take"}, headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["etag"] == '"2"'


NOT_THERE: list[tuple[str, dict[str, object], str]] = [
    ("escalate", {"to_group": "nobody"}, "to_group"),
    ("escalate", {"to_level": 1}, "to_level"),
    ("escalate", {"to_level": 3, "to_group": "l2-care"}, "to_level"),
    ("escalate", {}, "to_level"),
    ("send_to_insurer", {"insurer": "ins9"}, "insurer"),
    ("invite_expert", {"user": "op7"}, "user"),
    ("wait", {}, "for"),
]


async def test_what_an_action_names_must_be_there(desk: "Desk") -> None:
    ticket = await desk.specialist.does(await desk.specialist.register(), "take")
    for action, fields, path in NOT_THERE:
        answer = await desk.specialist.act(ticket, action, **fields)
        assert answer.status_code == 422, (action, fields)
        assert answer.json()["errors"][0]["path"] == path


async def test_escalated_appeals_go_to_whom_has_least_to_do(desk: "Desk") -> None:
    owners = []
    for _ in range(4):
        ticket = await desk.agent.does(await desk.agent.register(subject="refusal"), "take")
        owners.append((await desk.agent.does(ticket, "escalate", to_level=2))["owner"])
    assert owners == ["spec1", "spec2", "spec1", "spec2"]


async def test_an_appeal_that_nobody_owns_after_escalation_can_be_taken(desk: "Desk") -> None:
    ticket = await desk.agent.does(await desk.agent.register(), "take")
    ticket = await desk.agent.does(ticket, "escalate", to_level=2)
    assert (ticket["owner"], ticket["level"], ticket["status"]) == (None, 2, "in_work")
    assert (await desk.specialist.does(ticket, "take"))["owner"] == "spec1"
