"""What a flow says of its calls beside where they go, from the document to the PBX, the record and the survey."""

import json
from typing import Any

import asyncpg
import pytest

pytestmark = pytest.mark.integration

LINE = "+74950000001"
OTHER = "+79167654321"
TERMS: dict[str, Any] = {
    "target_s": 5,
    "wrap_up_s": 0,
    "recipe": [{"after_s": 30, "drop_skills": ["adult"]}],
    "survey": "short",
    "recording": {"on": True, "consent": {"ru": "recorded-ru", "*": "recorded"}, "refuse_key": "9"},
    "ways_out": [
        {"to": "voicemail", "after_s": 10, "key": "2", "media": {"ru": "leave-word-ru"}},
        {"to": "overflow", "after_s": 40, "endpoint": "PJSIP/partner@trunk"},
    ],
}
DEFAULT: dict[str, Any] = {"queue": "adult", "skills": {"adult": 1}, **TERMS}


async def apply(router: Any, default: dict[str, Any], **more: Any) -> Any:
    flow = {"id": "main", "default": default}
    return await router.client.put(
        "/v1/config", json={"careline": 1, "flows": [flow], **more}, headers=router.admin
    )


@pytest.fixture
async def with_terms(router: Any) -> Any:
    answer = await apply(router, DEFAULT)
    assert answer.status_code == 200, answer.text
    return router


