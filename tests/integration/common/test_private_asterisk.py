"""The private Asterisk and its SIP phones: what is shipped in deploy/asterisk boots and carries sound."""

import asyncio
import time

import httpx
import pytest

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.sipp import Phones

pytestmark = pytest.mark.integration

LINE = "+74950000001"


async def test_ari_answers_and_the_version_is_22(asterisk: Asterisk) -> None:
    async with httpx.AsyncClient(auth=(asterisk.ari_user, asterisk.ari_password)) as client:
        answer = await client.get(f"{asterisk.ari_url}/asterisk/info")
    assert answer.json()["system"]["version"].startswith("22.")


async def test_everything_that_is_shipped_is_understood(asterisk: Asterisk) -> None:
    complaints = [
        line for line in asterisk.log.splitlines()
        if ("ERROR" in line or "WARNING" in line) and "Missing default country" not in line
    ]  # fmt: skip
    assert complaints == []


async def test_sound_flows_both_ways_between_a_caller_and_an_agent(
    asterisk: Asterisk, phones: Phones
) -> None:
    agent = await phones.agent("a1")
    caller = await phones.call(LINE)
    await agent.waits_for("answered")
    deadline = time.monotonic() + 20
    while True:
        sound = await asterisk.sound()
        if {"trunk", "a1"} <= sound.keys() and min(min(pair) for pair in sound.values()) > 10:
            break
        assert time.monotonic() < deadline, f"{sound} {caller.report()} {agent.report()}"
        await asyncio.sleep(0.1)
    await agent.hangs_up()
    await caller.waits_for("ended")
    assert await asterisk.channels() == 0
