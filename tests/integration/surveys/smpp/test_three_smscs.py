"""One suite over three SMSCs: the shipped fake, smpp34's server and npm's smpp.

What is read and written as PDUs goes over all three; what follows from it over the fake alone.
"""

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


async def test_a_message_goes_out_and_its_receipt_comes_after_or_before_the_answer(
    surveys, smsc
) -> None:
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
    smsc.tell(set={"receipts": "before"})
    other = await surveys.invite("r2", phone="+79030000002")
    await surveys.reaches(other["id"], "delivered")
    assert len(smsc.saw()) == 2


WAYS = [
    ("udh", LONG_RUSSIAN, 8),
    ("udh", LONG_GSM, 0),
    ("udh8", EMOJI, 8),
    ("sar", EMOJI, 8),
    ("payload", LONG_RUSSIAN, 8),
]


async def test_a_long_message_arrives_whole_and_is_delivered_when_all_parts_are(
    surveys, smsc
) -> None:
    for n, (way, long_text, coding) in enumerate(WAYS):
        text, phone = long_text.strip(), f"7903000000{n}"
        await asks(surveys, smsc, text, long_messages=way)
        made = await surveys.invite(f"r{n}", phone=f"+{phone}")
        await surveys.reaches(made["id"], "delivered")
        parts = [each for each in smsc.saw() if each["to"] == phone]
        if way != "payload":
            assert len({part["part"][0] for part in parts}) == 1
            assert {part["part"][1] for part in parts} == {len(parts)}
            assert len(parts) > 1
        if coding == 8:  # smpp34's server knows no GSM alphabet
            assert "".join(part["text"] for part in parts) == text
        assert {part["data_coding"] for part in parts} == {coding}
        [kept] = await surveys.query(
            "SELECT parts FROM surveys.message WHERE invitation_id = $1", made["id"]
        )
        assert kept["parts"] == len(parts)


@pytest.mark.parametrize(
    ("response", "receipt"), [("hex", "decimal"), ("decimal", "HEX"), ("hex", "padded")]
)
async def test_ids_are_the_same_however_they_are_written(surveys, fake, response, receipt) -> None:
    fake.tell(set={"response_ids": response, "receipt_ids": receipt, "tlvs": False})
    bases = {"hex": "hex", "HEX": "hex", "decimal": "decimal", "padded": "decimal"}
    await asks(surveys, fake, response_ids=bases[response], receipt_ids=bases[receipt])
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")


async def test_a_receipt_tells_that_a_message_failed(surveys, fake) -> None:
    fake.tell(set={"stat": "UNDELIV"})
    await asks(surveys, fake)
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


async def test_a_part_that_was_throttled_is_sent_again_and_the_first_is_not(surveys, fake) -> None:
    fake.tell(next=["ok", "throttle"])
    await asks(surveys, fake, LONG_RUSSIAN.strip())
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    numbers = [part["part"][2] for part in fake.saw()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_what_is_refused_for_good_fails_with_the_reason(surveys, fake) -> None:
    fake.tell(next=["refuse"])
    await asks(surveys, fake)
    made = await surveys.invite()
    found = await surveys.reaches(made["id"], "failed")
    assert (found["reason"], found["sent_at"]) == ("ESME_RINVDSTADR", None)
    surveys.clock.advance(3600)
    await surveys.inside.sender.step()
    assert fake.saw() == []


async def test_silence_is_unknown_until_a_late_receipt_by_our_reference(surveys, smsc) -> None:
    await is_closed_late(surveys, smsc, echo=True)


async def test_silence_is_unknown_until_a_late_receipt_by_the_number(surveys, fake) -> None:
    await is_closed_late(surveys, fake, echo=False)


async def is_closed_late(surveys: Any, smsc: Any, *, echo: bool) -> None:
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


PAYLOAD = ("5 " + "очень " * 60).encode("utf-16-be")
REPLIES = [
    ({"hex": "5 отлично".encode("utf-16-be").hex(), "data_coding": 8}, 5),
    ({"hex": "۴ عالی بود".encode("utf-16-be").hex(), "data_coding": 8}, 4),
    ({"hex": b"3".hex(), "data_coding": 0}, 3),
    ({"hex": "2 très".encode("latin-1").hex(), "data_coding": 3}, 2),
    ({"tlvs": {"0424": PAYLOAD.hex()}, "data_coding": 8}, 5),
]


async def test_a_reply_is_read_in_its_alphabet_and_from_a_payload(surveys, smsc) -> None:
    await asks(surveys, smsc)
    for n, (content, score) in enumerate(REPLIES):
        phone = f"7903000000{n}"
        made = await surveys.invite(f"r{n}", phone=f"+{phone}")
        await surveys.reaches(made["id"], "delivered")
        smsc.tell(deliver={"from": phone, "to": "1420"} | content)
        found = await surveys.reaches(made["id"], "completed")
        assert [answer["score"] for answer in found["answers"]] == [score]


async def test_a_reply_in_parts_is_one_reply_in_any_order(surveys, smsc) -> None:
    order = (3, 1, 2)
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
