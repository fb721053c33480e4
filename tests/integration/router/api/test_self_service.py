"""Callers who serve themselves, by webhooks and by the dialplan's form, over restarts."""

from typing import Any

import asyncpg
import pytest

from careline_common.events.envelope import Envelope
from careline_common.events.tickets import SurgeClosed, SurgeOpened, TicketCreated, TicketMoved
from careline_common.testing.waiting import eventually
from careline_router.consumers import APPEALS, SURGES, subscriptions
from careline_router.fakes.http_server import FakeServer
from careline_tickets.lookup import Lookup

pytestmark = pytest.mark.integration

LINE = "+74950000001"
SELF_SERVICE: dict[str, Any] = {
    "start": "main",
    "emergency": {"key": "*", "endpoint": "PJSIP/103@trunk", "media": {"*": "star"}, "answer": {"*": "help"}},
    "skip_needs": ["deaf"],
    "nodes": {
        "main": {
            "kind": "menu", "media": {"ru": "main-ru"}, "wait_s": 8,
            "keys": {"1": "code", "2": "hours", "4": "message", "5": "away"},
        },
        "code": {"kind": "collect", "media": {"*": "digits"}, "least": 3, "most": 5, "next": "human"},
        "hours": {"kind": "hours", "by": {"open": {"*": "now"}}, "next": "more"},
        "more": {
            "kind": "menu", "media": {"*": "more"}, "keys": {"1": "main"}, "otherwise": "bye", "tries": 1,
            "wait_s": 8,
        },
        "message": {"kind": "voicemail", "media": {"*": "speak"}},
        "away": {"kind": "overflow", "endpoint": "PJSIP/other", "media": {"*": "away"}},
        "bye": {"kind": "end", "media": {"*": "bye"}},
    },
}  # fmt: skip
FLOW: dict[str, Any] = {
    "id": "main",
    "default": {"queue": "adult", "skills": {"adult": 1}},
    "needs": {"deaf": {"child": 3}},
    "rules": [
        {"when": "ivr.main == '1' && ivr.code == '1234'", "queue": "child", "skills": {"child": 1}}
    ],
    "self_service": SELF_SERVICE,
}


@pytest.fixture
async def served(router):
    answer = await router.client.put(
        "/v1/config", json={"careline": 1, "flows": [FLOW]}, headers=router.admin
    )
    assert answer.status_code == 200, answer.text
    return router


def heard(told: dict[str, Any]) -> list[str]:
    names = {"announce": "media", "transfer": "endpoint"}
    return [each.get(names.get(each["type"], ""), each["type"]) for each in told["commands"]]


async def done(router: Any, told: dict[str, Any]) -> None:
    for each in told["commands"]:
        path = f"/v1/pbx/pbx1/commands/{each['id']}/done"
        await router.client.post(path, json={"ok": True}, headers=router.pbx)


async def way(router: Any, call_id: str) -> list[tuple[str, str]]:
    answer = await router.client.get(f"/v1/calls/{call_id}/path", headers=router.floor)
    assert answer.status_code == 200, answer.text
    return [(each["node"], each["input"]) for each in answer.json()["items"]]


async def test_keys_lead_a_caller_to_his_queue_and_are_not_told_on(served) -> None:
    told = await served.arrive("s-1")
    call = told["call"]
    assert (call["state"], call["queue"], heard(told)) == (
        "self_service", None, ["answer", "star", "main-ru"],
    )  # fmt: skip
    await done(served, told)
    told = await served.tell("call.digits", "s-1", digits="1")
    assert (told["call"]["state"], heard(told)) == ("self_service", ["digits"])
    told = await served.tell("call.digits", "s-1", digits="12")
    assert heard(told) == []
    told = await served.tell("call.digits", "s-1", digits="34#")
    assert (told["call"]["state"], told["call"]["queue"]) == ("queued", "child")
    assert heard(told) == ["answer", "hold"]
    assert await way(served, call["id"]) == [
        ("main", "entered"), ("main", "1"), ("code", "entered"), ("code", "digits"),
    ]  # fmt: skip


