"""From a call that ended to a score, as the story goes."""

import asyncio

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def test_a_call_that_ends_five_times_brings_one_message(surveys) -> None:
    await surveys.survey()
    for _ in range(3):
        await surveys.call_ended("c1", event_id="e1")
    await surveys.call_ended("c1", event_id="e2")
    await surveys.call_ended("c1", event_id="e3")
    await surveys.call_ended("c2", event_id="e4")
    messages = await surveys.printed(2)
    assert {m["to"] for m in messages} == {"+79031234567"}
    assert messages[0]["text"] == "Оцените звонок от 1 до 5"
    assert [i["status"] for i in await surveys.of_reference("c1")] == ["delivered"]


async def test_a_low_reply_is_told_with_call_agent_queue_and_contact(surveys) -> None:
    await surveys.survey()
    await surveys.call_ended("c1", contact="+989121234567", language="fa", line="+982100000000")
    [message] = await surveys.printed(1)
    assert message["text"] == "رضایت خود را از ۱ تا ۵ پیامک کنید"

    assert await surveys.reply("۲", "+989121234567") == "answer"

    [invitation] = await surveys.of_reference("c1")
    assert invitation["status"] == "completed"
    assert [(a["question"], a["score"]) for a in invitation["answers"]] == [("csi", 2)]
    [score] = await surveys.events("careline.survey.score_recorded.v1")
    assert score | {"answered_at": None} == {
        "invitation_id": invitation["id"],
        "survey": "call",
        "service": "call",
        "question": "csi",
        "metric": "csi",
        "score": 2,
        "low": True,
        "reference_type": "call",
        "reference_id": "c1",
        "call_id": "c1",
        "agent": "a1",
        "queue": "adult",
        "organisation": None,
        "language": "fa",
        "answered_at": None,
        "contact": "+989121234567",
        "commented": False,
    }
    [sent] = await surveys.events("careline.survey.invitation_sent.v1")
    assert (sent["provider"], sent["reference_id"]) == ("console", "c1")


async def test_a_good_reply_tells_no_number(surveys) -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    await surveys.reply("5!")
    [score] = await surveys.events("careline.survey.score_recorded.v1")
    assert (score["score"], score["low"], score["contact"]) == (5, False, None)


NOT_ASKED = [
    {"outcome": "abandoned", "agent": None},
    {"talk_s": 4.9},
    {"contact": None},
    {"contact": "anonymous"},
    {"survey": "another"},
]


async def test_calls_that_are_not_to_be_asked_about_bring_no_message(surveys) -> None:
    await surveys.survey()
    for number, changes in enumerate(NOT_ASKED):
        await surveys.call_ended(f"c{number}", **changes)
    await surveys.call_ended("asked", contact="+79030000002")
    [message] = await surveys.printed(1)
    assert message["to"] == "+79030000002"
    assert len((await surveys.http.get("/v1/invitations")).json()["items"]) == 1


async def test_several_questions_are_asked_in_turn(surveys) -> None:
    await surveys.survey(
        questions=[
            {"id": "csi", "kind": "csi"},
            {"id": "solved", "kind": "fcr"},
            {"id": "why", "kind": "text", "texts": {"ru": "Что улучшить?"}},
        ]
    )
    await surveys.call_ended("c1")
    await surveys.printed(1)
    await surveys.reply("четыре")
    [_, second] = await surveys.printed(2)
    assert second["text"] == "Ваш вопрос решен? Ответьте ДА или НЕТ"
    [invitation] = await surveys.of_reference("c1")
    assert invitation["status"] == "replied"

    await surveys.reply("нет, не решили")
    messages = await surveys.printed(3)
    assert messages[2]["text"] == "Что улучшить?"
    await surveys.reply("Дольше работать вечером")

    [invitation] = await surveys.of_reference("c1")
    assert invitation["status"] == "completed"
    assert [
        (a["question"], a["score"], a["text"], a["language"]) for a in invitation["answers"]
    ] == [
        ("csi", 4, "четыре", "ru"),
        ("solved", "no", "нет, не решили", "ru"),
        ("why", None, "Дольше работать вечером", "ru"),
    ]
    told = await surveys.events("careline.survey.score_recorded.v1")
    assert [(e["metric"], e["score"], e["low"]) for e in told] == [
        ("csi", 4, False),
        ("fcr", 0, False),
    ]


