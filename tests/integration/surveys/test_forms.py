"""The web form behind a signed link."""

import re

import pytest

pytestmark = pytest.mark.integration


async def link(surveys, **changes) -> str:
    questions = [
        {"id": "csi", "kind": "csi"},
        {"id": "solved", "kind": "fcr"},
        {"id": "why", "kind": "text"},
    ]
    await surveys.survey(
        questions=questions, texts={"fa": "نظر شما: {link}", "ru": "Оцените: {link}"}, **changes
    )
    await surveys.call_ended("c1", contact="+989121234567", language="fa")
    [message] = await surveys.printed(1)
    found = re.search(r"/v1/f/\S+", message["text"])
    assert found
    return found[0]


async def test_looking_does_not_use_the_link_up_and_answering_does(surveys) -> None:
    path = await link(surveys)
    for _ in range(2):
        shown = await surveys.stranger.get(path)
        assert shown.status_code == 200
    assert 'lang="fa" dir="rtl"' in shown.text
    assert "<script" not in shown.text
    assert "{link}" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    given = {"csi": "2", "solved": "no", "why": "منتظر ماندم"}
    thanks = await surveys.stranger.post(path, data=given)
    assert thanks.status_code == 200
    assert (await surveys.stranger.post(path, data=given)).status_code == 410
    assert (await surveys.stranger.get(path)).status_code == 410
    [invitation] = await surveys.of_reference("c1")
    assert invitation["status"] == "completed"
    assert [(a["question"], a["score"], a["text"]) for a in invitation["answers"]] == [
        ("csi", 2, None), ("solved", "no", None), ("why", None, "منتظر ماندم"),
    ]  # fmt: skip
    told = await surveys.events("careline.survey.score_recorded.v1")
    assert [(e["metric"], e["low"]) for e in told] == [("csi", True), ("fcr", False)]
    await surveys.printed(1)


async def test_what_is_missing_is_asked_for_and_the_link_stays(surveys) -> None:
    path = await link(surveys)
    answer = await surveys.stranger.post(path, data={"csi": "7", "why": "<b>"})
    assert answer.status_code == 422
    assert answer.text.count('role="alert"') == 2
    assert (await surveys.stranger.get(path)).status_code == 200


async def test_a_link_cannot_be_guessed(surveys) -> None:
    path = await link(surveys)
    other = "0" if path[-1] != "0" else "1"
    for guessed in (path[:-1] + other, path[:-4], path + "x", "/v1/f/.", "/v1/f/abc"):
        assert (await surveys.stranger.get(guessed)).status_code == 404
        assert (await surveys.stranger.post(guessed, data={"csi": "5"})).status_code == 404


async def test_a_link_ends_with_its_invitation(surveys) -> None:
    path = await link(surveys, rules={"expire_s": 60})
    surveys.clock.advance(61)
    assert (await surveys.stranger.get(path)).status_code == 410
