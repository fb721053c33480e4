"""Callers who answer by keys once the agent has gone."""

import pytest

from careline_common.events.router import CallKeyed
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

LANDLINE = "+74951234567"
TWO = [{"id": "csi", "kind": "csi"}, {"id": "why", "kind": "text"}, {"id": "nps", "kind": "nps"}]


async def keyed(surveys, call_id: str, keys: str, event_id: str = "") -> None:
    event = CallKeyed(call_id=call_id, keys=keys, keyed_at=surveys.clock.now())
    await surveys.publish(event, call_id, event_id)


async def answers(surveys, call_id: str, count: int):
    async def there():
        found = await surveys.of_reference(call_id)
        return found[0] if found and len(found[0]["answers"]) == count else None

    found = await eventually(there, what=f"{count} answers to {call_id}")
    return await surveys.invitation(found["id"])  # as it is once all of that is committed


async def test_a_landline_that_no_sms_reaches_is_heard_once(surveys) -> None:
    await surveys.survey(questions=TWO, rules={"min_n": 1})
    await surveys.call_ended("c1", contact=LANDLINE)
    for event_id in ("e1", "e1", "e2"):
        await keyed(surveys, "c1", "2#10", event_id)
    found = await answers(surveys, "c1", 2)
    assert [(a["question"], a["score"]) for a in found["answers"]] == [("csi", 2), ("nps", 10)]
    assert found["status"] == "replied"
    told = await surveys.events("careline.survey.score_recorded.v1")
    assert [(e["metric"], e["low"], e["contact"]) for e in told] == [
        ("csi", True, LANDLINE), ("nps", False, None),
    ]  # fmt: skip
    [score] = (await surveys.http.get("/v1/scores", params={"metric": "csi"})).json()["items"]
    assert (score["n"], score["response_rate_pct"]) == (1, 100.0)
    assert await surveys.console() == []


async def test_answers_told_one_by_one_each_with_those_before_it_are_counted_once(surveys) -> None:
    await surveys.survey(questions=TWO)
    await surveys.call_ended("c1", contact=LANDLINE)
    for number, keys in enumerate(("2#10", "2", "2#10")):
        await keyed(surveys, "c1", keys, f"e{number}")
    found = await answers(surveys, "c1", 2)
    assert [(a["question"], a["score"]) for a in found["answers"]] == [("csi", 2), ("nps", 10)]
    assert len(await surveys.events("careline.survey.score_recorded.v1")) == 2


async def test_keys_that_overtake_the_end_of_their_call_wait_for_it(surveys) -> None:
    await surveys.survey()
    await keyed(surveys, "c1", "4")
    await surveys.call_ended("c1", contact=LANDLINE)
    found = await answers(surveys, "c1", 1)
    assert (found["status"], found["answers"][0]["score"]) == ("completed", 4)


async def test_who_has_answered_by_keys_gets_no_sms(surveys) -> None:
    await surveys.survey(rules={"quiet_hours": ["00:00-23:59"]})
    await surveys.call_ended("c1")
    await keyed(surveys, "c1", "5")
    found = await answers(surveys, "c1", 1)
    assert found["status"] == "completed"
    rows = await surveys.query("SELECT state FROM surveys.message")
    assert [row["state"] for row in rows] == ["cancelled"]


async def test_who_wants_no_surveys_is_not_counted_and_nothing_is_parked(surveys) -> None:
    await surveys.survey()
    await surveys.http.post("/v1/opt-outs", json={"phone": LANDLINE})
    await surveys.call_ended("c1", contact=LANDLINE)
    await surveys.call_ended("hidden", contact=None)
    await surveys.call_ended("short", talk_s=1.0)
    for number, call_id in enumerate(("c1", "hidden", "short")):
        await keyed(surveys, call_id, "5", f"e{number}")

    async def all_handled() -> bool:
        rows = await surveys.query("SELECT 1 FROM surveys.inbox WHERE event_id LIKE 'e_'")
        return len(rows) == 3

    await eventually(all_handled, what="the keys to be handled")
    [refused] = await surveys.of_reference("c1")
    assert (refused["status"], refused["answers"]) == ("suppressed", [])
    assert await surveys.events("careline.survey.score_recorded.v1") == []