async def test_what_cannot_be_read_is_asked_again_politely_and_once(surveys) -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    assert await surveys.reply("55") == "unclear"
    messages = await surveys.printed(2)
    assert "от 1 до 5" in messages[1]["text"]
    assert await surveys.reply("5 of 10") == "unclear"
    assert await surveys.reply("4") == "answer"
    await surveys.printed(2)
    [invitation] = await surveys.of_reference("c1")
    assert [a["score"] for a in invitation["answers"]] == [4]


async def test_late_and_stray_replies_are_kept_and_change_nothing(surveys) -> None:
    await surveys.survey()
    assert await surveys.reply("5") == "stray"
    await surveys.call_ended("c1")
    await surveys.printed(1)
    await surveys.reply("5")
    assert await surveys.reply("1") == "late"
    [invitation] = await surveys.of_reference("c1")
    assert [a["score"] for a in invitation["answers"]] == [5]
    rows = await surveys.query("SELECT meaning FROM surveys.inbound ORDER BY id")
    assert [row["meaning"] for row in rows] == ["stray", "answer", "late"]


async def test_the_newest_invitation_of_a_number_gets_the_reply(surveys) -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    surveys.clock.advance(60)
    await surveys.call_ended("c2")
    await surveys.printed(2)
    await surveys.reply("3")
    assert [i["status"] for i in await surveys.of_reference("c1")] == ["delivered"]
    assert [i["status"] for i in await surveys.of_reference("c2")] == ["completed"]


async def test_an_invitation_that_nobody_answers_in_time_expires(surveys) -> None:
    await surveys.survey(rules={"expire_s": 3600})
    await surveys.call_ended("c1")
    await surveys.printed(1)
    surveys.clock.advance(3601)
    assert await surveys.reply("5") == "late"
    await surveys.inside.sender.upkeep()
    [invitation] = await surveys.of_reference("c1")
    assert (invitation["status"], invitation["answers"]) == ("expired", [])


STOP_WORDS = [
    ("СТОП", "+79031234567"),
    ("stop!", "+79031234568"),
    ("退订", "+8613800138000"),
    ("لغو۱۱", "+989121234567"),
    ("إلغاء", "+9647901234567"),
]


async def test_a_stop_word_ends_all_surveys_for_that_number(surveys) -> None:
    await surveys.survey()
    for index, (word, number) in enumerate(STOP_WORDS):
        await surveys.call_ended(f"before{index}", contact=number, language=None)
        await surveys.printed(index + 1)
        assert await surveys.reply(word, number) == "stop", word
        made = await surveys.invite(f"after{index}", phone=number)
        assert (made["status"], made["reason"]) == ("suppressed", "opted_out")
    noted = (await surveys.http.get("/v1/opt-outs")).json()["items"]
    assert {(each["phone"], each["source"]) for each in noted} == {
        (number, "sms") for _, number in STOP_WORDS
    }
    assert len(await surveys.events("careline.survey.opted_out.v1")) == len(STOP_WORDS)
    await surveys.printed(len(STOP_WORDS))


async def test_a_stop_word_takes_back_what_waits(surveys) -> None:
    await surveys.survey(rules={"quiet_hours": ["11:00-14:00"]})
    await surveys.configure(
        lines=[{"number": "+74950000001", "flow": "main", "zone": "Europe/Moscow"}]
    )
    await surveys.call_ended("c1")

    async def held():
        found = await surveys.of_reference("c1")
        return found and found[0]["reason"] == "quiet"

    await eventually(held)
    await surveys.reply("стоп")
    [invitation] = await surveys.of_reference("c1")
    assert (invitation["status"], invitation["reason"]) == ("suppressed", "opted_out")
    surveys.clock.advance(24 * 3600)
    await asyncio.gather(surveys.inside.sender.step())
    assert await surveys.console() == []


async def test_an_opt_out_can_be_noted_listed_and_taken_back(surveys) -> None:
    await surveys.survey()
    answer = await surveys.http.post("/v1/opt-outs", json={"phone": "+79031234567"})
    assert answer.status_code == 201
    assert answer.json()["source"] == "api"
    again = await surveys.http.post("/v1/opt-outs", json={"phone": "+7 903 123-45-67"})
    assert again.json() == answer.json()
    assert (await surveys.invite("r1"))["reason"] == "opted_out"
    removed = await surveys.http.post("/v1/opt-outs/remove", json={"phone": "+79031234567"})
    assert removed.json() == {"removed": True}
    assert (await surveys.invite("r2"))["status"] == "scheduled"
    assert (await surveys.http.get("/v1/opt-outs")).json()["items"] == []
    assert (await surveys.http.post("/v1/opt-outs", json={"phone": "12"})).status_code == 422
