"""One suite over every kind of CRM, well and ill: no call waits for one, and each reason has its word."""

import asyncio
import gzip
import itertools
import tracemalloc
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from careline_common.testing.waiting import eventually
from careline_ingest.fakes.authority import PrivateAuthority
from careline_router.adapters.crm_guard import GuardedCrm
from careline_router.adapters.look_up_guard import WAITING_A_SLOT
from careline_router.fakes.http_server import Cut, Fault, Garbage, Hang, Reply, Slow
from careline_router.ports import CrmProfile

pytestmark = pytest.mark.integration

ANNA = "+79161234567"
BORIS = "+79167654321"
NOBODY = "+79160000000"
FAMILY = "+79161110000"
SOON_MS = 30
"""A deadline that is meant to be missed."""


def number(index: int) -> str:
    return f"+7916{index:07}"


async def eventually_found(crm: Any, phone: str) -> None:
    """Until the login is done and a busy machine has met a short deadline, or the cache has it."""

    async def found() -> bool:
        return bool((await crm.look_up(phone)).status == "found")

    await eventually(found)


def told(profile: CrmProfile) -> tuple[str, str | None]:
    return profile.status, profile.reason


async def test_who_is_known_is_found_with_all_that_is_mapped(world: Any) -> None:
    crm = world.crm()
    assert await crm.look_up(ANNA) == CrmProfile(
        status="found",
        payer="cash",
        name="Anna O'Neill",
        vip=True,
        language="ru",
        needs=("wheelchair",),
        last_agent="anna",
    )
    assert await crm.look_up(BORIS) == CrmProfile(
        status="found",
        payer="insured",
        name="Boris Ivanov",
        insurer="Reso",
        policy_state="active",
        language="en",
    )


async def test_a_name_stays_out_of_the_facts(world: Any) -> None:
    profile = await world.crm().look_up(ANNA)
    assert profile.name == "Anna O'Neill"
    assert "Neill" not in str(profile.facts())


async def test_who_is_not_known_is_not_found(world: Any) -> None:
    assert told(await world.crm().look_up(NOBODY)) == ("unknown", "not_found")


async def test_a_family_on_one_phone_is_ambiguous_with_what_its_members_share(world: Any) -> None:
    world.knows(
        FAMILY,
        {"name": "Vera", "payer": "insured", "language": "ru"},
        {"name": "Oleg", "payer": "insured", "language": "fa"},
    )
    profile = await world.crm().look_up(FAMILY)
    assert profile == CrmProfile(status="unknown", reason="ambiguous", payer="insured")


