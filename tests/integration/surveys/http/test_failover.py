"""Which provider a message goes by, and that it goes by one only."""

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def _sent(surveys, number, fake, count) -> None:
    await surveys.invite(f"r{number}", phone=f"+790300{number:05}")
    await eventually(lambda: len(fake.sent) == count)
    await surveys.inside.sender.settled()


async def test_one_that_is_down_is_left_after_a_few_tries_and_tried_again(surveys, two) -> None:
    first, second = two
    await surveys.survey(sms=[first.entry, second.entry])
    first.script = ["account"] * 4
    for number in range(3):  # each is refused, and goes by whoever is well when it is due again
        await surveys.invite(f"r{number}", phone=f"+790300{number:05}")
        await eventually(
            lambda n=number: (
                surveys.metric("sms_total", provider="smsc", outcome="refused") == n + 1
            )
        )
    await _sent(surveys, 3, second, 1)
    surveys.clock.advance(20)
    await eventually(lambda: len(second.sent) == 4)
    surveys.clock.advance(20)  # the pause of the first is over: it is tried, and still refuses
    await surveys.invite("r4", phone="+79030000004")
    await eventually(lambda: surveys.metric("sms_total", provider="smsc", outcome="refused") == 4)
    surveys.clock.advance(2)
    await eventually(lambda: len(second.sent) == 5)
    surveys.clock.advance(61)
    await _sent(surveys, 5, first, 1)
    await _sent(surveys, 6, first, 2)
    everything = [each.to for each in (*first.sent, *second.sent)]
    assert len(everything) == len(set(everything)) == 7


async def test_what_one_may_have_is_never_given_to_the_other(surveys, two) -> None:
    first, second = two
    await surveys.survey(sms=[first.entry, second.entry])
    first.script = ["cut", "500", "garbage", "empty"]
    made = [await surveys.invite(f"r{n}", phone=f"+790300{n:05}") for n in range(8)]
    await eventually(lambda: len(first.sent) + len(second.sent) == 8)
    await surveys.inside.sender.settled()
    surveys.clock.advance(3600)
    await surveys.inside.sender.step()
    await surveys.inside.sender.settled()
    everything = [each.to for each in (*first.sent, *second.sent)]
    assert len(everything) == len(set(everything)) == len(made)


async def test_messages_leave_a_provider_that_takes_but_does_not_deliver(surveys, two) -> None:
    first, second = two
    entry = first.entry | {"least_delivered_pct": 60, "receipts_within_s": 60}
    await surveys.survey(sms=[entry, second.entry])

    async def judged(numbers, state) -> None:
        before = len(first.sent)
        for number in numbers:
            await surveys.invite(f"r{number}", phone=f"+790300{number:05}")
        await eventually(lambda: len(first.sent) == before + len(numbers))
        await surveys.inside.sender.settled()
        for sent in first.sent[before:]:
            call = first.dialect.status(sent, state)
            await surveys.stranger.post(
                f"/v1/sms/smsc/{call.target}", content=call.body, headers=dict(call.headers)
            )
        await surveys.inside.sender.upkeep()

    await judged(range(12), "delivered")
    await judged(range(12, 19), "failed")
    assert surveys.metric("sms_preferred", provider="smsc") == 1  # 12 of 19: too few to tell
    await judged(range(19, 21), "failed")
    assert surveys.metric("sms_preferred", provider="smsc") == 0
    assert surveys.metric("sms_delivered_share_ratio", provider="smsc") == pytest.approx(12 / 21)
    await _sent(surveys, 21, second, 1)
    surveys.clock.advance(601)  # it has rested, and shows by ten that it delivers again
    await judged(range(30, 40), "delivered")
    assert surveys.metric("sms_preferred", provider="smsc") == 1
    await _sent(surveys, 41, first, 32)
    assert len(second.sent) == 1


async def test_one_that_never_tells_of_deliveries_has_nothing_against_it(surveys, two) -> None:
    first, second = two
    await surveys.survey(sms=[first.entry, second.entry])
    for number in range(25):
        await surveys.invite(f"r{number}", phone=f"+790300{number:05}")
    await eventually(lambda: len(first.sent) == 25)
    await surveys.inside.sender.settled()
    surveys.clock.advance(4000)
    await surveys.inside.sender.upkeep()
    await _sent(surveys, 25, first, 26)
    assert second.sent == []
