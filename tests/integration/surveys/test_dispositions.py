"""Calls that are asked about by what the agent made of them, in whatever order that is heard."""

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

SOLVED = {"event": "call.ended", "min_talk_s": 5, "dispositions": ["solved"]}


async def heard(surveys, count: int) -> None:
    """Once the consumer has taken so many events."""

    async def there():
        [row] = await surveys.query("SELECT count(*) AS n FROM surveys.inbox")
        return row["n"] >= count

    await eventually(there)


@pytest.mark.parametrize("first", ["ended", "wrapped up"])
async def test_a_call_is_asked_about_once_when_both_halves_are_known(surveys, first) -> None:
    await surveys.survey(trigger=SOLVED)
    halves = [
        lambda name: surveys.call_ended("c1", event_id=name),
        lambda name: surveys.wrapped_up("c1", "solved", event_id=name),
    ]
    if first == "wrapped up":
        halves.reverse()
    await halves[0]("e1")
    await heard(surveys, 1)
    assert await surveys.of_reference("c1") == []
    await halves[1]("e2")
    await surveys.printed(1)
    for number, half in enumerate([*halves, *halves]):
        await half(f"again{number}")
    await heard(surveys, 6)
    [invitation] = await surveys.of_reference("c1")
    assert (invitation["agent"], invitation["status"]) == ("a1", "delivered")
    await surveys.printed(1)


async def test_other_dispositions_and_other_calls_are_not_asked_about(surveys) -> None:
    await surveys.survey(trigger=SOLVED)
    await surveys.call_ended("c1")
    await surveys.wrapped_up("c1", "wrong number")
    await surveys.call_ended("c2", talk_s=2.0)
    await surveys.wrapped_up("c2", "solved")
    await surveys.call_ended("c3", contact=None)
    await surveys.wrapped_up("c3", "solved")
    await heard(surveys, 6)
    assert (await surveys.http.get("/v1/invitations")).json()["items"] == []


async def test_the_number_of_a_held_call_stands_with_the_person_alone(surveys) -> None:
    await surveys.survey(trigger=SOLVED)
    await surveys.call_ended("c1")
    await heard(surveys, 1)
    [row] = await surveys.query("SELECT event::text, person_id FROM surveys.held_call")
    assert "+7903" not in row["event"]
    assert row["person_id"] is not None
    surveys.clock.advance(3 * 86_400)
    await surveys.call_ended("c2")
    await heard(surveys, 2)
    assert [row["call_id"] for row in await surveys.query("SELECT * FROM surveys.held_call")] == [
        "c2"
    ]


async def test_nothing_is_held_while_no_survey_asks_by_disposition(surveys) -> None:
    await surveys.survey()
    await surveys.call_ended("c1")
    await surveys.wrapped_up("c1", "solved")
    await surveys.printed(1)
    await heard(surveys, 2)
    assert await surveys.query("SELECT * FROM surveys.held_call") == []