@pytest.fixture
async def sql(database_url: str) -> Any:
    """Reads the router's tables as they stand."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    yield connection.fetch
    await connection.close()


def told(commands: list[dict[str, Any]], call_id: str = "p-1") -> list[tuple[str, str | None]]:
    return [
        (each["type"], each.get("media") or each.get("action") or each.get("endpoint"))
        for each in commands
        if each["pbx_call_id"] == call_id
    ]


async def done(router: Any) -> list[dict[str, Any]]:
    """The PBX has done all that it was told."""
    taken: list[dict[str, Any]] = []
    while items := await router.commands():
        for command in items:
            path = f"/v1/pbx/pbx1/commands/{command['id']}/done"
            await router.client.post(path, json={"ok": True}, headers=router.pbx)
        taken += items
    return taken


async def taken_by_a1(router: Any, call_id: str) -> list[dict[str, Any]]:
    offer = await router.offer()
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent("a1"))
    answer = await router.tell("call.answered", call_id, offer_id=offer["id"])
    commands: list[dict[str, Any]] = answer["commands"]
    return commands


async def test_callers_hear_that_they_are_recorded_and_are_and_the_survey_is_the_flows(
    with_terms, sql
) -> None:
    router = with_terms
    arrived = await router.arrive()
    assert ("announce", "recorded-ru") in told(arrived["commands"])
    await done(router)
    await router.ready()
    commands = await taken_by_a1(router, "p-1")
    assert told(commands)[-2:] == [("bridge", None), ("record", "start")]
    ended = await router.tell("call.hung_up", "p-1", by="caller")
    assert (await router.me())["state"] == "ready"
    assert ended["call"]["recording_refused_at"] is None
    (row,) = await sql(
        "SELECT convert_from(body, 'utf8') AS body FROM router.outbox"
        " WHERE type = 'careline.call.ended.v1'"
    )
    assert json.loads(row["body"])["data"]["survey"] == "short"
    (row,) = await sql("SELECT target_s FROM router.call_record")
    assert row["target_s"] == 5


async def test_a_refusal_is_on_record_and_nothing_is_recorded(with_terms) -> None:
    router = with_terms
    call = (await router.arrive())["call"]
    answer = await router.tell("call.digits", "p-1", digits="9")
    assert answer["call"]["recording_refused_at"] == "2026-03-02T09:00:00Z"
    assert answer["call"]["state"] == "queued"
    await done(router)
    await router.ready()
    commands = await taken_by_a1(router, "p-1")
    assert "record" not in [each["type"] for each in commands]
    assert (await router.call(call["id"]))["recording_refused_at"] is not None


async def test_a_refusal_in_the_talk_stops_the_recording_and_no_start_comes_after_it(
    with_terms,
) -> None:
    router = with_terms
    await router.arrive()
    await done(router)
    await router.ready()
    await taken_by_a1(router, "p-1")  # the start is told, and not done yet
    answer = await router.tell("call.digits", "p-1", digits="9")
    assert ("record", "stop") in told(answer["commands"])
    await router.advance(6)  # whatever is not done comes again
    again = [each for each in await done(router) if each["type"] == "record"]
    assert [each["action"] for each in again] == ["stop"]


async def test_a_caller_leaves_the_queue_for_the_voicemail_by_the_key_that_he_was_told(
    with_terms,
) -> None:
    router = with_terms
    await router.arrive(caller=OTHER)
    await done(router)
    early = await router.tell("call.digits", "p-1", digits="2")
    assert early["call"]["state"] == "queued"
    await router.advance(11)
    assert told(await done(router))[-1] == ("announce", "leave-word-ru")
    answer = await router.tell("call.digits", "p-1", digits="2")
    assert (answer["call"]["state"], answer["call"]["outcome"]) == ("ended", "voicemail")
    assert told(answer["commands"]) == [("answer", None), ("voicemail", None)]


async def test_who_has_waited_so_long_is_put_through_elsewhere(with_terms) -> None:
    router = with_terms
    call = (await router.arrive(caller=OTHER))["call"]
    await done(router)
    await router.advance(41)
    assert ("transfer", "PJSIP/partner@trunk") in told(await done(router))
    assert (await router.call(call["id"]))["outcome"] == "overflow"


async def test_a_dialplan_is_told_the_same_in_its_own_form(with_terms) -> None:
    router = with_terms

    async def ask(**more: Any) -> dict[str, Any]:
        form = {"call_id": "d-1", "caller": OTHER, "line": LINE, "wait": 0, **more}
        answer = await router.client.post("/v1/pbx/pbx1/route", json=form, headers=router.pbx)
        assert answer.status_code == 200, answer.text
        step: dict[str, Any] = answer.json()
        return step

    assert (await ask())["media"] == "recorded-ru"
    assert (await ask())["action"] == "wait"
    await router.advance(11)
    step = await ask()
    assert (step["action"], step["media"]) == ("announce", "leave-word-ru")
    await router.ready()
    offer = await router.offer()
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent("a1"))
    step = await ask()
    assert (step["action"], step["record"]) == ("ring", True)
    step = await ask(digits="9")
    assert (step["action"], step.get("record")) == ("ring", None)
    assert (await ask(digits="2"))["action"] == "voicemail"
    assert (await ask())["action"] == "hangup"


async def test_a_dry_run_says_what_holds_for_the_call(with_terms) -> None:
    router = with_terms
    body = {"line": LINE, "language": "en"}
    answer = await router.client.post("/v1/flows/main/dry-run", json=body, headers=router.admin)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["target_s"], said["wrap_up_s"], said["survey"]) == (5, 0, "short")
    assert said["recording"] == {"on": True, "consent": "recorded", "refuse_key": "9"}
    assert said["recipe"][0]["drop_skills"] == ["adult"]
    assert [(way["to"], way["after_s"], way["key"]) for way in said["ways_out"]] == [
        ("voicemail", 10, "2"),
        ("overflow", 40, None),
    ]


@pytest.mark.parametrize(
    ("wrong", "path", "reason"),
    [
        ({"recipe": [{"queue": "gone"}]}, "recipe[0].queue", "no queue"),
        ({"recording": {"on": False, "refuse_key": "9"}}, "recording", "nothing is recorded"),
        ({"recording": {"on": True, "refuse_key": "9"}}, "recording", "consent"),
        ({"ways_out": [{"to": "overflow"}]}, "ways_out[0]", "endpoint"),
        ({"ways_out": [{"to": "voicemail", "key": "2"}]}, "ways_out[0]", "media"),
        ({"ways_out": [{"to": "voicemail", "after_s": 0}]}, "ways_out[0]", "without a key"),
        (
            {"ways_out": [{"to": "voicemail", "key": "9", "media": {"*": "m"}}]},
            "recording.refuse_key",
            "taken by ways_out[0].key",
        ),
        ({"ways_out": [{"to": "voicemail", "key": "1", "media": {"*": "m"}}]}, "ways_out[0].key", "callback"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_with_its_place(
    shared_router, wrong: dict[str, Any], path: str, reason: str
) -> None:
    floor = {"callbacks": {"key": "1"}}
    answer = await apply(shared_router, {**DEFAULT, **wrong}, floor=floor)
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert any(
        each["path"].startswith(f"flows[0].default.{path}") and reason in each["reason"]
        for each in errors
    ), errors
