"""Replies that come late, early, in pieces or in the wrong alphabet: kept, and read right."""

from datetime import timedelta

import pytest

from careline_common.testing.waiting import eventually
from careline_surveys.adapters.smpp.coding import UCS2, charset_of
from careline_surveys.incoming import GAP_AFTER
from careline_surveys.ports import ReplyPart

pytestmark = pytest.mark.integration

RUSSIAN = "79031234567"
CSI = {"id": "csi", "kind": "csi"}
WHY = {
    "id": "why",
    "kind": "text",
    "texts": {"ru": "Что было не так?"},
    "when": {"question": "csi", "max": 2},
}


def parts(text: str, total: int, *, reference: int = 7, without: tuple[int, ...] = ()):
    """A reply cut into so many parts of equal length; `without` names those that get lost."""
    size = -(-len(text) // total)
    return [
        ReplyPart(
            sender=RUSSIAN,
            recipient="1420",
            content=text[number * size : (number + 1) * size].encode("utf-16-be"),
            charset=charset_of(UCS2, "gsm7"),
            reference=reference,
            total=total,
            number=number + 1,
        )
        for number in range(total)
        if number + 1 not in without
    ]


async def told(surveys, text, at, webhook_id="w1"):
    body = {"id": webhook_id, "from": RUSSIAN, "text": text, "at": at.isoformat()}
    answer = await surveys.callback("inbound", body, webhook_id=webhook_id)
    assert answer.status_code == 200, answer.text


async def scores(surveys, reference) -> list:
    [invitation] = await surveys.of_reference(reference)
    return [answer["score"] for answer in invitation["answers"]]


async def test_a_reply_that_was_on_its_way_answers_what_was_asked_before_it(surveys, provider):
    await surveys.survey(sms=[{"id": "console", "kind": "console"}, provider.entry])
    await surveys.call_ended("c1")
    await surveys.printed(1)
    surveys.clock.advance(600)
    written = surveys.clock.now()
    surveys.clock.advance(600)
    await surveys.call_ended("c2")
    await surveys.printed(2)
    await told(surveys, "4", written)
    assert (await scores(surveys, "c1"), await scores(surveys, "c2")) == ([4], [])
    await told(surveys, "2", surveys.clock.now(), "w2")
    assert (await scores(surveys, "c1"), await scores(surveys, "c2")) == ([4], [2])


async def test_a_reply_in_time_that_arrives_after_the_end_still_counts(surveys, provider):
    await surveys.survey(
        sms=[{"id": "console", "kind": "console"}, provider.entry], rules={"expire_s": 3600}
    )
    await surveys.call_ended("c1")
    await surveys.printed(1)
    surveys.clock.advance(3000)
    written = surveys.clock.now()
    surveys.clock.advance(1200)
    await surveys.inside.sender.upkeep()
    await told(surveys, "5", written)
    assert await scores(surveys, "c1") == [5]


async def test_what_is_written_after_the_answer_is_kept_with_it_in_its_language(surveys):
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    assert await surveys.reply("2, очень долго ждал") == "answer"
    assert await surveys.reply("и ещё музыка ужасная") == "late"
    assert await surveys.reply("спасибо!") == "late"
    [found] = await surveys.of_reference("c1")
    one = await surveys.invitation(found["id"])
    assert [(a["score"], a["text"], a["language"]) for a in one["answers"]] == [
        (2, "2, очень долго ждал", "ru")
    ]
    assert [(c["meaning"], c["text"], c["language"]) for c in one["comments"]] == [
        ("late", "и ещё музыка ужасная", "ru"),
        ("late", "спасибо!", "ru"),
    ]


async def test_thanks_after_the_newest_answer_do_not_reopen_an_older_question(surveys):
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    surveys.clock.advance(60)
    await surveys.call_ended("c2")
    await surveys.printed(2)
    assert await surveys.reply("5") == "answer"
    assert await surveys.reply("спасибо вам большое") == "late"
    assert await surveys.reply("3") == "answer"
    await surveys.printed(2)
    assert (await scores(surveys, "c1"), await scores(surveys, "c2")) == ([3], [5])


async def test_a_low_score_is_asked_why_and_a_good_one_is_not(surveys):
    await surveys.survey(questions=[CSI, WHY, {"id": "again", "kind": "nps"}])
    await surveys.call_ended("bad")
    await surveys.printed(1)
    await surveys.reply("1")
    assert (await surveys.printed(2))[1]["text"] == "Что было не так?"
    await surveys.reply("не перезвонили")
    await surveys.printed(3)
    await surveys.reply("0")
    [bad] = await surveys.of_reference("bad")
    assert bad["status"] == "completed"
    assert [a["question"] for a in bad["answers"]] == ["csi", "why", "again"]

    other = "+79030000009"
    await surveys.call_ended("good", contact=other)
    await surveys.printed(4)
    await surveys.reply("5", other)
    assert "0 до 10" in (await surveys.printed(5))[4]["text"]
    await surveys.reply("10", other)
    [good] = await surveys.of_reference("good")
    assert (good["status"], [a["question"] for a in good["answers"]]) == (
        "completed",
        ["csi", "again"],
    )


async def test_ten_parts_with_one_missing_are_kept_and_read_as_far_as_they_go(surveys):
    await surveys.survey(questions=[CSI, {"id": "why", "kind": "text"}])
    await surveys.call_ended("c1")
    await surveys.printed(1)
    text = "2 очень плохо " + "и ещё долго ждали " * 18 + "конец"
    take = surveys.inside._incoming.take
    for part in reversed(parts(text, 10, without=(6,))):
        await take("s1", [part])
    assert await surveys.inside._incoming.take_gaps() == 0
    assert await scores(surveys, "c1") == []

    surveys.clock.advance(GAP_AFTER.total_seconds() + 1)
    assert await surveys.inside._incoming.take_gaps() == 1
    assert await surveys.inside._incoming.take_gaps() == 0
    [invitation] = await surveys.of_reference("c1")
    [answer] = invitation["answers"]
    assert answer["score"] == 2
    assert answer["text"].startswith("2 очень плохо и ещё")
    assert "[…]" in answer["text"]
    assert answer["text"].endswith("конец")


async def test_without_its_first_part_a_reply_is_asked_for_again_and_kept(surveys):
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    text = "сначала всё плохо, потом лучше, в общем. Моя оценка такая. 5"
    await surveys.inside._incoming.take("s1", parts(text, 3, without=(1,)))
    surveys.clock.advance(GAP_AFTER.total_seconds() + 1)
    await surveys.inside._incoming.take_gaps()
    assert await scores(surveys, "c1") == []
    assert "от 1 до 5" in (await surveys.printed(2))[1]["text"]
    [found] = await surveys.of_reference("c1")
    [comment] = (await surveys.invitation(found["id"]))["comments"]
    assert (comment["meaning"], comment["text"][:3]) == ("unclear", "[…]")


async def test_a_new_reply_under_an_old_reference_loses_nothing_of_the_old_one(surveys):
    await surveys.survey(questions=[CSI, {"id": "why", "kind": "text"}])
    await surveys.call_ended("c1")
    await surveys.printed(1)
    take = surveys.inside._incoming.take
    await take("s1", parts("3 ждал и ждал и ждал и ждал", 2, without=(2,)))
    surveys.clock.advance(60)
    await take("s1", parts("музыка надоела, говорите быстрее", 2))
    [invitation] = await surveys.of_reference("c1")
    assert [(a["question"], a["score"]) for a in invitation["answers"]] == [
        ("csi", 3),
        ("why", None),
    ]
    assert invitation["answers"][1]["text"] == "музыка надоела, говорите быстрее"


async def test_a_part_that_comes_after_its_reply_was_taken_is_kept_beside_it(surveys):
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    whole = parts("4 хорошо, но очень долго ждали ответа", 3)
    await surveys.inside._incoming.take("s1", whole[:2])
    surveys.clock.advance(GAP_AFTER.total_seconds() + 1)
    await surveys.inside._incoming.take_gaps()
    assert await scores(surveys, "c1") == [4]
    await surveys.inside._incoming.take("s1", whole[2:])
    surveys.clock.advance(GAP_AFTER.total_seconds() + 1)
    await surveys.inside._incoming.take_gaps()
    [found] = await surveys.of_reference("c1")
    [comment] = (await surveys.invitation(found["id"]))["comments"]
    assert "ответа" in comment["text"]


async def test_a_reply_in_a_broken_encoding_is_put_right(surveys):
    await surveys.survey()
    for reference, text, sender in (
        ("c1", "отлично".encode().decode("latin-1"), "+79030000001"),
        ("c2", "плохо".encode("cp1251").decode("latin-1"), "+79030000002"),
        ("c3", "۵".encode().decode("cp1252"), "+989121234567"),
    ):
        await surveys.call_ended(reference, contact=sender)

        async def asked(reference=reference):
            found = await surveys.of_reference(reference)
            return found and found[0]["status"] == "delivered"

        await eventually(asked)
        assert await surveys.reply(text, sender) == "answer"
    assert [await scores(surveys, each) for each in ("c1", "c2", "c3")] == [[5], [2], [5]]
    [first] = await surveys.of_reference("c1")
    assert first["answers"][0]["text"] == "отлично"


async def test_a_provider_whose_clock_is_hours_behind_is_understood(surveys, provider):
    await surveys.survey(sms=[{"id": "console", "kind": "console"}, provider.entry])
    await surveys.call_ended("c1")
    await surveys.printed(1)
    await told(surveys, "5", surveys.clock.now() - timedelta(hours=8))
    assert await scores(surveys, "c1") == [5]


LINES = [
    {"number": "+982188880000", "flow": "main"},
    {"number": "+862188880000", "flow": "main"},
]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+989121234567", "09121234567"),
        ("+989121234567", "989121234567"),
        ("+989121234567", "00989121234567"),
        ("+989121234567", "9121234567"),
        ("+8613912345678", "13912345678"),
        ("+8613912345678", "8613912345678"),
    ],
)
async def test_a_sender_is_known_as_his_country_writes_him(surveys, provider, number, written):
    await surveys.survey(sms=[{"id": "console", "kind": "console"}, provider.entry])
    await surveys.configure(lines=LINES)
    await surveys.call_ended("c1", contact=number)
    await surveys.printed(1)
    body = {"id": "w1", "from": written, "text": "5"}
    assert (await surveys.callback("inbound", body)).status_code == 200
    assert await scores(surveys, "c1") == [5]


async def test_who_is_known_as_he_stands_is_not_taken_for_somebody_else(surveys, provider):
    await surveys.survey(sms=[{"id": "console", "kind": "console"}, provider.entry])
    await surveys.configure(lines=LINES)
    await surveys.call_ended("here", contact="+8613912345678")
    await surveys.call_ended("there", contact="+13912345678")
    await surveys.printed(2)
    body = {"id": "w1", "from": "13912345678", "text": "5"}
    assert (await surveys.callback("inbound", body)).status_code == 200
    assert (await scores(surveys, "here"), await scores(surveys, "there")) == ([], [5])