async def test_a_repeated_key_counts_once(served) -> None:
    """Fails when a repeat under the same webhook-id is applied to the node after it."""
    await served.arrive("s-1")
    body = served.event("call.digits", "s-1", digits="1")
    first = await served.post_event(body, webhook_id="key-1")
    again = await served.post_event(body, webhook_id="key-1")
    assert first.json() == again.json()
    told = await served.tell("call.digits", "s-1", digits="123#")
    assert told["call"]["queue"] == "adult"


@pytest.mark.parametrize(
    ("keys", "outcome", "last"),
    [
        ("4", "voicemail", ["answer", "speak", "voicemail"]),
        ("5", "overflow", ["answer", "away", "PJSIP/other"]),
        ("*", "overflow", ["answer", "help", "PJSIP/103@trunk"]),
        ("1*", "overflow", ["answer", "help", "PJSIP/103@trunk"]),
    ],
)
async def test_some_ends_need_nobody(served, keys, outcome, last) -> None:
    await done(served, await served.arrive("s-1"))
    told = await served.tell("call.digits", "s-1", digits=keys)
    assert (told["call"]["state"], told["call"]["outcome"]) == ("ended", outcome)
    assert heard(told) == last


@pytest.mark.parametrize("offered", [False, True])
async def test_the_key_for_emergencies_counts_in_the_queue_too(served, offered) -> None:
    """Fails when a caller who is told of it hears music instead once he waits for an agent."""
    if offered:
        await served.ready("a1")
    await done(served, await served.arrive("s-1"))
    await done(served, await served.tell("call.digits", "s-1", digits="0"))
    told = await served.tell("call.digits", "s-1", digits="*")
    assert (told["call"]["state"], told["call"]["outcome"]) == ("ended", "overflow")
    assert heard(told)[-3:] == ["answer", "help", "PJSIP/103@trunk"]
    if offered:
        assert (await served.me("a1"))["state"] == "ready"


async def test_what_silence_leads_to_is_told_at_once(served) -> None:
    """Fails when the commands are taken along by an answer that nobody hears, and come 5 s later."""
    await done(served, await served.arrive("s-1"))
    await served.advance(8)

    (again,) = await eventually(served.commands)
    assert (again["type"], again["media"]) == ("announce", "main-ru")


async def test_a_silent_caller_is_not_forgotten_when_his_step_fails(served, database_url) -> None:
    """Fails when whatever is wrong for a moment leaves him where he is for ever."""
    call_id = (await served.arrive("s-1"))["call"]["id"]
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        await connection.execute("ALTER TABLE router.self_service_step RENAME TO away")
        await served.advance(8)

        async def is_silent() -> Any:
            found = await connection.fetchval(
                "SELECT count(*) FROM router.journal WHERE kind = 'CallerSilent'"
            )
            return found == 1

        await eventually(is_silent)
        await served.ready("a1")  # and with that the step that fails has been tried
        await connection.execute("ALTER TABLE router.away RENAME TO self_service_step")
    finally:
        await connection.close()

    async def asked_again() -> bool:
        return ("main", "silence") in await way(served, call_id)

    await eventually(asked_again)


async def test_silence_asks_again_and_then_finds_somebody(served) -> None:
    call_id = (await served.arrive("s-1"))["call"]["id"]
    await served.advance(8)

    async def asked_again() -> bool:
        return ("main", "silence") in await way(served, call_id)

    await eventually(asked_again)
    assert (await served.call(call_id))["state"] == "self_service"
    await served.advance(8)

    async def waits() -> bool:
        return (await served.call(call_id))["state"] == "queued"

    await eventually(waits)
    assert (await way(served, call_id)).count(("main", "silence")) == 2


