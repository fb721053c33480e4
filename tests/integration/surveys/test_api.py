"""The HTTP edge: who may do what, what is refused, and how."""

import pytest

pytestmark = pytest.mark.integration

INVITATION = {
    "service": "call",
    "phone": "+79031234567",
    "reference": {"type": "call", "id": "r1"},
}


async def test_the_same_reference_gives_the_same_invitation(surveys) -> None:
    await surveys.survey()
    first = await surveys.http.post("/v1/invitations", json=INVITATION)
    again = await surveys.http.post("/v1/invitations", json=INVITATION | {"phone": "+79030000009"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"].endswith(f"/v1/invitations/{first.json()['id']}")
    await surveys.printed(1)


async def test_a_call_that_was_asked_about_already_is_not_asked_about_on_request(surveys) -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    [known] = await surveys.of_reference("c1")
    assert (await surveys.invite("c1"))["id"] == known["id"]


async def test_an_idempotency_key_gives_the_first_answer(surveys) -> None:
    await surveys.survey()
    headers = {"Idempotency-Key": "k1"}
    first = await surveys.http.post("/v1/invitations", json=INVITATION, headers=headers)
    again = await surveys.http.post("/v1/invitations", json=INVITATION, headers=headers)
    other = await surveys.http.post(
        "/v1/invitations", json=INVITATION | {"agent": "a2"}, headers=headers
    )
    assert first.json() == again.json()
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")


WRONG_REQUESTS = [
    ({"phone": "12345"}, "phone"),
    ({"phone": "+7999"}, "phone"),
    ({"phone": 5}, "phone"),
    ({"service": "dentist"}, "service"),
    ({"reference": {"type": "call"}}, "reference.id"),
    ({"reference": None}, "reference"),
    ({"survey": "nowhere"}, "survey"),
    ({"agent": ""}, "agent"),
]


async def test_a_wrong_request_says_where(surveys) -> None:
    await surveys.survey()
    for change, path in WRONG_REQUESTS:
        answer = await surveys.http.post("/v1/invitations", json=INVITATION | change)
        assert answer.status_code == 422, change
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["path"] == path
    assert await surveys.query("SELECT 1 FROM surveys.person") == []


async def test_without_a_survey_for_the_service_the_state_is_wrong_not_the_request(surveys) -> None:
    answer = await surveys.http.post("/v1/invitations", json=INVITATION)
    assert (answer.status_code, answer.json()["type"]) == (409, "no-survey")


async def test_the_survey_follows_from_the_kind_of_service(surveys) -> None:
    visit = {
        "key": "visits",
        "questions": [{"id": "q", "kind": "nps"}],
        "texts": {"ru": "0-10?"},
        "trigger": {"event": "service.rendered", "services": ["outpatient"]},
    }
    staff = {"key": "staff", "questions": [{"id": "q", "kind": "csi"}]}
    await surveys.survey()
    await surveys.configure(surveys=[visit, staff])
    made = [
        await surveys.invite(service, service=service, phone=f"+7903000000{index}")
        for index, service in enumerate(("call", "outpatient", "staff", "branch"))
    ]
    shown = [(await surveys.invitation(each["id"]))["survey"] for each in made]
    assert shown == ["call", "visits", "staff", "staff"]


async def test_invitations_are_listed_filtered_and_searched(surveys) -> None:
    await surveys.survey()
    for number in range(5):
        surveys.clock.advance(1)
        await surveys.invite(f"r{number}", phone=f"+7903000000{number}")
    await surveys.printed(5)
    first = (await surveys.http.get("/v1/invitations?limit=2")).json()
    assert [i["reference"]["id"] for i in first["items"]] == ["r4", "r3"]
    rest = (await surveys.http.get("/v1/invitations", params={"cursor": first["next"]})).json()
    assert [i["reference"]["id"] for i in rest["items"]] == ["r2", "r1", "r0"]
    assert rest["next"] is None
    by_status = (await surveys.http.get("/v1/invitations?status=delivered")).json()
    assert len(by_status["items"]) == 5
    assert (await surveys.http.get("/v1/invitations?status=scheduled")).json()["items"] == []
    found = await surveys.http.post("/v1/invitations/search", json={"phone": "+79030000003"})
    assert [i["reference"]["id"] for i in found.json()["items"]] == ["r3"]
    nobody = await surveys.http.post("/v1/invitations/search", json={"phone": "+79039999999"})
    assert nobody.json() == {"items": [], "next": None}
    assert (await surveys.http.get("/v1/invitations?status=lost")).status_code == 422
    assert (await surveys.http.get("/v1/invitations?cursor=xx")).status_code == 422
    assert (await surveys.http.get("/v1/invitations/nobody")).status_code == 404


async def test_the_console_goes_on_after_the_last_message_seen(surveys) -> None:
    await surveys.survey()
    for number in range(3):
        await surveys.invite(f"r{number}", phone=f"+7903000000{number}")
    messages = await surveys.printed(3)
    assert [m["to"] for m in messages] == ["+79030000000", "+79030000001", "+79030000002"]
    assert set(messages[0]) == {"id", "to", "text", "at"}
    assert await surveys.console(after=messages[1]["id"]) == [messages[2]]
    assert await surveys.console(after=messages[2]["id"]) == []
    page = (await surveys.http.get("/v1/sms/console/messages?limit=2")).json()
    assert page["next"] == messages[1]["id"]
    assert (await surveys.http.get("/v1/sms/console/messages?after=x")).status_code == 422
    wrong = await surveys.http.post("/v1/sms/console/inbound", json={"from": "x", "text": "5"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "from")


ROUTES = [
    ("POST", "/v1/invitations", {"service", "admin"}),
    ("POST", "/v1/invitations/search", {"service", "admin"}),
    ("GET", "/v1/invitations", {"service", "admin", "quality", "contact_admin", "floor"}),
    ("GET", "/v1/invitations/x", {"service", "admin", "quality", "contact_admin", "floor"}),
    ("GET", "/v1/sms/console/messages", {"admin"}),
    ("POST", "/v1/sms/console/inbound", {"admin"}),
    ("PUT", "/v1/definitions/x", {"admin"}),
    ("GET", "/v1/definitions", {"service", "admin", "quality", "contact_admin", "floor"}),
    ("PUT", "/v1/config", {"admin"}),
    ("GET", "/v1/opt-outs", {"admin"}),
    ("POST", "/v1/opt-outs", {"admin", "contact_admin", "service", "agent"}),
    ("POST", "/v1/opt-outs/remove", {"admin", "contact_admin", "service", "agent"}),
    (
        "GET",
        "/v1/scores",
        {"admin", "supervisor", "floor", "quality", "auditor", "contact_admin", "service"},
    ),
]
ROLES = [
    "agent",
    "supervisor",
    "admin",
    "pbx",
    "insurer",
    "auditor",
    "specialist",
    "expert",
    "contact_admin",
    "quality",
    "floor",
    "service",
]


async def test_who_may_do_what(surveys) -> None:
    tokens = {role: surveys.token(role) for role in ROLES}
    for method, path, allowed in ROUTES:
        assert (await surveys.stranger.request(method, path, json={})).status_code == 401
        for role, token in tokens.items():
            answer = await surveys.stranger.request(method, path, json={}, headers=token)
            assert (answer.status_code != 403) == (role in allowed), (method, path, role)


async def test_a_definition_answers_with_the_cost_of_each_text(surveys) -> None:
    await surveys.configure(sms=[{"id": "console", "kind": "console", "price": 2.5}])
    body = {
        "questions": [{"id": "csi", "kind": "csi", "low": 3}, {"id": "why", "kind": "text"}],
        "texts": {
            "ru": "ТФОМС МО: оцените работу оператора от 1 до 5, ответив на это СМС."
            " Отказ от опросов: СТОП",
            "fa": "۱۴۲۰: رضایت خود را از ۱ تا ۵ پیامک کنید. لغو: ۱۱",
            "en": "Rate us [1-5]",
        },
        "rules": {"min_n": 1},
        "colour": "ignored",
    }
    made = await surveys.http.put("/v1/definitions/call", json=body)
    assert made.status_code == 201
    assert made.headers["location"].endswith("/v1/definitions/call")
    costs = {each["language"]: each for each in made.json()["costs"]}
    assert costs["ru"] == {
        "question": "csi", "language": "ru", "encoding": "UCS-2", "units": 88, "segments": 2, "cost": 5.0,
    }  # fmt: skip
    assert (costs["fa"]["units"], costs["fa"]["segments"], costs["fa"]["cost"]) == (48, 1, 2.5)
    assert (costs["en"]["encoding"], costs["en"]["units"]) == ("GSM-7", 15)

    unseen = await surveys.http.put("/v1/definitions/call", json=body)
    assert unseen.status_code == 428
    tag = made.headers["etag"]
    changed = await surveys.http.put(
        "/v1/definitions/call", json=body | {"name": "Calls"}, headers={"If-Match": tag}
    )
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    lost = await surveys.http.put("/v1/definitions/call", json=body, headers={"If-Match": tag})
    assert lost.status_code == 412
    got = await surveys.http.get("/v1/definitions/call")
    assert (got.headers["etag"], got.json()) == (changed.headers["etag"], changed.json())
    assert len((await surveys.http.get("/v1/definitions")).json()["items"]) == 1
    assert (await surveys.http.get("/v1/definitions/none")).status_code == 404


WRONG_DEFINITIONS = [
    ({"questions": []}, "questions"),
    ({"questions": [{"id": "q", "kind": "stars"}]}, "questions[0].kind"),
    ({"questions": [{"id": "q", "kind": "csi", "low": 9}]}, "questions[0]"),
    ({"questions": [{"id": "q", "kind": "csi"}] * 2}, "questions"),
    ({"texts": {"ru": " "}}, "texts.ru"),
    ({"trigger": {"event": "call.arrived"}}, "trigger.event"),
    ({"trigger": {"event": "call.ended", "min_talk_s": "long"}}, "trigger.min_talk_s"),
    ({"rules": {"sample_pct": 101}}, "rules.sample_pct"),
    ({"rules": {"quiet_hours": ["21-9"]}}, "rules.quiet_hours"),
    ({"rules": {"quiet_hours": ["21:00-09:00", "09:00-21:00"]}}, "rules.quiet_hours"),
    ({"rules": {"expire_s": 0}}, "rules.expire_s"),
]


async def test_a_wrong_definition_says_where(surveys) -> None:
    body = {"questions": [{"id": "csi", "kind": "csi"}], "texts": {"ru": "1-5?"}}
    for change, path in WRONG_DEFINITIONS:
        answer = await surveys.http.put("/v1/definitions/call", json=body | change)
        assert answer.status_code == 422, change
        assert answer.json()["errors"][0]["path"] == path
    assert (await surveys.http.get("/v1/definitions")).json()["items"] == []


WRONG_PROVIDERS = [
    ({"id": "g", "kind": "generic", "url": "ftp://x/y", "secret": "whsec_AAAA"}, "sms[0].url"),
    ({"id": "g", "kind": "generic", "url": "http://x/y"}, "sms[0]"),
    ({"id": "g", "kind": "generic", "url": "http://x/y", "secret": "open"}, "sms[0].secret"),
    ({"id": "s", "kind": "smpp", "host": "h"}, "sms[0]"),
    ({"id": "x", "kind": "pigeon"}, "sms[0].kind"),
    ({"id": "x", "kind": "console", "colour": 1}, "sms[0].colour"),
]


async def test_a_wrong_provider_is_refused_and_nothing_applied(surveys) -> None:
    survey = {"key": "s", "questions": [{"id": "q", "kind": "csi"}]}
    for entry, path in WRONG_PROVIDERS:
        answer = await surveys.http.put("/v1/config", json={"sms": [entry], "surveys": [survey]})
        assert answer.status_code == 422, entry
        assert answer.json()["errors"][0]["path"] == path
    assert (await surveys.http.get("/v1/definitions")).json()["items"] == []


async def test_an_invitation_under_way_goes_on_with_the_definition_it_began_with(surveys) -> None:
    await surveys.survey(questions=[{"id": "csi", "kind": "csi"}, {"id": "fcr", "kind": "fcr"}])
    made = await surveys.invite()
    await surveys.printed(1)
    await surveys.survey(questions=[{"id": "nps", "kind": "nps"}])
    await surveys.reply("5")
    await surveys.printed(2)
    await surveys.reply("да")
    found = await surveys.invitation(made["id"])
    assert [(a["question"], a["score"]) for a in found["answers"]] == [("csi", 5), ("fcr", "yes")]


async def test_the_tables_are_what_the_history_makes(surveys) -> None:
    from careline_common.db.migrate import differences
    from careline_surveys.db.tables import metadata

    assert await differences(surveys.database_url, schema="surveys", metadata=metadata) == []
