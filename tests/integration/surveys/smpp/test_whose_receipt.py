"""A receipt without an id that we know closes the right message, or none."""

from typing import Any

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

SOMEBODY, ANOTHER = "79031234567", "79030000002"


async def asks(surveys: Any, fake: Any, **entry: Any) -> None:
    fake.tell(set={"receipts": "none"})
    await surveys.survey(sms=[fake.entry | {"response_timeout_s": 0.3} | entry])
    await eventually(lambda: surveys.metric("sms_bound", provider="s1") == 1, what="a bind")


async def unknown(surveys: Any, fake: Any, reference: str, phone: str = SOMEBODY) -> Any:
    """An invitation whose message the SMSC has and never spoke of."""
    fake.tell(next=["silence"])
    made = await surveys.invite(reference, phone=f"+{phone}")
    await surveys.reaches(made["id"], "unknown")
    return made


async def receipt(
    surveys: Any, fake: Any, message_id: str, stat: str = "DELIVRD", **changes: Any
) -> None:
    """Comes in, and is kept."""
    count = "SELECT count(*) AS n FROM surveys.receipt"
    [before] = await surveys.query(count)
    text = f"id:{message_id} sub:001 stat:{stat} err:000"
    told = {"from": SOMEBODY, "to": "1420", "esm_class": 4, "hex": text.encode().hex()}
    fake.tell(deliver=told | changes)

    async def kept() -> bool:
        [now] = await surveys.query(count)
        return bool(now["n"] > before["n"])

    await eventually(kept, what="the receipt to be kept")


async def statuses(surveys: Any, *made: Any) -> list[str]:
    return [(await surveys.invitation(each["id"]))["status"] for each in made]


async def test_what_came_for_an_older_message_does_not_close_the_one_in_hand(surveys, fake) -> None:
    await asks(surveys, fake, response_timeout_s=2.0)
    old = await unknown(surveys, fake, "r1")
    surveys.clock.advance(60)
    fake.tell(next=["silence"])
    new = await surveys.invite("r2")
    await fake.sees(2)
    await receipt(surveys, fake, "77")
    await surveys.reaches(new["id"], "unknown")
    assert await statuses(surveys, old, new) == ["unknown", "unknown"]


async def test_what_came_for_a_message_of_days_ago_does_not_close_a_new_one(surveys, fake) -> None:
    await asks(surveys, fake)
    old = await unknown(surveys, fake, "r1")
    surveys.clock.advance(4 * 86_400)
    new = await unknown(surveys, fake, "r2")
    await receipt(surveys, fake, "77", "EXPIRED")
    assert (await statuses(surveys, old, new))[1] == "unknown"


async def test_the_second_receipt_of_a_closed_message_does_not_close_another(surveys, fake) -> None:
    await asks(surveys, fake)
    old = await unknown(surveys, fake, "r1")
    await receipt(surveys, fake, "77", "UNDELIV")
    await surveys.reaches(old["id"], "failed")
    new = await unknown(surveys, fake, "r2")
    await receipt(surveys, fake, "77")
    await surveys.reaches(old["id"], "delivered")
    assert await statuses(surveys, new) == ["unknown"]


async def test_a_strangers_receipt_with_our_reference_closes_nothing(surveys, fake) -> None:
    await asks(surveys, fake)
    made = await unknown(surveys, fake, "r1")
    [kept] = await surveys.query("SELECT reference FROM surveys.message")
    named: dict[str, Any] = {"from": ANOTHER, "tlvs": {"0204": f"{kept['reference']:04x}"}}
    await receipt(surveys, fake, "77", **named)
    assert await statuses(surveys, made) == ["unknown"]


async def test_an_id_that_is_given_out_again_is_not_the_other_persons(surveys, fake) -> None:
    await asks(surveys, fake)
    other = await surveys.invite("r1", phone=f"+{ANOTHER}")
    await surveys.reaches(other["id"], "sent")
    [sent] = await fake.sees(1)
    made = await unknown(surveys, fake, "r2")
    await receipt(surveys, fake, sent["message_id"])
    await surveys.reaches(made["id"], "delivered")
    assert await statuses(surveys, other) == ["sent"]