async def test_who_has_heard_what_he_called_for_has_served_himself(served) -> None:
    await served.arrive("s-1")
    told = await served.tell("call.digits", "s-1", digits="2")
    assert heard(told)[-2:] == ["now", "more"]
    told = await served.tell("call.hung_up", "s-1", by="caller")
    assert told["call"]["outcome"] == "self_served"
    await served.arrive("s-2")
    told = await served.tell("call.hung_up", "s-2", by="caller")
    assert told["call"]["outcome"] == "abandoned"
    await served.arrive("s-3")
    await served.tell("call.digits", "s-3", digits="0")
    await served.arrive("s-4")
    await served.tell("call.digits", "s-4", digits="2")
    await served.advance(8)

    async def ended() -> Any:
        found = await served.client.get("/v1/calls/by-pbx/pbx1/s-4", headers=served.floor)
        return found.json()["outcome"]

    assert await eventually(ended) == "self_served"
    answer = await served.client.get("/v1/reports/self-service", headers=served.floor)
    (row,) = answer.json()["items"]
    assert row == {
        "key": "main", "entered": 4, "self_served": 2, "voicemail": 0, "overflow": 0, "to_agents": 1,
        "abandoned": 1, "containment_pct": 66.67,
    }  # fmt: skip


async def test_after_a_restart_a_caller_goes_on_where_he_was(served, start) -> None:
    """Fails when the digits that he had typed, or the time that he has, are kept in memory alone."""
    call_id = (await served.arrive("s-1"))["call"]["id"]
    await served.tell("call.digits", "s-1", digits="112")
    silent = (await served.arrive("s-2"))["call"]["id"]
    await served.stop()
    async with start() as again:
        again.numbers = served.numbers
        assert (await again.call(call_id))["state"] == "self_service"
        told = await again.tell("call.digits", "s-1", digits="34#")
        assert told["call"]["queue"] == "child"
        await again.advance(8)

        async def asked_again() -> bool:
            return ("main", "silence") in await way(again, silent)

        await eventually(asked_again)


async def test_a_flow_that_changes_meanwhile_sends_its_callers_to_somebody(served) -> None:
    await served.arrive("s-1")
    plain = {key: value for key, value in FLOW.items() if key != "self_service"}
    answer = await served.client.post("/v1/flows", json=plain, headers=served.admin)
    assert answer.status_code == 201, answer.text
    await served.client.post("/v1/flows/main/publish", headers=served.admin)
    told = await served.tell("call.digits", "s-1", digits="2")
    assert (told["call"]["state"], told["call"]["queue"]) == ("queued", "adult")


async def test_in_an_emergency_nobody_is_asked_anything(served) -> None:
    await served.client.put("/v1/emergency", json={"on": True}, headers=served.floor)
    assert (await served.arrive("s-1"))["call"]["outcome"] == "closed"


async def test_a_need_skips_the_menu_and_asks_for_a_skill(served, crm) -> None:
    crm.people["+79161234567"] = {"payer": "cash", "needs": ["deaf"], "born": "1950-05-09"}
    async with FakeServer(crm) as server:
        entry = {
            "kind": "http", "url": f"{server.url}/customers/{{phone}}", "deadline_ms": 2000,
            "map": {"payer": "$.payer", "needs": "$.needs", "birth_date": "$.born"},
        }  # fmt: skip
        answer = await served.client.put(
            "/v1/config", json={"careline": 1, "crm": entry}, headers=served.admin
        )
        assert answer.status_code == 200, answer.text
        told = await served.arrive("s-1")
        call = told["call"]
        assert (call["state"], call["queue"]) == ("queued", "adult")
        assert heard(told) == ["answer", "star", "hold"]
        await served.ready("a1")
        assert (await served.me("a1")).get("offer") is None
        assert "1950" not in str(call)


async def test_a_dialplan_plays_asks_and_is_told_the_end(served) -> None:
    async def step(**more: Any) -> tuple[str, Any]:
        asked = {"call_id": "d-1", "caller": "+79161234567", "line": LINE, "wait": 0, **more}
        answer = await served.client.post("/v1/pbx/pbx1/route", json=asked, headers=served.pbx)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        return told["action"], told.get("media") or told.get("endpoint")

    assert [await step() for _ in range(3)] == [
        ("announce", "star"), ("announce", "main-ru"), ("wait", None),
    ]  # fmt: skip
    assert await step(digits="5") == ("announce", "away")
    assert [await step() for _ in range(2)] == [("overflow", "PJSIP/other"), ("hangup", None)]


