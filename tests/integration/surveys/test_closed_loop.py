"""From a bad answer to the call back, and to what the patient says then; each step exactly once."""

from datetime import timedelta

import pytest

from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

AFTER = {
    "key": "after",
    "questions": [{"id": "csi", "kind": "csi"}],
    "texts": {"ru": "Решен ли ваш вопрос? 1-5"},
    "trigger": {"event": "appeal.closed"},
    "rules": {"min_n": 1},
}
ASKED = {
    "key": "call",
    "questions": [{"id": "csi", "kind": "csi"}, {"id": "why", "kind": "text"}],
    "texts": {"ru": "Оцените звонок от 1 до 5"},
    "trigger": {"event": "call.ended", "min_talk_s": 5},
}


async def asked(surveys) -> str:
    """A patient has been asked; the id of his invitation."""
    await surveys.configure(surveys=[ASKED, AFTER], sms=[{"id": "console", "kind": "console"}])
    await surveys.call_ended("c1")
    await surveys.printed(1)
    [invitation] = await surveys.of_reference("c1")
    return str(invitation["id"])


async def follow_ups(surveys, **params):
    answer = await surveys.http.get("/v1/follow-ups", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def appeal(kind, invitation_id, now, **changes):
    values = {
        "ticket_id": "t1",
        "number": "T-2026-000001",
        "external_source": "survey",
        "external_id": invitation_id,
        "channel": "survey",
        "kind": "complaint",
        "registered_at": now,
        "action": "take",
        "status": "in_work",
        "level": 1,
        "at": now,
        "outcome": "justified",
        "closed_at": now,
    } | changes
    return kind.model_validate({k: v for k, v in values.items() if k in kind.model_fields})


async def test_a_low_score_is_followed_to_what_the_patient_says_after_it(surveys) -> None:
    invitation = await asked(surveys)
    assert await surveys.reply("1") == "answer"
    assert await surveys.reply("Никто не помог") == "answer"
    [comment] = await surveys.events("careline.survey.comment_given.v1")
    assert (comment["low"], comment["complaint"], comment["contact"]) == (
        True,
        False,
        "+79031234567",
    )
    assert "помог" not in str(comment)
    [opened] = await follow_ups(surveys)
    assert (opened["because"], opened["appeal"], opened["call_id"]) == (["low_score"], None, "c1")
    assert opened["scores"][0]["score"] == 1
    now = surveys.clock.now()
    closed = appeal(TicketClosed, invitation, now)
    moved = appeal(TicketMoved, invitation, now, action="close", status="closed")
    created = appeal(TicketCreated, invitation, now)
    for event, version in ((closed, 3), (created, 1), (closed, 3), (moved, 3)):
        await surveys.publish(event, "t1", f"e-{event.TYPE}", sequence=version)
    await surveys.printed(3)
    surveys.clock.advance(3600)
    back = {"callback": True, "answered_at": surveys.clock.now(), "agent": "a9", "talk_s": 1.0}
    for _ in range(2):
        await surveys.call_ended("back", event_id="e-back", **back)

    async def called_back():
        return await follow_ups(surveys, called_back=True)

    [one] = await eventually(called_back, what="the call back to be noted")
    assert one["called_back_by"] == "back"
    assert one["called_again_at"] is None
    assert (one["appeal"]["status"], one["appeal"]["outcome"]) == ("closed", "justified")
    assert one["appeal"]["number"] == "T-2026-000001"
    assert await surveys.reply("4") == "answer"
    [one] = await follow_ups(surveys, state="closed")
    [afterwards] = one["afterwards"]
    assert (afterwards["survey"], afterwards["status"]) == ("after", "completed")
    assert [answer["score"] for answer in afterwards["scores"]] == [4]
    assert await follow_ups(surveys, state="open") == []


async def test_how_an_appeal_ended_is_asked_once_and_not_without_end(surveys) -> None:
    invitation = await asked(surveys)
    await surveys.reply("1")
    now = surveys.clock.now()
    for version in (2, 4):  # closed, reopened, closed again
        event = appeal(TicketClosed, invitation, now)
        await surveys.publish(event, "t1", f"e{version}", sequence=version)
    await surveys.printed(3)
    [after] = await surveys.of_reference("t1")
    assert await surveys.reply("1") == "answer", "to the question of the newest invitation"
    unhappy = appeal(TicketClosed, after["id"], now, ticket_id="t2", number="T-2026-000002")
    await surveys.publish(unhappy, "t2", "e5", sequence=2)

    async def both_closed():
        found = await follow_ups(surveys, state="closed")
        return found if len(found) == 2 else None

    await eventually(both_closed, what="both appeals to be closed")
    assert await surveys.of_reference("t2") == []
    await surveys.printed(3)


async def test_a_word_of_complaint_is_enough(surveys) -> None:
    await asked(surveys)
    assert await surveys.reply("5") == "answer"
    assert await surveys.reply("Но на врача буду жаловаться") == "answer"
    [comment] = await surveys.events("careline.survey.comment_given.v1")
    assert (comment["low"], comment["complaint"]) == (True, True)
    [opened] = await follow_ups(surveys)
    assert opened["because"] == ["complaint"]
    assert "врач" not in str(opened)


async def test_who_is_content_is_left_in_peace(surveys) -> None:
    await asked(surveys)
    await surveys.reply("5")
    await surveys.reply("Спасибо, жалоб нет")
    [comment] = await surveys.events("careline.survey.comment_given.v1")
    assert (comment["low"], comment["contact"]) == (False, None)
    assert await follow_ups(surveys) == []


async def test_calls_before_the_answer_and_of_others_are_no_call_back(surveys) -> None:
    await asked(surveys)
    await surveys.reply("1")
    before = surveys.clock.now() - timedelta(minutes=5)
    await surveys.call_ended("before", callback=True, answered_at=before)
    surveys.clock.advance(60)
    later = surveys.clock.now()
    await surveys.call_ended("other", callback=True, answered_at=later, contact="+79035550001")
    await surveys.call_ended("missed", callback=True, outcome="lost", answered_at=None)
    await surveys.call_ended("own", answered_at=later)

    async def own_call():
        [one] = await follow_ups(surveys)
        return one if one["called_again_at"] else None

    one = await eventually(own_call, what="his own call to be noted")
    assert one["called_back_at"] is None
    assert await follow_ups(surveys, called_back=True) == []


async def test_a_complaint_beside_a_score_or_after_the_last_question_is_heard(surveys) -> None:
    invitation = await asked(surveys)
    assert await surveys.reply("5, но на врача буду жаловаться") == "answer"
    assert await surveys.reply("Нет") == "answer"
    surveys.clock.advance(60)
    assert await surveys.reply("Вы слышите? Это безобразие") == "late"
    told = await surveys.events("careline.survey.comment_given.v1")
    assert [(e["question"], e["complaint"], e["low"]) for e in told] == [
        ("csi", True, True), ("why", False, True), (None, True, True),
    ]  # fmt: skip
    assert {e["invitation_id"] for e in told} == {invitation}
    [opened] = await follow_ups(surveys)
    assert opened["because"] == ["complaint"]


async def test_thanks_after_the_last_question_open_nothing(surveys) -> None:
    await asked(surveys)
    await surveys.reply("5")
    await surveys.reply("Спасибо")
    assert await surveys.reply("Всего доброго") == "late"
    told = await surveys.events("careline.survey.comment_given.v1")
    assert [event["low"] for event in told] == [False]
