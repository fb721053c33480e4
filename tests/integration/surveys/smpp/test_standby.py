"""Which provider takes messages while a replica waits for its turn at an SMSC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from careline_common.testing.waiting import eventually
from careline_surveys.adapters.smpp.provider import SmppProvider, Turn
from careline_surveys.config_sms import SmsEntry

pytestmark = pytest.mark.integration


class _Kept:
    async def lost(self) -> None:
        await asyncio.Event().wait()


async def test_who_takes_over_from_a_bound_replica_has_its_whole_time_to_bind(
    surveys,
) -> None:
    free, accepted, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def turns(_name: str) -> AsyncIterator[Turn]:
        await free.wait()
        yield _Kept()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    entry = SmsEntry(id="s1", kind="smpp", host="127.0.0.1", port=port, system_id="c", failover_s=2)
    provider = SmppProvider(
        entry, incoming=surveys.inside._incoming, turns=turns, is_bound=lambda _: None
    )
    provider.start()
    began = asyncio.get_running_loop().time()
    await eventually(lambda: asyncio.get_running_loop().time() - began > 2.2, what="a long wait")
    assert provider.able()
    free.set()
    await accepted.wait()
    assert provider.able()
    await provider.close()
    over.set()
    server.close()
