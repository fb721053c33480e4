"""Notices of other services go out by SMS once; what patients write beside surveys is told to the journal."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from careline_common.events.tickets import TicketNoticeIssued
from careline_common.testing.waiting import eventually

if TYPE_CHECKING:
    from conftest import Surveys

pytestmark = pytest.mark.integration

RUSSIAN = "+79031234567"
TOLD = "Your appeal T-2026-000001 is registered."
HEARD = "careline.survey.message_received.v1"


def due(notice_id: str = "n1", **changes: Any) -> TicketNoticeIssued:
    values: dict[str, Any] = {
        "notice_id": notice_id,
        "ticket_id": "t1",
        "kind": "registered",
        "contact": RUSSIAN,
        "language": "en",
        "message": TOLD,
        "at_once": True,
    }
    return TicketNoticeIssued(**(values | changes))


async def told(surveys: "Surveys", event: TicketNoticeIssued, event_id: str = "") -> None:
    await surveys.publish(event, event.notice_id, event_id)


async def test_a_notice_goes_out_once_whatever_is_repeated(surveys: "Surveys") -> None:
    await surveys.survey()
    for event_id in ("e1", "e1", "e2"):
        await told(surveys, due(), event_id)
    [message] = await surveys.printed(1)
    assert (message["to"], message["text"]) == (RUSSIAN, TOLD)
    await eventually_counted(surveys, "repeated")
    assert len(await surveys.console()) == 1


async def eventually_counted(surveys: "Surveys", outcome: str) -> None:
    await eventually(
        lambda: surveys.metric("notices_total", kind="registered", outcome=outcome) >= 1
    )


async def test_a_notice_is_no_survey_it_neither_shields_from_one_nor_is_answered(
    surveys: "Surveys",
) -> None:
    await surveys.survey(rules={"quarantine_s": 86_400})
    await told(surveys, due())
    await surveys.printed(1)
    await surveys.call_ended("c1")
    messages = await surveys.printed(2)
    assert messages[1]["text"] == "Оцените звонок от 1 до 5"
    assert await surveys.reply("5") == "answer"
    page = (await surveys.http.get("/v1/invitations")).json()["items"]
    assert [one["survey"] for one in page] == ["call"]
    scores = await surveys.http.get(
        "/v1/scores", params={"by": "service", "metric": "csi", **the_year()}
    )
    [score] = scores.json()["items"]
    assert score["key"] == "call"


def the_year() -> dict[str, str]:
    return {
        "from": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        "to": datetime(2027, 1, 1, tzinfo=UTC).isoformat(),
    }


async def test_who_wants_no_messages_gets_none(surveys: "Surveys") -> None:
    await surveys.survey()
    await surveys.http.post("/v1/opt-outs", json={"phone": RUSSIAN})
    await told(surveys, due())
    await eventually_counted(surveys, "opted_out")
    assert await surveys.console() == []


async def test_a_landline_or_what_is_no_number_gets_none(surveys: "Surveys") -> None:
    await surveys.survey()
    await told(surveys, due("n1", contact="+74951234567"))
    await told(surveys, due("n2", contact="nobody"))
    await eventually_counted(surveys, "no_mobile")
    assert await surveys.console() == []


async def test_at_night_it_waits_for_the_day_unless_it_was_asked_for(surveys: "Surveys") -> None:
    await surveys.survey()
    await surveys.configure(
        calendars=[{"id": "c1", "zone": "Europe/Moscow", "weekly": {"mon": ["09:00-18:00"]}}]
    )
    night = datetime(2026, 3, 3, 20, 0, tzinfo=UTC)  # 23:00 in Moscow
    surveys.clock.advance((night - surveys.clock.now()).total_seconds())
    await told(surveys, due("n1", kind="late", message="late", at_once=False))
    await told(surveys, due("n2", kind="status", message="status"))
    [message] = await surveys.printed(1)
    assert message["text"] == "status"
    surveys.clock.advance(10 * 3600)
    surveys.inside.sender.wake()
    assert [one["text"] for one in await surveys.printed(2)] == ["status", "late"]


async def test_what_is_no_reply_is_told_to_the_journal_by_reference(surveys: "Surveys") -> None:
    await surveys.survey()
    assert await surveys.reply("They gave me no drugs") == "stray"
    [event] = await surveys.events(HEARD)
    assert "drugs" not in str(event)
    assert RUSSIAN not in str(event)
    shown = (await surveys.http.get(f"/v1/messages/{event['message_id']}")).json()
    assert (shown["from"], shown["text"], shown["meaning"]) == (
        RUSSIAN, "They gave me no drugs", "stray",
    )  # fmt: skip
    rows = await surveys.query("SELECT what, about FROM surveys.audit WHERE what = 'message'")
    assert [row["about"] for row in rows] == [event["message_id"]]
    denied = await surveys.stranger.get(f"/v1/messages/{event['message_id']}")
    assert denied.status_code == 401
    await surveys.http.post("/v1/persons/erase", json={"phone": RUSSIAN})
    gone = await surveys.http.get(f"/v1/messages/{event['message_id']}")
    assert gone.status_code == 404


@pytest.mark.parametrize("text", ["5", "👍", "...", "1!", "ок", "Спасибо"])
async def test_a_figure_a_smile_or_a_short_word_is_nothing_for_the_journal(
    surveys: "Surveys", text: str
) -> None:
    await surveys.survey()
    assert await surveys.reply(text) == "stray"
    assert await surveys.events(HEARD) == []


async def test_who_asks_how_things_stand_is_heard_while_a_survey_is_open_and_it_stays_open(
    surveys: "Surveys",
) -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    for text in ("Статус", "статус 7K2M-X09D-4QTC", "7k2mx09d4qtc"):
        assert await surveys.reply(text) == "status"
    assert len(await surveys.events(HEARD)) == 3
    assert await surveys.reply("5") == "answer"
    assert len(await surveys.events(HEARD)) == 3


async def test_a_reply_and_a_stop_are_nothing_for_the_journal(surveys: "Surveys") -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    assert await surveys.reply("отлично, но долго ждали") != "stray"
    assert await surveys.reply("стоп") == "stop"
    assert await surveys.events(HEARD) == []


async def test_what_is_written_long_after_a_survey_is_no_late_reply_to_it(
    surveys: "Surveys",
) -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.printed(1)
    surveys.clock.advance(29 * 86_400)
    assert await surveys.reply("Мне не дали лекарство") == "late"
    surveys.clock.advance(2 * 86_400)
    assert await surveys.reply("Мне не дали лекарство") == "stray"
    assert len(await surveys.events(HEARD)) == 1


async def test_what_a_crash_left_in_hand_is_unknown_and_never_sent_again(
    surveys: "Surveys",
) -> None:
    """As a survey's message; the process that died is played by its mark alone."""
    await told(surveys, due())  # no provider yet: it waits

    async def waits() -> bool:
        return len(await surveys.query("SELECT id FROM surveys.message")) == 1

    await eventually(waits)
    await surveys.query(
        "UPDATE surveys.message SET state = 'sending', claimed_at = $1", surveys.clock.now()
    )
    await surveys.survey()
    surveys.clock.advance(3600)
    await surveys.inside.sender.upkeep()
    [row] = await surveys.query("SELECT state FROM surveys.message")
    assert row["state"] == "unknown"
    surveys.inside.sender.wake()
    await surveys.inside.sender.step()
    assert await surveys.console() == []
