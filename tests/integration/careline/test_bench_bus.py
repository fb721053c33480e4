"""`careline bench bus` measures what it says, on a small scale. How fast it was is no test's business."""

import asyncio
import json
import sys

import aio_pika
import asyncpg
import pytest

from careline_common.messaging.rabbit_topology import queue_name

pytestmark = pytest.mark.integration

SMALL = ["--rounds", "2", "--events", "500", "--seconds", "1", "--json"]


async def test_it_counts_every_event_once_and_leaves_nothing_behind(
    rabbit_url: str, empty_database_url: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "careline", "bench", "bus", *SMALL,
        "--rabbit-url", rabbit_url, "--database-url", empty_database_url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, complaints = await process.communicate()
    assert out, complaints.decode()
    result = json.loads(out)
    assert result["limits_met"]["each event once"] is True
    assert process.returncode == (0 if all(result["limits_met"].values()) else 1)
    for contender in ("careline", "peer_pipelined", "peer_serial"):
        assert len(result["events_per_s"][contender]["rounds"]) == 2
    assert result["rounds"] == len(result["ratios"]) == 2
    assert (result["runs"], result["machine"]["cpus"] > 0) == (1, True)
    for contender, name in (("careline", "careline"), ("bare", "peer_pipelined")):
        assert result[contender]["events_per_s"] == result["events_per_s"][name]["median"]
    assert min(result["ratios"]) <= result["ratio"] <= max(result["ratios"])
    latency = result["latency_ms"]["careline"]
    assert result["at_200"] == {"p99_ms": latency["p99"]}
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert await _schemas(empty_database_url) == []
    async with await aio_pika.connect(rabbit_url) as connection:
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await (await connection.channel()).get_queue(queue_name("bench.effects"))


async def _schemas(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'careline%'"
        return [row["nspname"] for row in await connection.fetch(query)]
    finally:
        await connection.close()
