"""One suite over three SMSCs: the shipped fake, smpp34's server and npm's smpp."""

from typing import Any

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

LONG_GSM = "Please rate your call from 1 to 5. [reply] {free} " * 8
LONG_RUSSIAN = "Оцените, пожалуйста, ваш разговор от 1 до 5, ответив на это сообщение. " * 4
EMOJI = "😀" * 80


async def asks(surveys: Any, smsc: Any, text: str = "Rate 1-5", **entry: Any) -> None:
    """Surveys with this SMSC as its only provider, and this text as the question."""
    await surveys.survey(sms=[smsc.entry | entry], texts={"en": text})
    await eventually(lambda: surveys.metric("sms_bound", provider="s1") == 1, what="a bind")


async def test_a_message_goes_out_and_its_receipt_comes_back(surveys, smsc) -> None:
    await asks(surveys, smsc, "Оцените от 1 до 5")
    made = await surveys.invite()
    found = await surveys.reaches(made["id"], "delivered")
    [sent] = smsc.saw()
    assert (sent["from"], sent["to"], sent["text"], sent["data_coding"]) == (
        "1420", "79031234567", "Оцените от 1 до 5", 8,
    )  # fmt: skip
    assert found["sent_at"] is not None
    assert len(await surveys.events("careline.survey.invitation_sent.v1")) == 1
    assert surveys.metric("sms_total", provider="s1", outcome="accepted") == 1


@pytest.mark.parametrize(
    ("way", "text"),
    [("udh", LONG_RUSSIAN), ("udh8", EMOJI), ("sar", EMOJI), ("payload", LONG_RUSSIAN)],
    ids=["udh", "udh8", "sar", "payload"],
)
async def test_a_long_message_arrives_whole_and_is_delivered_when_all_parts_are(
    surveys, smsc, way, text
) -> None:
    text = text.strip()
    await asks(surveys, smsc, text, long_messages=way)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    parts = smsc.saw()
    if way != "payload":
        assert len({part["part"][0] for part in parts}) == 1
        assert {part["part"][1] for part in parts} == {len(parts)}
        assert len(parts) > 1
    assert "".join(part["text"] for part in parts) == text
    [kept] = await surveys.query("SELECT parts FROM surveys.message")
    assert kept["parts"] == len(parts)


async def test_a_long_message_in_the_gsm_alphabet(surveys, smsc) -> None:
    await asks(surveys, smsc, LONG_GSM.strip())
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    assert [part["data_coding"] for part in smsc.saw()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("response", "receipt"), [("hex", "decimal"), ("decimal", "HEX"), ("hex", "padded")]
)
async def test_ids_are_the_same_however_they_are_written(surveys, smsc, response, receipt) -> None:
    smsc.tell(set={"response_ids": response, "receipt_ids": receipt, "tlvs": False})
    bases = {"hex": "hex", "HEX": "hex", "decimal": "decimal", "padded": "decimal"}
    await asks(surveys, smsc, response_ids=bases[response], receipt_ids=bases[receipt])
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")


async def test_a_receipt_may_come_before_the_answer(surveys, smsc) -> None:
    smsc.tell(set={"receipts": "before"})
    await asks(surveys, smsc)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    assert len(smsc.saw()) == 1


async def test_a_receipt_tells_that_a_message_failed(surveys, smsc) -> None:
    smsc.tell(set={"stat": "UNDELIV"})
    await asks(surveys, smsc)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "failed")


async def test_what_was_throttled_goes_out_later_and_once(surveys, smsc) -> None:
    smsc.tell(next=["throttle"])
    await asks(surveys, smsc)
    made = await surveys.invite()
    await smsc.sees(1, "refused")
    await eventually(lambda: surveys.metric("sms_total", provider="s1", outcome="refused") == 1)
    assert (await surveys.invitation(made["id"]))["status"] == "scheduled"
    surveys.clock.advance(10)
    await surveys.reaches(made["id"], "delivered")
    assert len(smsc.saw()) == 1


