"""What networks and SMSCs do to a sender, played by the shipped fake and a proxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from smscs import SmscProcess

from careline_common.testing.proxy import Proxy
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

QUICK = {"response_timeout_s": 0.4, "enquire_link_s": 0.3}


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(fake: SmscProcess) -> AsyncIterator[Proxy]:
    """A network between surveys and the SMSC."""
    made = Proxy(lambda: asyncio.open_connection("127.0.0.1", fake.port))
    await made.open()
    yield made
    await made.close()


async def asks(surveys: Any, entry: dict[str, Any]) -> None:
    await surveys.survey(sms=[entry])
    await eventually(lambda: surveys.metric("sms_bound", provider="s1") == 1, what="a bind")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "lose"])
async def test_a_connection_that_drops_on_the_way_leaves_an_unknown_outcome(
    surveys, fake, fault
) -> None:
    fake.tell(next=[fault], set={"receipts": "none"})
    await asks(surveys, fake.entry | QUICK)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "unknown")
    surveys.clock.advance(3600)
    other = await surveys.invite("r2", phone="+79030000002")
    await surveys.reaches(other["id"], "sent")
    assert {each["to"] for each in fake.saw()} <= {"79031234567", "79030000002"}
    assert len(fake.saw()) + len(fake.saw("lost")) == 2
    assert (await surveys.invitation(made["id"]))["status"] == "unknown"


async def test_an_answer_that_comes_late_closes_the_unknown_outcome(surveys, fake) -> None:
    fake.tell(next=["slow"], set={"receipts": "none", "slow_s": 1.5})
    await asks(surveys, fake.entry | {"response_timeout_s": 0.3})
    made = await surveys.invite()
    await surveys.reaches(made["id"], "unknown")
    await surveys.reaches(made["id"], "sent")
    assert len(await surveys.events("careline.survey.invitation_sent.v1")) == 1
    assert len(fake.saw()) == 1


async def test_a_black_hole_is_noticed_and_left(surveys, fake, proxy) -> None:
    fake.tell(set={"receipts": "none"})
    await asks(surveys, fake.entry | QUICK | {"port": proxy.port})
    proxy.swallow()
    made = await surveys.invite()
    await eventually(lambda: surveys.metric("sms_bound", provider="s1") == 0)
    assert (await surveys.invitation(made["id"]))["status"] in {"unknown", "scheduled"}
    proxy.reset()
    proxy.pass_on()
    other = await surveys.invite("r2", phone="+79030000002")
    surveys.clock.advance(60)
    await surveys.reaches(other["id"], "sent")
    assert len([each for each in fake.saw() if each["to"] == "79030000002"]) == 1


async def test_receipts_in_any_order_find_their_messages(surveys, fake) -> None:
    fake.tell(set={"receipt_spread_s": 1.0, "tlvs": False})
    await asks(surveys, fake.entry)
    made = [await surveys.invite(f"r{n}", phone=f"+7903000{n:04}") for n in range(20)]
    for each in made:
        await surveys.reaches(each["id"], "delivered")
    assert len({each["to"] for each in fake.saw()}) == len(fake.saw()) == 20


async def test_a_reply_that_is_delivered_again_counts_once(surveys, fake) -> None:
    """The SMSC never heard our acknowledgement; a later reply in the same words is another."""
    question = {"id": "again", "kind": "csi", "texts": {"en": "And the doctor, 1 to 5?"}}
    await surveys.survey(
        sms=[fake.entry], questions=[{"id": "csi", "kind": "csi"}, question], texts={"en": "1-5?"}
    )
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    await fake.sees(1, "delivered")
    fake.tell(lose_answers=1, reply={"from": "79031234567", "to": "1420", "text": "5"})
    await fake.sees(1, "answer_lost")
    await eventually(lambda: surveys.metric("replies_total", meaning="repeated") == 1)
    found = await surveys.invitation(made["id"])
    assert [answer["question"] for answer in found["answers"]] == ["csi"]

    async def confirmed() -> bool:
        rows = await surveys.query("SELECT external_id FROM surveys.inbound")
        return [row["external_id"] for row in rows] == [None]

    await eventually(confirmed, what="the SMSC to know that we have the reply")
    fake.tell(reply={"from": "79031234567", "to": "1420", "text": "5"})
    found = await surveys.reaches(made["id"], "completed")
    assert [answer["score"] for answer in found["answers"]] == [5, 5]


async def test_a_reply_is_acknowledged_only_once_it_is_kept(surveys, fake) -> None:
    await asks(surveys, fake.entry)
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    await surveys.query("ALTER TABLE surveys.inbound RENAME TO inbound_away")
    fake.tell(reply={"from": "79031234567", "to": "1420", "text": "4"})
    await eventually(lambda: any(each["status"] == 0x64 for each in fake.saw("delivered")))
    await surveys.query("ALTER TABLE surveys.inbound_away RENAME TO inbound")
    found = await surveys.reaches(made["id"], "completed")
    assert [answer["score"] for answer in found["answers"]] == [4]


async def test_a_part_that_comes_twice_does_not_make_a_second_reply(surveys, fake) -> None:
    question = {"id": "why", "kind": "text", "texts": {"en": "Why?"}}
    await surveys.survey(sms=[fake.entry], questions=[question], texts={})
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
    await fake.sees(1, "delivered")
    words = "Долго ждали. " * 20
    fake.tell(
        lose_answers=1,
        reply={"from": "79031234567", "to": "1420", "text": words, "order": [2, 1, 4, 3, 2]},
    )
    await fake.sees(1 + 5, "delivered")
    await surveys.reaches(made["id"], "completed")
    kept = await surveys.query("SELECT text FROM surveys.content")
    assert [row["text"] for row in kept] == [words]
    assert len(await surveys.query("SELECT 1 FROM surveys.inbound")) == 1


async def test_one_replica_is_bound_and_the_other_takes_over(start, fake) -> None:
    async with AsyncExitStack() as of_one, AsyncExitStack() as of_two:
        one = await of_one.enter_async_context(start())
        two = await of_two.enter_async_context(start())
        await one.survey(sms=[fake.entry])
        await two.inside.configure(await two.service.app.state.config_store.load())

        def bound() -> list[int]:
            return [
                n for n, each in enumerate((one, two)) if each.metric("sms_bound", provider="s1")
            ]

        [first] = await eventually(bound)
        owner, other = ((of_one, two), (of_two, one))[first]
        made = await other.invite()
        await other.reaches(made["id"], "delivered")
        assert len(fake.saw("bound")) == 1
        await owner.aclose()
        await eventually(lambda: other.metric("sms_bound", provider="s1") == 1)
        made = await other.invite("r2", phone="+79030000002")
        await other.reaches(made["id"], "delivered")
    assert len(fake.saw("bound")) == 2


async def test_a_changed_entry_is_bound_anew_and_the_old_session_is_drained(surveys, fake) -> None:
    fake.tell(next=["slow"], set={"slow_s": 1.0})
    await asks(surveys, fake.entry)
    made = await surveys.invite()
    await fake.sees(1)
    await surveys.survey(sms=[fake.entry | {"window": 3}])
    await surveys.reaches(made["id"], "delivered")
    await fake.sees(2, "bound")
    await surveys.survey(sms=[fake.entry | {"window": 3, "price": 2.0}])
    other = await surveys.invite("r2", phone="+79030000002")
    await surveys.reaches(other["id"], "delivered")
    assert len(fake.saw("bound")) == 2
    assert surveys.metric("sms_total", provider="s1", outcome="unknown") == 0


async def test_a_wrong_password_is_no_bind_and_messages_wait(surveys, fake) -> None:
    await surveys.survey(sms=[fake.entry | {"password": "wrong"}])
    made = await surveys.invite()
    await fake.sees(1, "bind_refused")
    assert (await surveys.invitation(made["id"]))["status"] == "scheduled"
    await surveys.survey(sms=[fake.entry])
    await surveys.reaches(made["id"], "delivered")


async def test_no_more_than_so_many_leave_in_a_second(surveys, fake) -> None:
    await asks(surveys, fake.entry | {"per_second": 10, "window": 50})
    loop = asyncio.get_running_loop()
    began = loop.time()
    made = [await surveys.invite(f"r{n}", phone=f"+7903000{n:04}") for n in range(12)]
    for each in made:
        await surveys.reaches(each["id"], "delivered")
    assert (
        loop.time() - began >= 11 / 10
    )  # the lower bound is the promise; slowness cannot break it


async def test_what_waits_for_its_pace_is_not_taken_in_hand(surveys, fake) -> None:
    """In hand it would be given up as left behind after a minute, and be unknown after a crash."""
    await asks(surveys, fake.entry | {"per_second": 0.5, "window": 50})
    for n in range(8):
        await surveys.invite(f"r{n}", phone=f"+7903000{n:04}")
    await fake.sees(2)
    [found] = await surveys.query(
        "SELECT count(*) AS n FROM surveys.message WHERE state = 'sending'"
    )
    assert found["n"] <= 3


async def test_the_smsc_may_take_its_leave(surveys, fake) -> None:
    await asks(surveys, fake.entry)
    fake.tell(unbind=True)
    await fake.sees(2, "bound")
    made = await surveys.invite()
    await surveys.reaches(made["id"], "delivered")
