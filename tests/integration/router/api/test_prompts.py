"""Who is old, hard of hearing or speaks a dialect hears prompts of his own, whatever PBX he calls by."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from careline_router.fakes.crm import PlainCrm
from careline_router.fakes.http_server import FakeServer

pytestmark = pytest.mark.integration

LINE = "+74950000001"
PEOPLE = {
    "+79160000001": {"language": "ru"},
    "+79160000002": {"language": "ru", "birth_date": "1940-05-09"},
    "+79160000003": {"language": "ar", "dialect": "EG"},
    "+79160000004": {"language": "ar", "dialect": "MA", "needs": ["hearing"]},
    "+79160000005": {"language": "fa", "needs": ["hearing"]},
    "+79160000006": {"language": "ru", "needs": ["deaf"], "birth_date": "1940-05-09"},
}
FACTS = ("language", "dialect", "needs", "birth_date")
TAGS = ("ru", "ru-x-slow", "ar", "ar-EG", "ar-x-slow", "*")


def by_tag(what: str, tags: tuple[str, ...] = TAGS) -> dict[str, str]:
    return {tag: f"{what}:{tag}" for tag in tags}


FLOW: dict[str, Any] = {
    "id": "main",
    "slow_age": 70,
    "slow_needs": ["hearing", "deaf"],
    "needs": {"deaf": {"child": 3}},
    "default": {
        "queue": "adult",
        "skills": {"adult": 1},
        "announcements": by_tag("hello"),
        "recording": {"on": True, "consent": by_tag("recorded", ("ru", "ru-x-slow"))},
        "ways_out": [{"to": "voicemail", "after_s": 0, "key": "2", "media": by_tag("speak")}],
    },
    "self_service": {
        "start": "bye",
        "skip_needs": ["deaf"],
        "emergency": {"key": "*", "endpoint": "PJSIP/103", "media": by_tag("star")},
        "nodes": {
            "bye": {"kind": "play", "media": by_tag("news", ("ru", "ar", "*")),
                    "slow": {"ru": "news:ru-x-slow"}, "next": "human"},
        },
    },
}  # fmt: skip


@pytest.fixture
async def spoken(router: Any) -> AsyncIterator[Any]:
    async with FakeServer(PlainCrm(PEOPLE, token=None)) as server:
        crm = {"kind": "http", "url": f"{server.url}/customers/{{phone}}", "deadline_ms": 2000,
               "map": {name: f"$.{name}" for name in FACTS}}  # fmt: skip
        document = {"careline": 1, "crm": crm, "flows": [FLOW]}
        answer = await router.client.put("/v1/config", json=document, headers=router.admin)
        assert answer.status_code == 200, answer.text
        yield router


async def heard_by_commands(router: Any, caller: str) -> list[str]:
    arrived = await router.arrive(caller, caller=caller)
    told = [*arrived["commands"], *await router.commands()]
    return [each["media"] for each in told if each["type"] == "announce"]


async def heard_in_a_dialplan(router: Any, caller: str) -> list[str]:
    heard = []
    while True:
        body = {"call_id": caller, "caller": caller, "line": LINE, "wait": 0}
        answer = await router.client.post("/v1/pbx/pbx1/route", json=body, headers=router.pbx)
        assert answer.status_code == 200, answer.text
        if answer.json()["action"] != "announce":
            return heard
        heard.append(answer.json()["media"])


@pytest.mark.parametrize("form", [heard_by_commands, heard_in_a_dialplan])
async def test_everybody_hears_his_own_prompts_in_whatever_form_his_pbx_asks(
    spoken: Any, form: Any
) -> None:
    expected = {
        "+79160000001": ["star:ru", "news:ru", "hello:ru", "recorded:ru", "speak:ru"],
        "+79160000002": ["star:ru-x-slow", "news:ru-x-slow", "hello:ru-x-slow",
                         "recorded:ru-x-slow", "speak:ru-x-slow"],
        "+79160000003": ["star:ar-EG", "news:ar", "hello:ar-EG", "recorded:ru", "speak:ar-EG"],
        "+79160000004": ["star:ar-x-slow", "news:ar", "hello:ar-x-slow", "recorded:ru",
                         "speak:ar-x-slow"],
        "+79160000005": ["star:*", "news:*", "hello:*", "recorded:ru", "speak:*"],
        "+79160000006": ["star:ru-x-slow", "hello:ru-x-slow", "recorded:ru-x-slow",
                         "speak:ru-x-slow"],
    }  # fmt: skip
    assert {caller: await form(spoken, caller) for caller in expected} == expected


async def test_of_a_line_that_is_closed_he_hears_it_in_his_own_way_too(spoken: Any) -> None:
    closed = {"closed": by_tag("shut"), "holiday": "holiday"}
    line = {
        "number": LINE,
        "flow": "main",
        "language": "ru",
        "calendar": "never",
        "announcements": closed,
    }
    never = {"id": "never", "zone": "Europe/Moscow", "weekly": {"sun": ["01:00-02:00"]}}
    body = {"careline": 1, "lines": [line], "calendars": [never], "flows": [
        {key: value for key, value in FLOW.items() if key != "self_service"},
    ]}  # fmt: skip
    answer = await spoken.client.put("/v1/config", json=body, headers=spoken.admin)
    assert answer.status_code == 200, answer.text
    assert await heard_by_commands(spoken, "+79160000002") == ["shut:ru-x-slow"]
    assert await heard_in_a_dialplan(spoken, "+79160000003") == ["shut:ar-EG"]
    tried = await spoken.client.post(
        "/v1/flows/main/dry-run", json={"crm": {"language": "fa"}}, headers=spoken.admin
    )
    assert tried.json()["announcement"] == "shut:*"


async def test_a_dry_run_tells_what_such_a_caller_would_hear(spoken: Any) -> None:
    crm = {"language": "ar", "dialect": "EG", "needs": ["hearing"]}
    answer = await spoken.client.post(
        "/v1/flows/main/dry-run", json={"crm": crm}, headers=spoken.admin
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["media"] == ["star:ar-x-slow", "news:ar"]
    assert told["announcement"] == "hello:ar-x-slow"
    assert told["ways_out"][0]["media"] == "speak:ar-x-slow"
    assert told["facts"]["crm"]["dialect"] == "EG"


async def test_a_call_s_own_language_stays_what_it_is_and_nothing_of_his_pace_is_told(
    spoken: Any,
) -> None:
    arrived = await spoken.arrive("p-1", caller="+79160000004")
    call = await spoken.call(arrived["call"]["id"])
    assert "slow" not in str(call)
    assert "hearing" not in str(call)
    assert call["crm"]["language"] == "ar"


async def test_slow_and_any_may_be_said_together_and_nonsense_may_not(shared_router: Any) -> None:
    for tag, status in (("*-x-slow", 201), ("*-slow", 422), ("ru_slow", 422)):
        flow = {"id": "main", "default": {"queue": "adult", "announcements": {tag: "m"}}}
        answer = await shared_router.client.post(
            "/v1/flows", json=flow, headers=shared_router.admin
        )
        assert answer.status_code == status, answer.text
