"""Each message is handed over once, or nobody can say; against a provider behind a real socket."""

import asyncio
import json

import pytest

from careline_common.clock import ManualClock
from careline_common.http.signed import sign
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def test_a_message_goes_out_signed_and_is_sent(surveys, provider) -> None:
    await surveys.survey(sms=[provider.entry])
    made = await surveys.invite(language="ru")
    found = await surveys.reaches(made["id"], "sent")
    [sent] = provider.received
    [headers] = provider.headers
    assert (sent["to"], sent["text"]) == ("+79031234567", "Оцените звонок от 1 до 5")
    assert headers["webhook-id"] == sent["id"]
    right = sign(provider.secret, sent["id"], int(headers["webhook-timestamp"]), sent["raw"])
    assert headers["webhook-signature"] == right
    assert found["sent_at"] is not None
    assert surveys.metric("sms_total", provider="g1", outcome="accepted") == 1


UNKNOWN = (
    "silence", "cut", "500", "404", "400", "302", "200 {}", "200 error", '200 {"status":"failed"}', "204",
)  # fmt: skip


async def test_an_outcome_that_nobody_knows_is_never_sent_again(surveys, provider) -> None:
    await surveys.survey(sms=[provider.entry])
    made = {}
    for number, answer in enumerate(UNKNOWN):
        provider.script = [answer]
        made[answer] = await surveys.invite(answer, phone=f"+7903000000{number}")
        await surveys.reaches(made[answer]["id"], "unknown")
    surveys.clock.advance(3600)
    await surveys.inside.sender.upkeep()
    await surveys.inside.sender.step()
    again = await surveys.invite("silence")
    assert (again["id"], again["status"]) == (made["silence"]["id"], "unknown")
    assert len(provider.received) == len(UNKNOWN)
    assert surveys.metric("sms_unknown") == len(UNKNOWN)


@pytest.mark.parametrize("refusal", ["503", "429"])
async def test_what_was_not_taken_is_sent_later_and_once(surveys, provider, refusal) -> None:
    provider.script = [refusal, refusal]
    await surveys.survey(sms=[provider.entry])
    made = await surveys.invite()
    for attempt in (1, 2):
        await eventually(lambda n=attempt: len(provider.received) == n)
        await eventually(
            lambda n=attempt: surveys.metric("sms_total", provider="g1", outcome="refused") == n
        )
        assert (await surveys.invitation(made["id"]))["status"] == "scheduled"
        surveys.clock.advance(10)
    await surveys.reaches(made["id"], "sent")
    surveys.clock.advance(3600)
    await surveys.inside.sender.step()
    assert len(provider.received) == 3
    assert len({message["id"] for message in provider.received}) == 1


async def test_a_provider_that_is_not_there_has_taken_nothing(surveys, provider) -> None:
    gone = provider.entry | {"url": "http://127.0.0.1:9/send"}
    await surveys.survey(sms=[gone])
    made = await surveys.invite()
    await eventually(lambda: surveys.metric("sms_total", provider="g1", outcome="refused") >= 1)
    await surveys.survey(sms=[provider.entry])
    surveys.clock.advance(10)
    await surveys.reaches(made["id"], "sent")
    assert len(provider.received) == 1


async def test_what_is_refused_for_too_long_expires_unsent(surveys, provider) -> None:
    provider.script = ["503"] * 50
    await surveys.survey(sms=[provider.entry], rules={"expire_s": 600})
    made = await surveys.invite()
    await eventually(lambda: surveys.metric("sms_total", provider="g1", outcome="refused") == 1)
    surveys.clock.advance(601)
    found = await surveys.reaches(made["id"], "suppressed")
    assert found["reason"] == "expired"


