"""Texts with variables: what they cost, what is refused, and what patients read in the end."""

import pytest

pytestmark = pytest.mark.integration

LONG = "ТФОМС МО: оцените разговор {date} с {agent} от 1 до 5. СТОП - отказ"
BODY = {"questions": [{"id": "csi", "kind": "csi"}], "texts": {"ru": LONG, "en": "{agent}: 1-5?"}}
CONSOLE = {"id": "console", "kind": "console", "price": 2.5}


async def test_a_text_that_a_name_may_push_over_a_boundary_is_refused_unless_allowed(
    surveys,
) -> None:
    await surveys.configure(sms=[CONSOLE])
    refused = await surveys.http.put("/v1/definitions/call", json=BODY)
    assert refused.status_code == 422
    problem = refused.json()
    assert [error["path"] for error in problem["errors"]] == ["texts.ru"]
    assert "allow_more_segments" in problem["errors"][0]["reason"]
    assert (await surveys.http.get("/v1/definitions/call")).status_code == 404

    whole = await surveys.http.put("/v1/config", json={"surveys": [{"key": "call"} | BODY]})
    assert whole.status_code == 422
    assert [error["path"] for error in whole.json()["errors"]] == ["surveys[0].texts.ru"]

    allowed = await surveys.http.put(
        "/v1/definitions/call", json=BODY | {"allow_more_segments": True}
    )
    assert allowed.status_code == 201
    costs = {each["language"]: each for each in allowed.json()["costs"]}
    assert (costs["ru"]["segments"], costs["ru"]["cost"]) == (2, 5.0)
    assert (costs["ru"]["shortest"]["segments"], costs["ru"]["shortest"]["cost"]) == (1, 2.5)


async def test_a_preview_prices_and_keeps_nothing(surveys) -> None:
    await surveys.configure(sms=[CONSOLE])
    seen = await surveys.http.post("/v1/definitions/preview", json=BODY)
    assert seen.status_code == 200
    assert {(c["language"], c["segments"]) for c in seen.json()["costs"]} == {("ru", 2), ("en", 1)}
    assert [fault["path"] for fault in seen.json()["faults"]] == ["texts.ru"]
    two = {"questions": [{"id": "csi", "kind": "csi"}, {"id": "fcr", "kind": "fcr"}]}
    seen = await surveys.http.post("/v1/definitions/preview", json=BODY | two)
    ready = seen.json()["ready_made_costs"]
    assert {(c["question"], c["language"], c["segments"]) for c in ready} == {
        ("fcr", "ru", 1),
        ("fcr", "en", 1),
    }
    wrong = await surveys.http.post("/v1/definitions/preview", json=BODY | {"questions": []})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "questions")
    assert (await surveys.http.get("/v1/definitions")).json()["items"] == []
    stranger = await surveys.stranger.post("/v1/definitions/preview", json=BODY)
    assert stranger.status_code == 401


async def test_patients_read_the_name_cut_to_its_length_and_the_day_where_they_live(
    surveys,
) -> None:
    await surveys.survey(
        texts={"ru": "{date} {agent}: 1-5?", "fa": "{agent} ۱ تا ۵؟"}, variables={"agent": 9}
    )
    await surveys.configure(agents=[{"id": "a1", "name": "Анна-Мария Иванова"}])
    await surveys.call_ended("c1")
    [message] = await surveys.printed(1)
    assert message["text"] == "02.03 Анна-Мари: 1-5?"


async def test_an_invitation_goes_on_with_the_version_it_began_with(surveys) -> None:
    why = {"id": "why", "kind": "text", "texts": {"ru": "Почему?"}}
    asked_if_low = why | {"when": {"question": "csi", "max": 2}}
    await surveys.survey(questions=[{"id": "csi", "kind": "csi"}, asked_if_low])
    await surveys.call_ended("c1")
    await surveys.printed(1)
    await surveys.survey(questions=[{"id": "csi", "kind": "csi"}])
    await surveys.call_ended("c2", contact="+79030000002")
    await surveys.printed(2)
    await surveys.reply("1")
    assert (await surveys.printed(3))[2]["text"] == "Почему?"
    await surveys.reply("1", "+79030000002")
    await surveys.printed(3)
    assert [i["status"] for i in await surveys.of_reference("c1")] == ["replied"]
    assert [i["status"] for i in await surveys.of_reference("c2")] == ["completed"]