async def test_a_number_of_very_many_tells_nothing(world: Any) -> None:
    people = [{"name": f"P{i}", "payer": "insured", "language": "ru"} for i in range(6)]
    world.knows(FAMILY, *people)
    profile = await world.crm().look_up(FAMILY)
    assert profile == CrmProfile(status="unknown", reason="ambiguous")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Reply(status=500), ("failed", "server_error")),
        (Reply(status=503), ("failed", "server_error")),
        (Reply(status=429), ("failed", "throttled")),
        (Reply(status=503, headers={"Retry-After": "7"}), ("failed", "throttled")),
        (Reply(status=400, body=b'{"error":{"code":"0x0"}}'), ("failed", "refused")),
        (Reply(status=302, headers={"Location": "/elsewhere"}), ("failed", "refused")),
        (Reply(status=403), ("failed", "auth")),
        (Reply(body=b"<html>maintenance</html>"), ("failed", "bad_answer")),
        (Reply(body=b'{"value":[42]}'), ("failed", "bad_answer")),
        (Reply(body=b'{"error":"no such table"}'), ("failed", "bad_answer")),
        (Reply(body=b'{"value":[{}]}'), ("failed", "bad_answer")),
        (Reply(body=b'"text"'), ("failed", "bad_answer")),
        (Reply(body=b"[" * 100_000), ("failed", "bad_answer")),
        (Reply(body=b"{" + b" " * 300_000 + b"}"), ("failed", "bad_answer")),
        (Reply(body=b"\xff\xfe"), ("failed", "bad_answer")),
        (Cut(0), ("failed", "bad_answer")),
        (Cut(60), ("failed", "bad_answer")),
        (Garbage(), ("failed", "bad_answer")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
async def test_a_crm_that_fails_says_how_and_is_asked_again(
    world: Any, fault: Fault, expected: tuple[str, str]
) -> None:
    world.desk.next(fault)
    crm = world.crm()
    assert told(await crm.look_up(ANNA)) == expected
    assert len(world.desk.asked) == 1
    world.clock.advance(8)
    assert told(await crm.look_up(ANNA)) == ("found", None)
    assert world.asked == [expected[1], "found"]


async def test_a_small_answer_that_would_unpack_to_very_much_is_not_unpacked(world: Any) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    world.desk.next(Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    crm = world.crm()
    tracemalloc.start()
    try:
        assert told(await crm.look_up(ANNA)) == ("failed", "bad_answer")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


async def test_a_crm_that_refuses_us_twice_fails_as_auth(world: Any) -> None:
    world.desk.always = Reply(status=401)
    assert told(await world.crm().look_up(ANNA)) == ("failed", "auth")


async def test_a_crm_that_is_switched_off_is_unreachable(world: Any, open_world: Any) -> None:
    crm = world.crm(url=f"http://127.0.0.1:9{'/{phone}' if world.kind == 'http' else ''}")
    assert told(await crm.look_up(ANNA)) == ("failed", "unreachable")


@pytest.mark.parametrize("kind", ["http", "dataverse"])
async def test_a_crm_within_the_house_is_trusted_by_its_own_authority(
    open_world: Any, tmp_path: Path, kind: str
) -> None:
    authority = PrivateAuthority(tmp_path)
    world = await open_world(kind, authority.server_context())
    assert told(await world.crm().look_up(ANNA)) == ("failed", "unreachable")
    crm = world.crm(ca=authority.ca.read_text())
    assert told(await crm.look_up(ANNA)) == ("found", None)


# -- Retry-After ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_nothing_is_asked_before_the_crm_s_pause_is_over(
    world: Any, status: int, form: str
) -> None:
    until = world.clock.now() + timedelta(seconds=30)
    after = "30" if form == "seconds" else format_datetime(until, usegmt=True)
    world.desk.next(Reply(status=status, headers={"Retry-After": after}))
    crm = world.crm(failures_to_open=1)
    assert told(await crm.look_up(ANNA)) == ("failed", "throttled")
    for index in range(5):
        world.clock.advance(5.9)
        assert told(await crm.look_up(number(index))) == ("failed", "throttled")
    assert len(world.desk.asked) == 1
    world.clock.advance(0.6)
    assert told(await crm.look_up(ANNA)) == ("found", None)


@pytest.mark.parametrize("fast_s", [-3600, 3600])
async def test_a_date_is_read_by_the_crm_s_own_clock(world: Any, fast_s: int) -> None:
    there = world.clock.now() + timedelta(seconds=fast_s)
    until = there + timedelta(seconds=30)
    dates = {"Date": format_datetime(there, True), "Retry-After": format_datetime(until, True)}
    world.desk.next(Reply(status=429, headers=dates))
    crm = world.crm()
    assert told(await crm.look_up(ANNA)) == ("failed", "throttled")
    world.clock.advance(29)
    assert told(await crm.look_up(ANNA)) == ("failed", "throttled")
    world.clock.advance(1)
    assert told(await crm.look_up(ANNA)) == ("found", None)


async def test_a_pause_is_the_host_s_however_its_name_is_written(world: Any) -> None:
    world.desk.next(Reply(status=429, headers={"Retry-After": "30"}))
    crm = world.crm(url=world.entry()["url"].replace("127.0.0.1", "LocalHost"))
    assert told(await crm.look_up(ANNA)) == ("failed", "throttled")
    assert told(await crm.look_up(BORIS)) == ("failed", "throttled")
    assert len(world.desk.asked) == 1


async def test_who_waits_for_a_slot_respects_a_pause_that_came_meanwhile(world: Any) -> None:
    throttled = Reply(status=429, headers={"Retry-After": "30"})
    crm = world.crm(at_once=1)
    await crm.look_up(BORIS)  # the login is done
    world.desk.next(throttled)
    both = await asyncio.gather(crm.look_up(ANNA), crm.look_up(NOBODY))
    assert [told(profile) for profile in both] == [("failed", "throttled")] * 2
    assert len(world.desk.asked) == 2


async def test_new_settings_do_not_end_a_pause(world: Any) -> None:
    world.desk.next(Reply(status=429, headers={"Retry-After": "30"}))
    assert told(await world.crm().look_up(ANNA)) == ("failed", "throttled")
    changed = world.crm(cache_s=1)
    world.clock.advance(29)
    assert told(await changed.look_up(ANNA)) == ("failed", "throttled")
    assert len(world.desk.asked) == 1
    world.clock.advance(1)
    assert told(await changed.look_up(ANNA)) == ("found", None)


async def test_a_pause_that_is_no_time_is_a_short_one(world: Any) -> None:
    world.desk.next(Reply(status=429, headers={"Retry-After": "soon"}))
    crm = world.crm()
    assert told(await crm.look_up(ANNA)) == ("failed", "throttled")
    assert told(await crm.look_up(ANNA)) == ("failed", "throttled")
    world.clock.advance(5)
    assert told(await crm.look_up(ANNA)) == ("found", None)


# -- deadline and flights ------------------------------------------------------------------------


async def test_a_call_goes_on_at_its_deadline_while_the_question_goes_on_too(world: Any) -> None:
    world.desk.next(Hang())
    crm = world.crm(deadline_ms=SOON_MS)
    assert told(await crm.look_up(ANNA)) == ("timed_out", "timeout")
    await eventually(lambda: world.desk.hanging == 1)
    world.desk.release()
    await eventually(lambda: world.asked == ["found"])
    later = await crm.look_up(ANNA)
    assert told(later) == ("found", None)
    assert later.cached
    assert len(world.desk.asked) == 1


async def test_a_question_that_is_never_answered_is_given_up(world: Any) -> None:
    world.desk.next(Hang())
    crm = world.crm(deadline_ms=SOON_MS, give_up_ms=SOON_MS)
    assert told(await crm.look_up(ANNA)) == ("timed_out", "timeout")
    await eventually(lambda: world.asked == ["timeout"])


async def test_calls_of_one_number_at_once_are_one_question(world: Any) -> None:
    world.desk.next(Hang())
    crm = world.crm()
    calls = [asyncio.create_task(crm.look_up(ANNA)) for _ in range(20)]
    await eventually(lambda: world.desk.hanging == 1)
    world.desk.release()
    profiles = await asyncio.gather(*calls)
    assert {told(profile) for profile in profiles} == {("found", None)}
    assert len(world.desk.asked) == 1


async def test_a_caller_who_leaves_takes_nobody_with_him(world: Any) -> None:
    world.desk.next(Hang())
    crm = world.crm()
    first = asyncio.create_task(crm.look_up(ANNA))
    second = asyncio.create_task(crm.look_up(ANNA))
    await eventually(lambda: world.desk.hanging == 1)
    first.cancel()
    await asyncio.wait([first])
    world.desk.release()
    assert told(await second) == ("found", None)


async def test_no_more_questions_than_slots_and_no_endless_queue_for_them(world: Any) -> None:
    slots, most = 2, 2 * (1 + WAITING_A_SLOT)
    crm = world.crm(at_once=slots)
    await crm.look_up(ANNA)  # the login is done
    world.desk.always = Hang()
    calls = [asyncio.create_task(crm.look_up(number(index))) for index in range(most)]
    await eventually(lambda: world.desk.hanging == slots)
    assert told(await crm.look_up(number(most))) == ("failed", "busy")
    assert len(world.desk.asked) == 1 + slots
    world.desk.always = None
    world.desk.release()
    assert {told(profile) for profile in await asyncio.gather(*calls)} == {("unknown", "not_found")}


# -- cache ---------------------------------------------------------------------------------------


async def test_a_person_is_remembered_for_a_while_and_nobody_for_less(world: Any) -> None:
    crm = world.crm(cache_s=30, negative_cache_s=10)
    for phone in (ANNA, NOBODY, ANNA, NOBODY):
        await crm.look_up(phone)
    assert len(world.desk.asked) == 2
    world.clock.advance(10)
    assert (await crm.look_up(ANNA)).cached
    assert not (await crm.look_up(NOBODY)).cached
    world.clock.advance(20)
    assert not (await crm.look_up(ANNA)).cached
    assert len(world.desk.asked) == 4


async def test_a_failure_is_not_remembered(world: Any) -> None:
    world.desk.next(Reply(status=500))
    crm = world.crm()
    await crm.look_up(ANNA)
    assert told(await crm.look_up(ANNA)) == ("found", None)


async def test_no_more_people_are_remembered_than_allowed(world: Any) -> None:
    crm = world.crm(most_cached=2)
    for phone in (ANNA, BORIS, ANNA, NOBODY, ANNA):
        await crm.look_up(phone)
    assert len(world.desk.asked) == 3
    await crm.look_up(BORIS)
    assert len(world.desk.asked) == 4


async def test_a_cache_of_no_seconds_keeps_nobody(world: Any) -> None:
    crm = world.crm(cache_s=0)
    await crm.look_up(ANNA)
    await crm.look_up(ANNA)
    assert len(world.desk.asked) == 2


async def test_expired_people_are_forgotten_though_nobody_calls(world: Any) -> None:
    crm = world.crm(cache_s=0.02)
    assert isinstance(crm, GuardedCrm)
    await crm.look_up(ANNA)
    assert len(crm._cache) == 1
    world.clock.advance(1)
    await eventually(lambda: len(crm._cache) == 0)


async def test_what_is_closed_remembers_nobody_and_lets_callers_go(world: Any) -> None:
    crm = world.crm()
    assert isinstance(crm, GuardedCrm)
    await crm.look_up(BORIS)
    world.desk.next(Hang())
    waiting = asyncio.create_task(crm.look_up(ANNA))
    await eventually(lambda: world.desk.hanging == 1)
    await crm.close()
    assert told(await waiting) == ("failed", "config_changed")
    assert len(crm._cache) == 0


# -- breaker -------------------------------------------------------------------------------------


async def test_a_crm_that_keeps_failing_is_left_alone_and_then_tried_once(world: Any) -> None:
    crm = world.crm(failures_to_open=3, open_for_s=10)
    world.desk.always = Reply(status=500)
    for _ in range(3):
        assert told(await crm.look_up(ANNA)) == ("failed", "server_error")
    assert told(await crm.look_up(ANNA)) == ("failed", "breaker_open")
    assert len(world.desk.asked) == 3
    world.clock.advance(10)
    world.desk.always = Hang()
    probe = asyncio.create_task(crm.look_up(ANNA))
    await eventually(lambda: world.desk.hanging == 1)
    assert told(await crm.look_up(BORIS)) == ("failed", "breaker_open")
    world.desk.always = None
    world.desk.release()
    assert told(await probe) == ("found", None)
    assert told(await crm.look_up(BORIS)) == ("found", None)


async def test_a_crm_that_is_always_too_late_is_left_alone(world: Any) -> None:
    crm = world.crm(deadline_ms=SOON_MS, failures_to_open=2)
    world.desk.always = Hang()
    if world.kind == "dataverse":
        assert (await crm.look_up(ANNA)).status == "timed_out"
        await eventually(lambda: world.desk.hanging == 1)
    while told(last := await crm.look_up(number(len(world.desk.asked)))) == (
        "timed_out",
        "timeout",
    ):
        pass
    assert told(last) == ("failed", "breaker_open")
    assert len(world.desk.asked) <= 2


async def test_a_crm_that_is_too_slow_for_its_slots_is_left_alone(world: Any) -> None:
    # whoever waited for a slot has gone on when his question begins: it counts none the less
    crm = world.crm(deadline_ms=SOON_MS, at_once=1, failures_to_open=4)
    await eventually_found(crm, BORIS)
    world.desk.always = Slow(3 * SOON_MS / 1000)
    numbers = itertools.count()

    async def left_alone() -> bool:
        calls = [crm.look_up(number(next(numbers))) for _ in range(4)]
        return ("failed", "breaker_open") in map(told, await asyncio.gather(*calls))

    await eventually(left_alone)


async def test_who_cannot_be_asked_for_before_his_deadline_is_not_asked_for_after_it(
    world: Any,
) -> None:
    crm = world.crm(deadline_ms=SOON_MS, at_once=1)
    await eventually_found(crm, BORIS)
    asked = len(world.desk.asked)
    world.desk.next(Hang())
    calls = [crm.look_up(number(index)) for index in range(5)]
    assert {profile.status for profile in await asyncio.gather(*calls)} <= {"timed_out", "failed"}
    await eventually(lambda: world.desk.hanging == 1)
    await eventually(lambda: len(crm._flights) == 1)
    world.desk.release()
    await eventually(lambda: not crm._flights)
    assert len(world.desk.asked) == asked + 1


async def test_a_probe_is_one_however_many_call_at_once(world: Any) -> None:
    crm = world.crm(failures_to_open=1, open_for_s=10)
    world.desk.next(Reply(status=500))
    await crm.look_up(ANNA)
    world.clock.advance(10)
    world.desk.next(Hang())
    calls = [asyncio.create_task(crm.look_up(number(index))) for index in range(20)]
    await eventually(lambda: world.desk.hanging == 1)
    await eventually(lambda: sum(call.done() for call in calls) == 19)
    assert len(world.desk.asked) == 2
    world.desk.release()
    reasons = [profile.reason for profile in await asyncio.gather(*calls)]
    assert sorted(reasons) == ["breaker_open"] * 19 + ["not_found"]


async def test_who_is_remembered_is_found_while_the_crm_is_left_alone(world: Any) -> None:
    crm = world.crm(failures_to_open=1)
    await crm.look_up(ANNA)
    world.desk.next(Reply(status=500))
    await crm.look_up(BORIS)
    assert told(await crm.look_up(BORIS)) == ("failed", "breaker_open")
    assert told(await crm.look_up(ANNA)) == ("found", None)


# -- personal data -------------------------------------------------------------------------------


async def test_no_number_is_kept_or_logged(world: Any) -> None:
    faults: list[Fault] = [Reply(status=500), Reply(status=400), Garbage(), Cut(10)]
    world.desk.next(*faults)
    crm = world.crm(failures_to_open=len(faults))
    assert isinstance(crm, GuardedCrm)
    with structlog.testing.capture_logs() as lines:
        for _ in range(len(faults) + 1):
            await crm.look_up(ANNA)
        world.clock.advance(11)
        await crm.look_up(ANNA)
    assert len([line for line in lines if line["event"] == "crm.failed"]) == len(faults)
    assert "9161234567" not in str(lines)
    assert "Neill" not in str(lines)
    (key,) = crm._cache._kept
    assert len(key) == 32
    assert b"9161234567" not in key
