"""What the port of insurance records promises, whoever is let in and however ill they are."""

import asyncio
from datetime import date
from typing import Any

import pytest
import structlog

from careline_common.testing.waiting import eventually
from careline_router.domain.insurance import Policy
from careline_router.fakes.http_server import Cut, FakeServer, Garbage, Hang, Reply
from careline_router.records_port import Insured, Policies

pytestmark = pytest.mark.integration

ANNA = Insured(phone="+79161234567")
BORIS = Insured(policy_number="77 654321")
BORN = date(1950, 5, 9)


def told(found: Policies) -> tuple[str, str | None]:
    return found.status, found.reason


async def test_a_policy_is_found_by_its_number_however_that_is_written(world: Any) -> None:
    found = await world.port().look_up(Insured(policy_number="77-654321"))
    assert told(found) == ("found", None)
    assert found.policies == (
        Policy(
            state="lapsed",
            insurer="ins7",
            kind="voluntary",
            valid_until=date(2020, 12, 31),
            clinic="north",
            number="77-654321",
            birth_date=date(1981, 1, 31),
        ),
    )


async def test_a_person_s_policies_are_found_by_his_phone(world: Any) -> None:
    found = await world.port().look_up(ANNA)
    assert [each.kind for each in found.policies] == ["voluntary", "compulsory"]
    assert told(await world.port().look_up(Insured(phone="+79160000000"))) == (
        "unknown",
        "not_found",
    )


async def test_who_has_another_birth_date_is_not_he(world: Any) -> None:
    port = world.port()
    for insured in (
        Insured(policy_number="77-123456", birth_date=date(1951, 5, 9)),
        Insured(phone="+79161234567", birth_date=date(1951, 5, 9)),
    ):
        assert told(await port.look_up(insured)) == ("unknown", "not_found")
    known = await port.look_up(Insured(policy_number="77-123456", birth_date=BORN))
    assert told(known) == ("found", None)


async def test_a_family_on_one_phone_is_ambiguous_and_one_of_it_is_known_by_his_birth(
    world: Any,
) -> None:
    world.records.policies.append({**world.records.policies[2], "phone": ANNA.phone})
    port = world.port()
    assert await port.look_up(ANNA) == Policies(status="unknown", reason="ambiguous")
    his = await port.look_up(Insured(phone=ANNA.phone, birth_date=BORN))
    assert len(his.policies) == 2
    world.records.policies[-1]["birth_date"] = None
    assert told(await world.port().look_up(ANNA)) == ("unknown", "ambiguous")


async def test_policies_of_others_are_refused_and_logged_without_their_data(world: Any) -> None:
    """Fails when the filter of the other side is trusted."""
    others, his = world.records.policies[:2], world.records.policies[2]
    port = world.port(cache_s=0)
    with structlog.testing.capture_logs() as lines:
        world.looks.next(Reply.json({"items": [*others, his]}))
        found = await port.look_up(BORIS)
        assert [each.number for each in found.policies] == ["77-654321"]
        world.looks.next(Reply.json({"items": others}))
        assert told(await port.look_up(BORIS)) == ("failed", "bad_answer")
    assert [line["refused"] for line in lines if line["event"] == "records.not_his"] == [2, 2]
    assert not any(sign in str(lines) for sign in ("654321", "123456", "1950", "9161234567"))


async def test_only_questions_are_sent_and_only_under_its_address(world: Any) -> None:
    await world.port().look_up(Insured(policy_number="../admin?x=1#&phone=2"))
    (asked,) = world.looks.asked
    assert (asked.method, asked.parts.path) == ("GET", "/policies")
    assert asked.parts.query == "number=..%2Fadmin%3Fx%3D1%23%26phone%3D2"


async def test_the_first_path_is_asked_for_which_enough_is_known(world: Any) -> None:
    paths = ["/policies?number={policy_number}&born={birth_date}", "/policies?phone={phone}"]
    port = world.port(paths=paths)
    assert port.by(Insured(policy_number="7")) == ()
    assert told(await port.look_up(Insured(policy_number="7"))) == ("unknown", "no_number")
    both = Insured(policy_number="77-123456", birth_date=BORN, phone="+7")
    assert port.by(both) == ("birth_date", "policy_number")
    assert len((await port.look_up(both)).policies) == 1
    assert [each.parts.query for each in world.looks.asked] == ["number=77-123456&born=1950-05-09"]


ILL = {
    "garbage": (Garbage(), "bad_answer"),
    "cut": (Cut(40), "bad_answer"),
    "no json": (Reply(body=b"<html>"), "bad_answer"),
    "error with 200": (Reply.json({"error": "no"}), "bad_answer"),
    "no objects": (Reply.json({"items": [7]}), "bad_answer"),
    "nothing of it": (Reply.json({"items": [{}]}), "bad_answer"),
    "elsewhere": (Reply(status=307, headers={"Location": "http://elsewhere.example/"}), "refused"),
    "too large": (Reply(body=b'{"items":"' + b"x" * 300_000 + b'"}'), "bad_answer"),
    "server error": (Reply(status=500), "server_error"),
    "forbidden": (Reply(status=403), "auth"),
    "wants a pause": (Reply(status=429, headers={"Retry-After": "30"}), "throttled"),
}


@pytest.mark.parametrize("ill", ILL)
async def test_records_that_fail_say_how_and_keep_nothing(world: Any, ill: str) -> None:
    fault, reason = ILL[ill]
    port = world.port()
    world.looks.next(fault)
    assert told(await port.look_up(ANNA)) == ("failed", reason)
    world.clock.advance(31)
    assert told(await port.look_up(ANNA)) == ("found", None)
    assert world.asked == [reason, "found"]


async def test_nobody_is_there(world: Any) -> None:
    async with FakeServer(world.records) as server:
        url = server.url
    changed = {"url": url, "token_url": None, "client_id": None, "client_secret": None}
    assert told(await world.port(**changed).look_up(ANNA)) == ("failed", "unreachable")


async def test_a_call_goes_on_without_a_late_answer_which_the_next_one_has(world: Any) -> None:
    port = world.port()
    world.looks.next(Hang())
    assert told(await port.look_up(ANNA, within_s=0.02)) == ("timed_out", "timeout")
    await eventually(lambda: world.looks.hanging == 1)
    agent = asyncio.create_task(port.look_up(ANNA))
    await asyncio.sleep(0)
    world.looks.release()
    assert told(await agent) == ("found", None)
    again = await port.look_up(ANNA, within_s=0.02)
    assert (again.cached, told(again)) == (True, ("found", None))
    assert len(world.looks.asked) == 1


async def test_an_answer_is_remembered_for_a_short_time(world: Any) -> None:
    port = world.port(cache_s=30, negative_cache_s=10)
    nobody = Insured(phone="+79160000000")
    for insured, seconds in ((ANNA, 30), (nobody, 10)):
        await port.look_up(insured)
        asked = len(world.looks.asked)
        assert (await port.look_up(insured)).cached
        world.clock.advance(seconds)
        assert not (await port.look_up(insured)).cached
        assert len(world.looks.asked) == asked + 1


async def test_records_that_are_ill_are_left_alone_and_then_tried_by_one(world: Any) -> None:
    port = world.port(failures_to_open=2, open_for_s=10)
    world.looks.next(Reply(status=500), Reply(status=500))
    for _ in range(2):
        assert told(await port.look_up(ANNA)) == ("failed", "server_error")
    assert told(await port.look_up(ANNA)) == ("failed", "breaker_open")
    assert len(world.looks.asked) == 2
    world.clock.advance(10)
    assert told(await port.look_up(ANNA)) == ("found", None)
