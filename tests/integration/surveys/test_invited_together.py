"""Calls that end together are invited together; by the same rules as one after the other."""

import pytest

from careline_common.events import Envelope
from careline_common.ids import UuidIds
from careline_common.messaging.transport import OutgoingMessage
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

RULES = {"quarantine_s": 3600, "quiet_hours": []}


async def _all_at_once(surveys, calls) -> None:
    """Hands all calls to the bus in one go, so that the consumer finds them waiting together."""
    messages = []
    for call_id, changes in calls:
        envelope = Envelope(
            id=UuidIds().new(),
            source="/careline/router",
            subject=call_id,
            time=surveys.clock.now(),
            sequence=1,
            correlationid=call_id,
            causationid=None,
            data=surveys.ended(call_id, **changes),
        )
        messages.append(
            OutgoingMessage(
                event_id=envelope.id,
                type=envelope.type,
                subject=call_id,
                body=envelope.to_json(),
            )
        )
    await surveys.transport.publish(messages)


def _expected(calls, opted_out) -> dict[str, tuple[str, str | None]]:
    """Status and reason of each call's invitation, read off the rules one call after the other."""
    asked: set[str] = set()
    found: dict[str, tuple[str, str | None]] = {}
    for call_id, changes in calls:
        number, talk_s = changes["contact"], changes.get("talk_s", 60.0)
        if call_id in found or number in {"", "anonymous"} or talk_s < 5:
            continue
        if number in opted_out:
            found[call_id] = ("suppressed", "opted_out")
        elif number.startswith("+7495"):
            found[call_id] = ("suppressed", "landline")
        elif number in asked:
            found[call_id] = ("suppressed", "quarantine")
        else:
            asked.add(number)
            found[call_id] = ("delivered", None)
    return found


async def test_together_means_the_same_as_one_after_the_other(surveys) -> None:
    await surveys.survey(rules=RULES)
    await surveys.http.post("/v1/opt-outs", json={"phone": "+79030000007"})
    calls = [(f"c{n}", {"contact": f"+7903000000{n % 10}"}) for n in range(25)]
    calls += [("c3", {"contact": "+79030000003"}), ("short", {"contact": "+79031", "talk_s": 1.0})]
    calls += [("hidden", {"contact": "anonymous"}), ("desk", {"contact": "+74951234567"})]
    calls += [("again", {"contact": "+79039999999"})] * 2
    await _all_at_once(surveys, calls)
    expected = _expected(calls, {"+79030000007"})

    async def settled() -> bool:
        rows = await surveys.query("SELECT status FROM surveys.invitation")
        return len(rows) == len(expected) and all(r["status"] != "scheduled" for r in rows)

    await eventually(settled)
    rows = await surveys.query("SELECT reference_id, status, reason FROM surveys.invitation")
    assert {row["reference_id"]: (row["status"], row["reason"]) for row in rows} == expected
    sent = sum(status == "delivered" for status, _ in expected.values())
    assert len(await surveys.console()) == sent
    counted = surveys.metric("invitations_total", status="suppressed")
    assert counted == len(expected) - sent


async def test_a_daily_cap_counts_those_that_come_together(surveys) -> None:
    await surveys.survey(rules={"daily_cap": 3})
    await _all_at_once(surveys, [(f"c{n}", {"contact": f"+7903000000{n}"}) for n in range(8)])

    async def all_there() -> bool:
        rows = await surveys.query("SELECT status FROM surveys.invitation")
        return len(rows) == 8 and all(row["status"] != "scheduled" for row in rows)

    await eventually(all_there)
    assert len(await surveys.console()) == 3


async def test_one_that_was_invited_meanwhile_does_not_keep_the_others_out(surveys) -> None:
    """COPY knows no conflict: the batch is undone, and each call goes by itself."""
    await surveys.survey(rules=RULES)
    both = [("c1", {"contact": "+79030000001"}), ("c1", {"contact": "+79030000002"})]
    await _all_at_once(surveys, [*both, ("c2", {"contact": "+79030000003"})])
    await surveys.printed(2)
    rows = await surveys.query("SELECT reference_id FROM surveys.invitation ORDER BY 1")
    assert [row["reference_id"] for row in rows] == ["c1", "c2"]
