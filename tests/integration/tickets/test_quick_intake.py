"""An appeal in under a minute: what the call knows, what the words tell, what was said."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_tickets.adapters.apart import ApartError
from careline_tickets.adapters.calls import RouterCalls
from careline_tickets.classifier import Classifier
from careline_tickets.learning import learned_apart
from careline_tickets.ports import Call

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

CALL = {
    "id": "call-1",
    "caller": "+79161234567",
    "language": "fa",
    "crm": {
        "status": "found",
        "name": "Anna",
        "policy_number": "4600",
        "insurer": "ins7",
        "vip": True,
    },
}


def router(answer: httpx.Response | Exception, seen: list[httpx.Request]) -> httpx.AsyncClient:
    """The router's API as a client sees it."""

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.AsyncClient(base_url="http://router/", transport=httpx.MockTransport(respond))


async def test_a_call_is_asked_for_in_the_name_of_the_asker() -> None:
    seen: list[httpx.Request] = []
    calls = RouterCalls(router(httpx.Response(200, json=CALL), seen))
    call = await calls.of("a/b", "Bearer his")
    assert call == Call(
        phone="+79161234567", name="Anna", policy_number="4600", insurer="ins7", language="fa"
    )
    assert seen[0].headers["authorization"] == "Bearer his"
    assert seen[0].url.raw_path == b"/v1/calls/a%2Fb"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={}),
        httpx.Response(500),
        httpx.Response(200, text="not json"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
    ],
)
async def test_a_router_that_does_not_tell_is_no_reason_to_wait(
    answer: httpx.Response | Exception,
) -> None:
    assert await RouterCalls(router(answer, [])).of("call-1", "Bearer his") is None


async def test_a_call_fills_in_what_the_form_does_not_say(desk: "Desk") -> None:
    office = desk.service.app.state.office
    calls = RouterCalls(router(httpx.Response(200, json=CALL), []))
    object.__setattr__(office, "calls", calls)
    made = await desk.agent.post("tickets", {"call_id": "call-1", "text": "When are you open?"})
    assert made.status_code == 201, made.text
    ticket = made.json()
    assert (ticket["channel"], ticket["kind"], ticket["insurer"]) == (
        "phone",
        "consultation",
        "ins7",
    )
    languages = await desk.query("SELECT language FROM tickets.ticket")
    assert languages == [{"language": "fa"}], "by which it goes to who speaks it"
    person = (await desk.agent.get(f"tickets/{ticket['id']}")).json()["person"]
    assert person == {
        "phone": "+79161234567", "name": "Anna", "birth_date": None, "policy_number": "4600",
    }  # fmt: skip
    other = await desk.agent.register(
        call_id="call-1", kind="complaint", insurer="ins8", person={"phone": "+79160000000"}
    )
    assert (other["kind"], other["insurer"]) == ("complaint", "ins8")
    person = (await desk.agent.get(f"tickets/{other['id']}")).json()["person"]
    assert (person["phone"], person["name"]) == ("+79160000000", "Anna")


@pytest.mark.parametrize("caller", ["sip:anna@clinic", "101", "+7 916 123-45-67 ext. 5"])
async def test_a_caller_without_a_number_keeps_nobody_from_registering(
    desk: "Desk", caller: str
) -> None:
    answer = httpx.Response(200, json=CALL | {"caller": caller})
    object.__setattr__(desk.service.app.state.office, "calls", RouterCalls(router(answer, [])))
    made = await desk.agent.post("tickets", {"call_id": "call-1", "text": "Refused"})
    assert made.status_code == 201, made.text
    person = (await desk.agent.get(f"tickets/{made.json()['id']}")).json()["person"]
    assert (person["phone"], person["name"]) == (None, "Anna")
    typed = {"call_id": "call-1", "text": "Refused", "person": {"phone": caller}}
    assert (await desk.agent.post("tickets", typed)).status_code == 422


