"""The web form behind a signed link."""

import asyncio
import re

import pytest

from careline_surveys.api import form_words

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
    assert answer.text.count("aria-describedby") == 2
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


async def test_a_guessed_link_is_answered_in_the_browsers_language(surveys) -> None:
    for path in ("/v1/f/abc", "/v1/f/" + "x" * 300, "/v1/f/%D9%BE%00"):
        answer = await surveys.stranger.get(path, headers={"Accept-Language": "fa-IR"})
        assert answer.status_code == 404
        assert 'lang="fa" dir="rtl"' in answer.text
        assert answer.headers["cache-control"] == "no-store"


async def test_a_link_that_was_used_says_so_and_one_that_is_over_says_that(surveys) -> None:
    path = await link(surveys)
    given = {"csi": "5", "solved": "yes"}
    for status, words in ((200, form_words.THANKS), (410, form_words.USED), (410, form_words.USED)):
        answer = await surveys.stranger.post(path, data=given)
        assert (answer.status_code, words["fa"] in answer.text) == (status, True)
    assert len(await surveys.events("careline.survey.score_recorded.v1")) == 2


async def test_of_two_who_send_at_once_one_is_heard(surveys) -> None:
    path = await link(surveys)
    sent = [
        surveys.stranger.post(path, data={"csi": str(score), "solved": "yes"})
        for score in range(1, 6)
    ]
    answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410, 410]
    [invitation] = await surveys.of_reference("c1")
    assert len(invitation["answers"]) == 3
    assert len(await surveys.events("careline.survey.score_recorded.v1")) == 2


async def test_what_was_given_is_kept_when_something_is_missing(surveys) -> None:
    path = await link(surveys)
    answer = await surveys.stranger.post(path, data={"csi": "4", "why": "<script>\0"})
    assert answer.status_code == 422
    assert re.search(r'name="csi" value="4" required checked', answer.text)
    assert "&lt;script&gt;</textarea>" in answer.text


async def test_what_was_answered_by_sms_is_not_asked_for_on_the_page(surveys) -> None:
    path = await link(surveys)
    assert await surveys.reply("۵", "+989121234567") == "answer"
    shown = await surveys.stranger.get(path)
    assert 'name="csi"' not in shown.text
    assert 'name="solved"' in shown.text
    answer = await surveys.stranger.post(path, data={"csi": "1", "solved": "no"})
    assert answer.status_code == 200
    [invitation] = await surveys.of_reference("c1")
    assert invitation["answers"][0]["score"] == 5


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xfe=\x00", "application/x-www-form-urlencoded"),
        (b"csi=%ED%A0%80&solved=%00", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (
            b"&".join(b"a%d=1" % number for number in range(500)),
            "application/x-www-form-urlencoded",
        ),
    ],
)
async def test_a_body_that_is_no_form_takes_nothing(surveys, content, kind) -> None:
    path = await link(surveys)
    answer = await surveys.stranger.post(path, content=content, headers={"Content-Type": kind})
    assert answer.status_code in {400, 422}
    assert (await surveys.stranger.get(path)).status_code == 200


BRANCHES = [
    {"id": "csi", "kind": "csi"},
    {"id": "why", "kind": "text", "when": {"question": "csi", "max": 2}},
    {"id": "solved", "kind": "fcr", "when": {"question": "csi", "max": 2}},
    {"id": "nps", "kind": "nps", "when": {"question": "csi", "min": 4}},
]


async def branching(surveys) -> str:
    await surveys.survey(questions=BRANCHES, texts={"ru": "Оцените: {link}"})
    await surveys.call_ended("c1")
    [message] = await surveys.printed(1)
    return message["text"][message["text"].index("/v1/f/") :]


def names(page: str) -> list[str]:
    found = re.findall(r'<(?:input|textarea)[^>]* name="([^"]+)"', page)
    return list(dict.fromkeys(found))


async def test_what_follows_from_an_answer_comes_on_a_page_of_its_own(surveys) -> None:
    path = await branching(surveys)
    assert names((await surveys.stranger.get(path)).text) == ["csi"]
    second = await surveys.stranger.post(path, data={"csi": "1"})
    assert second.status_code == 200
    assert names(second.text) == ["why", "solved", "/step"]
    [step] = re.findall(r'name="/step" value="([0-9a-f]+)"', second.text)
    assert (await surveys.stranger.get(path)).status_code == 410
    assert (await surveys.stranger.post(path, data={"solved": "no"})).status_code == 410
    forged = {"solved": "no", "/step": "0" * len(step)}
    assert (await surveys.stranger.post(path, data=forged)).status_code == 410
    missing = await surveys.stranger.post(path, data={"why": "ждал", "/step": step})
    assert missing.status_code == 422
    assert names(missing.text) == ["why", "solved", "/step"]
    given = {"why": "ждал", "solved": "no", "/step": step}
    assert form_words.THANKS["ru"] in (await surveys.stranger.post(path, data=given)).text
    assert (await surveys.stranger.post(path, data=given)).status_code == 410
    [invitation] = await surveys.of_reference("c1")
    assert invitation["status"] == "completed"
    assert [(a["question"], a["score"], a["text"]) for a in invitation["answers"]] == [
        ("csi", 1, None), ("why", None, "ждал"), ("solved", "no", None),
    ]  # fmt: skip


async def test_an_answer_from_which_nothing_follows_ends_the_form(surveys) -> None:
    path = await branching(surveys)
    assert form_words.THANKS["ru"] in (await surveys.stranger.post(path, data={"csi": "3"})).text
    [invitation] = await surveys.of_reference("c1")
    assert invitation["status"] == "completed"


async def test_the_mark_of_one_form_opens_no_other(surveys) -> None:
    path = await branching(surveys)
    page = (await surveys.stranger.post(path, data={"csi": "5"})).text
    [step] = re.findall(r'name="/step" value="([0-9a-f]+)"', page)
    await surveys.call_ended("c2", contact="+79035550002")
    second = (await surveys.printed(2))[1]["text"]
    other = second[second.index("/v1/f/") :]
    await surveys.stranger.post(other, data={"csi": "5"})
    assert (await surveys.stranger.post(other, data={"nps": "9", "/step": step})).status_code == 410
    assert (await surveys.stranger.post(path, data={"nps": "9", "/step": step})).status_code == 200