async def test_two_sending_loops_send_each_message_once(start, provider) -> None:
    patient = {"sms_deadline_s": 30}  # a provider that is late is another test's
    async with start(**patient) as first, start(**patient) as second:
        await first.survey(sms=[provider.entry])
        await second.inside.configure(await second.service.app.state.config_store.load())
        for number in range(100):
            await first.invite(f"r{number}", phone=f"+790300{number:05}")
        await asyncio.gather(*(s.inside.sender.step() for s in (first, second) * 5))
        await eventually(lambda: len(provider.received) >= 100)
        await asyncio.gather(*(s.inside.sender.settled() for s in (first, second)))
        await asyncio.gather(*(s.inside.sender.step() for s in (first, second)))
    assert len(provider.received) == 100
    assert len({message["to"] for message in provider.received}) == 100


async def test_what_a_crash_left_in_hand_is_unknown_and_never_sent_again(start, provider) -> None:
    async with start(sms_poll_s=60) as surveys:
        await surveys.survey(sms=[provider.entry])
        made = await surveys.invite()
        await surveys.reaches(made["id"], "sent")
        # the state that kill -9 leaves between the committed mark and the provider's answer
        await surveys.query(
            "UPDATE surveys.message SET state = 'sending', provider_message_id = NULL, done_at = NULL"
        )
        await surveys.query("UPDATE surveys.invitation SET status = 'scheduled', sent_at = NULL")
    async with start() as surveys:
        await surveys.inside.sender.upkeep()
        assert (await surveys.invitation(made["id"]))["status"] == "scheduled"
        surveys.clock.advance(61)
        await surveys.inside.sender.upkeep()
        assert (await surveys.invitation(made["id"]))["status"] == "unknown"
        surveys.clock.advance(3600)
        await surveys.inside.sender.step()
        assert surveys.metric("sms_total", provider="g1", outcome="unknown") == 1
    assert len(provider.received) == 1


async def test_a_console_message_is_printed_in_the_transaction_that_marks_it(start) -> None:
    """Killed at any moment, the console has printed a delivered message or none at all."""
    async with start(sms_poll_s=60) as surveys:
        await surveys.survey()
        made = [await surveys.invite(f"r{n}", phone=f"+7903000000{n}") for n in range(5)]
        for each in made:
            await surveys.reaches(each["id"], "delivered")
        rows = await surveys.query(
            "SELECT m.state, c.id IS NOT NULL AS printed FROM surveys.message m"
            " LEFT JOIN surveys.console_message c ON c.message_id = m.id"
        )
    assert {(row["state"], row["printed"]) for row in rows} == {("delivered", True)}


async def test_the_first_provider_of_the_file_is_used_first(surveys, provider) -> None:
    console = {"id": "a-console", "kind": "console"}
    smpp = {
        "id": "0-smpp", "kind": "smpp", "host": "smsc", "port": 2775, "system_id": "S", "password": "p",
        "failover_s": 0,
    }  # fmt: skip
    await surveys.survey(sms=[smpp, provider.entry, console])
    made = await surveys.invite("r1")
    await surveys.reaches(made["id"], "sent")
    await surveys.survey(sms=[console])
    made = await surveys.invite("r2")
    await surveys.reaches(made["id"], "delivered")
    counts = (await surveys.http.put("/v1/config", json={"sms": [console]})).json()
    assert counts["sections"]["sms"] == {"created": 0, "updated": 0, "unchanged": 1}


async def test_nothing_is_lost_while_no_provider_can_send(surveys) -> None:
    smpp = {"id": "s1", "kind": "smpp", "host": "smsc", "port": 2775, "system_id": "S"}
    await surveys.survey(sms=[smpp | {"failover_s": 0}])
    made = await surveys.invite()

    async def alarmed() -> bool:
        await surveys.inside.sender.upkeep()
        return surveys.metric("sms_no_provider") == 1

    await eventually(alarmed)
    assert (await surveys.invitation(made["id"]))["status"] == "scheduled"
    assert surveys.service.readiness.ready
    await surveys.survey()
    await surveys.reaches(made["id"], "delivered")
    await surveys.inside.sender.upkeep()
    assert surveys.metric("sms_no_provider") == 0


