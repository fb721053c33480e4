"""Tokens by client credentials: one for all, renewed when it ends or is refused, and its secret kept to itself."""

import asyncio
from typing import Any

import pytest
import structlog

from careline_common.testing.waiting import eventually
from careline_router.fakes.http_server import Garbage, Hang, Reply
from careline_router.fakes.login import CLIENT_SECRET
from careline_router.records_port import Insured

pytestmark = pytest.mark.integration

ANNA = Insured(phone="+79161234567")


@pytest.fixture
async def world(open_world: Any) -> Any:
    return await open_world("login")


async def reason(port: Any) -> str:
    found = await port.look_up(ANNA)
    return found.reason or found.status


async def test_one_login_is_for_all_who_ask_at_once(world: Any) -> None:
    world.login.desk.next(Hang())
    port = world.port(cache_s=0)
    asked = [Insured(phone=f"+7916000000{digit}") for digit in range(8)]
    looks = asyncio.gather(*(port.look_up(each) for each in asked))
    await eventually(lambda: world.login.desk.hanging == 1)
    world.login.desk.release()
    assert {found.reason for found in await looks} == {"not_found"}
    assert len(world.login.desk.asked) == 1


async def test_a_token_is_used_until_it_ends_and_no_longer(world: Any) -> None:
    port = world.port(cache_s=0)
    for seconds in (0, world.login.life_s - 1, 2):
        world.clock.advance(seconds)
        assert await reason(port) == "found"
    first, second, third = (each.headers["authorization"] for each in world.looks.asked)
    assert first == second != third
    assert len(world.login.desk.asked) == 2


async def test_a_token_that_was_withdrawn_is_had_once_anew(world: Any) -> None:
    port = world.port(cache_s=0)
    assert await reason(port) == "found"
    world.login.withdraw_tokens()
    assert await reason(port) == "found"
    assert (len(world.login.desk.asked), len(world.looks.asked)) == (2, 3)
    world.looks.always = Reply(status=401)
    assert await reason(port) == "auth"
    assert (len(world.login.desk.asked), len(world.looks.asked)) == (3, 5)


@pytest.mark.parametrize("client_auth", ["header", "body"])
async def test_who_the_client_is_is_said_as_the_login_wants_it(
    world: Any, client_auth: str
) -> None:
    assert await reason(world.port(client_auth=client_auth, scope="records.read")) == "found"
    (asked,) = world.login.desk.asked
    assert b"scope=records.read" in asked.body
    assert (b"client_secret" in asked.body) == (client_auth == "body")
    assert ("authorization" in asked.headers) == (client_auth == "header")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Reply(status=500), "server_error"),
        (Reply(status=400, body=b'{"error":"invalid_scope"}'), "auth"),
        (Reply(status=307, headers={"Location": "http://elsewhere.example/"}), "refused"),
        (Reply.json({"error": "no"}), "bad_answer"),
        (Reply.json({"access_token": "x\ny"}), "bad_answer"),
        (Reply.json({"access_token": "x", "token_type": "mac"}), "bad_answer"),
        (Garbage(), "bad_answer"),
    ],
    ids=str,
)
async def test_without_a_token_nothing_is_asked(world: Any, fault: Any, expected: str) -> None:
    world.login.desk.always = fault
    port = world.port()
    with structlog.testing.capture_logs() as lines:
        assert await reason(port) == expected
    assert world.looks.asked == []
    assert CLIENT_SECRET not in str(lines)
    world.login.desk.always = None
    assert await reason(port) == "found"


async def test_a_wrong_secret_is_told_as_such(world: Any) -> None:
    assert await reason(world.port(client_secret="guessed")) == "auth"
    assert world.looks.asked == []