async def test_a_part_that_was_throttled_is_sent_again_and_the_first_is_not(surveys, smsc) -> None:
    smsc.tell(next=["ok", "throttle"])
    await asks(surveys, smsc, LONG_RUSSIAN.strip())
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    numbers = [part["part"][2] for part in smsc.saw()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_what_is_refused_for_good_fails_with_the_reason(surveys, smsc) -> None:
    smsc.tell(next=["refuse"])
    await asks(surveys, smsc)
    made = await surveys.invite()
    found = await surveys.reaches(made["id"], "failed")
    assert (found["reason"], found["sent_at"]) == ("ESME_RINVDSTADR", None)
    surveys.clock.advance(3600)
    await surveys.inside.sender.step()
    assert smsc.saw() == []


@pytest.mark.parametrize("echo", [True, False], ids=["by our reference", "by the number"])
async def test_silence_is_unknown_until_a_late_receipt(surveys, smsc, echo) -> None:
    smsc.tell(set={"receipts": "none", "echo_reference": echo}, next=["silence"])
    await asks(surveys, smsc, response_timeout_s=0.3)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "unknown")
    [sent] = await smsc.sees(1)
    assert await surveys.events("careline.survey.invitation_sent.v1") == []
    [kept] = await surveys.query("SELECT reference FROM surveys.message")
    receipt = {
        "from": sent["to"], "to": sent["from"], "esm_class": 4,
        "hex": f"id:{sent['message_id']} sub:001 Stat:DELIVRD err:000".encode().hex(),
    }  # fmt: skip
    if echo:
        receipt["tlvs"] = {"0204": f"{kept['reference']:04x}"}
    smsc.tell(deliver=receipt)
    await surveys.reaches(made["id"], "delivered")
    assert len(await surveys.events("careline.survey.invitation_sent.v1")) == 1
    assert surveys.metric("sms_closed_total", provider="s1", state="delivered") == 1
    await surveys.inside.sender.upkeep()
    assert surveys.metric("sms_unknown") == 0
    assert len(smsc.saw()) == 1


REPLIES = [
    pytest.param("5 отлично".encode("utf-16-be"), 8, 5, id="ucs-2"),
    pytest.param("۴ عالی بود".encode("utf-16-be"), 8, 4, id="persian"),
    pytest.param(b"3", 0, 3, id="gsm-7"),
    pytest.param("2".encode("latin-1"), 3, 2, id="latin-1"),
]


@pytest.mark.parametrize(("content", "coding", "score"), REPLIES)
async def test_a_reply_is_read_in_its_alphabet(surveys, smsc, content, coding, score) -> None:
    await asks(surveys, smsc)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    reply = {"from": "79031234567", "to": "1420", "hex": content.hex(), "data_coding": coding}
    smsc.tell(deliver=reply)
    found = await surveys.reaches(made["id"], "completed")
    assert [answer["score"] for answer in found["answers"]] == [score]


async def test_a_reply_in_a_message_payload(surveys, smsc) -> None:
    await asks(surveys, smsc)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    smsc.tell(
        deliver={
            "from": "79031234567",
            "to": "1420",
            "data_coding": 8,
            "tlvs": {"0424": ("5 " + "очень " * 60).encode("utf-16-be").hex()},
        }
    )
    found = await surveys.reaches(made["id"], "completed")
    assert [answer["score"] for answer in found["answers"]] == [5]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
async def test_a_reply_in_parts_is_one_reply_in_any_order(surveys, smsc, order) -> None:
    question = {"id": "why", "kind": "text", "texts": {"en": "Why?"}}
    await surveys.survey(sms=[smsc.entry], questions=[question], texts={})
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    words = "Оператор был вежлив и помог быстро, но ждать пришлось долго. " * 3
    content = words.encode("utf-16-be")
    parts = {n: content[(n - 1) * 131 : n * 131] for n in (1, 2)}  # within a character
    parts[3] = content[262:]
    for number in order:
        header = bytes([5, 0, 3, 77, 3, number])
        smsc.tell(
            deliver={
                "from": "79031234567",
                "to": "1420",
                "data_coding": 8,
                "esm_class": 0x40,
                "hex": (header + parts[number]).hex(),
            }
        )
        await smsc.sees(1 + 1 + order.index(number), "delivered")
    found = await surveys.reaches(made["id"], "completed")
    [kept] = await surveys.query("SELECT text FROM surveys.content")
    assert kept["text"].strip() == words.strip()
    assert len(found["answers"]) == 1


async def test_a_lost_connection_is_bound_again(surveys, smsc) -> None:
    await asks(surveys, smsc)
    smsc.kill()
    await eventually(lambda: surveys.metric("sms_bound", provider="s1") == 0)
    made = await surveys.invite()
    await smsc.start()
    await surveys.reaches(made["id"], "delivered")
    assert len(smsc.saw()) == 1


async def test_transmitter_and_receiver_apart(surveys, smsc) -> None:
    await asks(surveys, smsc, bind="tx_rx")
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    assert sorted(each["mode"] for each in smsc.saw("bound")) == ["receiver", "transmitter"]