async def test_a_reply_may_be_quicker_than_the_providers_answer(surveys, provider) -> None:
    provider.script = ["silence"]
    await surveys.survey(sms=[provider.entry])
    made = await surveys.invite()
    await eventually(lambda: len(provider.received) == 1)
    answer = await surveys.callback(
        "inbound", {"id": "i1", "from": "79031234567", "to": "1420", "text": "5", "at": None}
    )
    assert answer.status_code == 200
    await surveys.reaches(made["id"], "completed")
    await surveys.inside.sender.settled()
    assert (await surveys.invitation(made["id"]))["status"] == "completed"


async def test_receipts_come_in_any_order_and_more_than_once(surveys, provider) -> None:
    await surveys.survey(sms=[provider.entry])
    early = {"id": "s1", "message_id": "m1", "status": "delivered", "at": None}
    assert (await surveys.callback("status", early)).status_code == 200
    made = await surveys.invite()
    found = await surveys.reaches(made["id"], "delivered")
    assert found["delivered_at"] is not None
    late = {"id": "s2", "message_id": "m1", "status": "failed", "at": None}
    assert (await surveys.callback("status", late, webhook_id="w2")).status_code == 200
    again = await surveys.callback("status", late, webhook_id="w3")
    assert again.status_code == 200
    stray = {"id": "s3", "message_id": "nobody", "status": "delivered", "at": None}
    assert (await surveys.callback("status", stray, webhook_id="w4")).status_code == 200
    assert (await surveys.invitation(made["id"]))["status"] == "delivered"
    assert surveys.metric("receipts_total", provider="g1", result="unmatched") == 2
    assert surveys.metric("receipts_total", provider="g1", result="repeated") == 1


async def test_a_receipt_says_that_a_message_failed(surveys, provider) -> None:
    await surveys.survey(sms=[provider.entry])
    made = await surveys.invite()
    await surveys.reaches(made["id"], "sent")
    await surveys.callback("status", {"id": "s1", "message_id": "m1", "status": "UNDELIV"})
    assert (await surveys.invitation(made["id"]))["status"] == "failed"


async def test_callbacks_are_signed_and_repeats_change_nothing(
    surveys, provider, manual_clock: ManualClock
) -> None:
    await surveys.survey(sms=[provider.entry])
    made = await surveys.invite()
    await surveys.reaches(made["id"], "sent")
    body = {"id": "i1", "from": "+79031234567", "to": "1420", "text": "4", "at": None}
    path = "/v1/sms/g1/inbound"

    assert (await surveys.stranger.post(path, json=body)).status_code == 401
    wrong = "whsec_" + "A" * 32
    assert (await surveys.callback("inbound", body, secret=wrong)).status_code == 401
    unknown = await surveys.stranger.post("/v1/sms/g9/inbound", json=body)
    assert unknown.status_code == 401
    assert await surveys.query("SELECT 1 FROM surveys.inbound") == []
    assert surveys.metric("signed_rejections_total", reason="unsigned") == 2

    first = await surveys.callback("inbound", body)
    again = await surveys.callback("inbound", body)
    renamed = await surveys.callback("inbound", body, webhook_id="w2")
    other = await surveys.callback("inbound", body | {"text": "1"})
    assert [a.status_code for a in (first, again, renamed, other)] == [200, 200, 200, 409]
    assert first.json() == again.json() == renamed.json()
    found = await surveys.invitation(made["id"])
    assert [a["score"] for a in found["answers"]] == [4]
    assert len(await surveys.events("careline.survey.score_recorded.v1")) == 1
    bad = await surveys.callback("inbound", {"id": "i2"}, webhook_id="w5")
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "from")


async def test_text_in_a_broken_encoding_is_refused_not_kept(surveys, provider) -> None:
    await surveys.survey(sms=[provider.entry])
    content = json.dumps({"id": "i1", "from": "+79031234567", "text": "да"}, ensure_ascii=False)
    raw = content.encode("cp1251")
    stamp = int(surveys.clock.now().timestamp())
    headers = {
        "webhook-id": "w1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(provider.secret, "w1", stamp, raw),
    }
    answer = await surveys.stranger.post("/v1/sms/g1/inbound", content=raw, headers=headers)
    assert answer.status_code == 400
    assert await surveys.query("SELECT 1 FROM surveys.inbound") == []
