"""Stopping in the midst of work: at once, with nothing lost."""

import asyncio

import pytest

pytestmark = pytest.mark.integration


async def test_a_service_stops_while_it_handles_an_event(start) -> None:
    for number in range(5):
        async with start() as surveys:
            await surveys.survey()
            for call in range(10):
                await surveys.call_ended(f"c{number}-{call}")
            leaving = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - leaving < 10
