"""Three processes of surveys, one of them killed: one invitation a call, one message a patient."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from replicas import PATIENCE_S, Provider, Site, Told, provider

from careline_common.events.router import CallEnded
from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CALLS = 60
WINDOW = 4
"""Messages that each process has in hand at a time."""
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def config(sms: Provider) -> dict[str, object]:
    survey = {
        "key": "call",
        "questions": [{"id": "csi", "kind": "csi"}],
        "texts": {"ru": "1-5?"},
        "trigger": {"event": "call.ended", "min_talk_s": 5},
    }
    return {"surveys": [survey], "sms": [sms.entry]}


def ended(number: int) -> Told:
    event = CallEnded(
        call_id=f"c-{number}",
        line="+74950000001",
        outcome="handled",
        queue="oms",
        agent="a1",
        arrived_at=AT,
        ended_at=AT + timedelta(minutes=1),
        talk_s=60.0,
        contact=f"+7903{number:07}",
    )
    return Told(f"e-{number}", event, f"c-{number}")


async def test_each_patient_is_asked_once_though_one_of_three_is_killed(site: Site) -> None:
    calls = [ended(number) for number in range(CALLS)]
    async with provider() as sms:
        first, *_ = await site.replicas(
            "surveys",
            3,
            config(sms),
            CARELINE_SMS_WINDOW=str(WINDOW),
            CARELINE_SMS_DEADLINE_S="1",
            CARELINE_SMS_LEASE_S="3",
            CARELINE_SMS_POLL_S="0.2",
        )
        await site.publish([one for one in calls[: CALLS // 2] for _ in range(2)])
        await eventually(lambda: len(sms.received) >= CALLS // 6, within_s=PATIENCE_S)
        await first.kill()
        await site.publish(calls[CALLS // 2 :])
        await first.start()
        await site.publish(calls)
        await site.reaches("SELECT count(*) FROM surveys.inbox", CALLS)
        await site.reaches(
            "SELECT count(*) FROM surveys.invitation WHERE status IN ('sent', 'unknown')", CALLS
        )
        await site.settled("surveys", ["surveys.ended-calls"])

    assert await site.value("SELECT count(*) FROM surveys.invitation") == CALLS
    assert await site.value("SELECT count(*) FROM surveys.message") == CALLS
    asked = Counter(message["to"] for message in sms.received)
    assert set(asked.values()) == {1}, "nobody is asked twice"
    assert len(asked) >= CALLS - WINDOW, "only what the killed one had in hand may be lost"
    unknown = await site.value("SELECT count(*) FROM surveys.invitation WHERE status = 'unknown'")
    assert unknown <= WINDOW
    sent = Counter(
        event["invitation_id"]
        for event in await site.told("surveys", "careline.survey.invitation_sent.v1")
    )
    assert set(sent.values()) == {1}
    assert len(sent) >= CALLS - unknown