async def test_without_a_router_a_typical_question_is_closed_all_the_same(desk: "Desk") -> None:
    body = {"call_id": "call-1", "text": "When?", "close": {"answer": "From nine"}}
    made = await desk.agent.post("tickets", body)
    assert (made.status_code, made.json()["status"]) == (201, "closed")


async def test_without_a_call_channel_and_kind_are_needed(desk: "Desk") -> None:
    whole = {"text": "x", "channel": "phone", "kind": "complaint"}
    for name in ("channel", "kind"):
        answer = await desk.agent.post("tickets", {k: v for k, v in whole.items() if k != name})
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"path": name, "reason": "is required without a call_id"}
        ]


async def test_each_channel_has_its_own_target(desk: "Desk") -> None:
    quick = {
        "id": "counter",
        "calendar": "c1",
        "clocks": {"level1": "15m"},
        "channels": ["walk_in"],
    }
    body = {"careline": 1, "deadlines": [quick]}
    assert (await desk.person("admin").put("config", body)).status_code == 200
    at_the_counter = await desk.agent.register(channel="walk_in")
    by_phone = await desk.agent.register(channel="phone")
    assert at_the_counter["due_at"] == "2026-03-02T09:15:00Z"
    assert by_phone["due_at"] == "2026-03-02T10:00:00Z"
    wrong = body | {"deadlines": [quick | {"channels": ["pigeon"]}]}
    assert (await desk.person("admin").put("config", wrong)).status_code == 422


async def test_what_was_said_stands_beside_the_text(desk: "Desk") -> None:
    made = await desk.agent.register(text="Refused", transcript="Hello, they have refused me")
    whole = (await desk.agent.get(f"tickets/{made['id']}")).json()
    assert [(one["kind"], one["text"]) for one in whole["contents"]] == [
        ("text", "Refused"),
        ("transcript", "Hello, they have refused me"),
    ]
    assert whole["text"] == "Refused"


async def check_learned_apart(desk: "Desk") -> None:
    """A process of its own learns the same as one's own, and its end is told."""
    clock = desk.clock
    database = Database(
        desk.database_url, schema="tickets", source="test", clock=clock, ids=UuidIds()
    )
    try:
        here, apart = [
            await Classifier(database, clock, at_hand=most).relearn() for most in (500, 10)
        ]
    finally:
        await database.close()
    assert apart == here
    with pytest.raises(ApartError):
        await learned_apart("postgresql://nobody@127.0.0.1:9/nowhere", 10)


async def test_subjects_are_learned_from_the_journal_and_suggested(desk: "Desk") -> None:
    admin = desk.person("admin")
    untaught = (await admin.get("classifier")).json()
    assert (untaught["appeals"], untaught["held_back"]) == (0, None)
    subjects = {"subjects": [{"id": "refusal"}, {"id": "drugs"}]}
    assert (await admin.put("config", {"careline": 1} | subjects)).status_code == 200
    said = {
        "refusal": "Врач отказал в приёме, запись закрыта",
        "drugs": "В аптеке нет инсулина по рецепту",
    }
    for number in range(40):
        for subject, text in said.items():
            await desk.agent.register(subject=subject, text=f"{text}, случай {number}")
    learned = (await admin.post("classifier/learn", {})).json()
    assert (learned["appeals"], learned["subjects"]) == (80, 2)
    assert learned["held_back"]["appeals"] == 16
    assert learned["held_back"]["accuracy_pct"] == 100.0
    assert learned["held_back"]["majority_pct"] == 50.0

    async def suggested(text: str) -> dict[str, Any]:
        answer = await desk.agent.post("tickets/suggestions", {"text": text})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    await check_learned_apart(desk)
    first = await suggested("инсулин в аптеках закончился")
    assert first["subjects"][0]["subject"] == "drugs"
    assert (await suggested("отказы в записи на приёме"))["subjects"][0]["subject"] == "refusal"
    assert (await suggested("qwerty"))["subjects"] == []
    assert (await suggested(""))["subjects"] == []
    assert (await desk.insurer.post("tickets/suggestions", {"text": "x"})).status_code == 403
    assert (await desk.agent.get("classifier")).status_code == 403