async def test_a_dry_run_presses_keys(served) -> None:
    async def run(**call: Any) -> dict[str, Any]:
        answer = await served.client.post("/v1/flows/main/dry-run", json=call, headers=served.admin)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    found = await run(keys=["1", "1234#"])
    assert found["queue"] == "child"
    assert [each["path"] for each in found["path"]][-1] == "rules[0]"
    assert (await run(keys=["1"]))["node"] == "code"
    assert (await run(keys=["2", ""]))["action"] == "self_served"
    found = await run(crm={"needs": ["deaf"]})
    assert (found["queue"], found["skills"]) == ("adult", {"adult": 1, "child": 3})


async def test_what_was_typed_stands_with_the_person_alone(served, database_url) -> None:
    """Fails when a digit gets into the journal, an event, a command or the way that is shown."""
    await served.arrive("s-1")
    await served.tell("call.digits", "s-1", digits="1")
    await served.tell("call.digits", "s-1", digits="90817#")
    connection = await asyncpg.connect(database_url)
    try:
        for table in ("journal", "outbox", "pbx_command", "self_service_step", "call_record"):
            found = await connection.fetchval(
                f"SELECT count(*) FROM router.{table} AS t WHERE t::text LIKE '%90817%'"
            )
            assert found == 0, table
        kept = await connection.fetchval("SELECT attributes::text FROM router.call_contact")
    finally:
        await connection.close()
    assert "90817" in kept


async def test_the_last_appeal_of_his_number_is_read_to_a_caller(served, database_url) -> None:
    """Fails when the appeals of another number are his, or an old version overtakes a new one."""
    nodes = {
        **SELF_SERVICE["nodes"],
        "main": {**SELF_SERVICE["nodes"]["main"], "keys": {"1": "code", "2": "hours", "4": "message", "5": "away", "6": "appeal"}},
        "appeal": {
            "kind": "appeal_status", "next": "more",
            "by": {"in_work": {"*": "works"}, "closed": {"*": "over"}, "none": {"*": "nothing"}},
        },
    }  # fmt: skip
    flow = {
        **FLOW,
        "self_service": {**SELF_SERVICE, "nodes": nodes},
        "rules": [{"when": "appeals.open > 0", "queue": "child", "skills": {"child": 1}}],
    }
    answer = await served.client.put(
        "/v1/config", json={"careline": 1, "flows": [flow]}, headers=served.admin
    )
    assert answer.status_code == 200, answer.text
    first = (await served.arrive("s-1"))["call"]["id"]
    told = await served.tell("call.digits", "s-1", digits="6")
    assert "nothing" in heard(told)
    database = served.service.app.state.service._database
    moved = TicketMoved(
        ticket_id="t-1", number="1", action="take", status="in_work", level=1, owner="a1",
        call_id=first, at=served.clock.now(),
    )  # fmt: skip
    created = TicketCreated(
        ticket_id="t-1", number="1", channel="phone", kind="complaint", call_id=first,
        registered_at=served.clock.now(),
    )  # fmt: skip
    consumer = next(each for each in subscriptions() if each.name == APPEALS)
    for event, sequence in ((moved, 2), (created, 1)):
        async with database.unit_of_work() as uow:
            envelope = Envelope(
                id=f"e-{sequence}", source="/careline/tickets", subject="t-1", sequence=sequence,
                time=served.clock.now(), correlationid="t-1", causationid=None, data=event,
            )  # fmt: skip
            await consumer.handle(uow, envelope, None)
    await served.arrive("s-2")
    told = await served.tell("call.digits", "s-2", digits="6")
    assert "works" in heard(told)
    told = await served.tell("call.digits", "s-2", digits="0")
    assert told["call"]["queue"] == "child"
    await served.arrive("s-3", caller="+79167654321")
    told = await served.tell("call.digits", "s-3", digits="6")
    assert "nothing" in heard(told)


async def test_an_appeal_is_read_by_its_tracking_code_to_whoever_keys_it(served) -> None:
    """Fails when a code that is keyed ahead is not looked up, or an appeal without a call is not known."""
    main = {
        **SELF_SERVICE["nodes"]["main"],
        "keys": {"1": "code", "2": "hours", "4": "message", "5": "away", "6": "key"},
    }
    nodes = {
        **SELF_SERVICE["nodes"],
        "main": main,
        "key": {"kind": "collect", "media": {"*": "key-it"}, "least": 12, "most": 12, "next": "appeal"},
        "appeal": {
            "kind": "appeal_status", "next": "more", "code": "key",
            "by": {"in_work": {"*": "works"}, "none": {"*": "nothing"}},
        },
    }  # fmt: skip
    flow = {**FLOW, "self_service": {**SELF_SERVICE, "nodes": nodes}}
    for code, status in (("main", 422), ("key", 200)):
        nodes["appeal"] = {**nodes["appeal"], "code": code}
        answer = await served.client.put(
            "/v1/config", json={"careline": 1, "flows": [flow]}, headers=served.admin
        )
        assert answer.status_code == status, answer.text
    service = served.service.app.state.service
    created = TicketCreated(
        ticket_id="t-1", number="1", channel="portal", kind="complaint",
        registered_at=served.clock.now(),
        code_lookup=Lookup(service._hasher).code_key("7K2M-X09D-4QTC"),
    )  # fmt: skip
    moved = TicketMoved(
        ticket_id="t-1", number="1", action="take", status="in_work", level=1, at=served.clock.now()
    )
    other = created.model_copy(update={"ticket_id": "t-2", "code_lookup": None})
    consumer = next(each for each in subscriptions() if each.name == APPEALS)
    assert consumer.handle_all is not None
    news = [
        Envelope(
            id=f"e-{event.ticket_id}-{sequence}", source="/careline/tickets", subject=event.ticket_id,
            sequence=sequence, time=served.clock.now(), correlationid="t-1", causationid=None, data=event,
        )
        for event, sequence in ((moved, 2), (other, 1), (created, 1))
    ]  # fmt: skip
    for told_at_once in (news, news[1:]):  # as they come, and once more late
        async with service._database.unit_of_work() as uow:
            await consumer.handle_all(uow, [(envelope, None) for envelope in told_at_once])
    for call, keys in (("s-1", ["6752690934782"]), ("s-2", ["6", "752690", "934782"])):
        await served.arrive(call, caller="+79167654321")
        told = [await served.tell("call.digits", call, digits=each) for each in keys][-1]
        assert "works" in heard(told), keys
    await served.arrive("s-3")
    told = await served.tell("call.digits", "s-3", digits="6752690934783")
    assert "nothing" in heard(told)


async def test_a_flow_sees_the_surges_that_are_open(served) -> None:
    """Fails when a call is sent by surges as they were before, or one that is over is opened by what was
    told earlier and comes later."""
    flow = {
        **{name: value for name, value in FLOW.items() if name != "self_service"},
        "rules": [
            {
                "when": "surge.open > 1 || surge.organisations.h1 > 0",
                "queue": "child", "skills": {"child": 1}, "announcements": {"*": "we-know"},
            }
        ],
    }  # fmt: skip
    answer = await served.client.put(
        "/v1/config", json={"careline": 1, "flows": [flow]}, headers=served.admin
    )
    assert answer.status_code == 200, answer.text
    about = {"surge_id": "s-1", "organisation": "h1", "insurers": ["ins7"], "ticket_id": "t-9"}
    opened = SurgeOpened.model_validate(
        {**about, "opened_at": served.clock.now(), "observed": 40, "expected": 9.5}
    )
    closed = SurgeClosed.model_validate({**about, "closed_at": served.clock.now()})
    consumer = next(each for each in subscriptions() if each.name == SURGES)

    async def hear(event: SurgeOpened | SurgeClosed, sequence: int) -> None:
        async with served.service.app.state.service._database.unit_of_work() as uow:
            envelope = Envelope(
                id=f"e-{sequence}", source="/careline/tickets", subject="s-1", sequence=sequence,
                time=served.clock.now(), correlationid="s-1", causationid=None, data=event,
            )  # fmt: skip
            await consumer.handle(uow, envelope, None)

    told = await served.arrive("s-1")
    assert (told["call"]["queue"], "we-know" in heard(told)) == ("adult", False)
    await hear(opened, 1)
    told = await served.arrive("s-2")
    assert (told["call"]["queue"], "we-know" in heard(told)) == ("child", True)
    await hear(closed, 2)
    await hear(opened, 1)
    told = await served.arrive("s-3")
    assert (told["call"]["queue"], "we-know" in heard(told)) == ("adult", False)
