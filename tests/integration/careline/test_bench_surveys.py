"""`careline bench surveys` measures what it says, on a small scale. How fast it was is no test's business."""

import asyncio
import json
import sys

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SMALL = ["--rounds", "1", "--messages", "100", "--window", "20", "--minutes", "0.05", "--json"]


async def test_every_message_is_at_the_smsc_once() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "careline", "bench", "surveys", *SMALL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, complaints = await process.communicate()
    assert out, complaints.decode()
    result = json.loads(out)
    assert process.returncode == (0 if all(result["limits_met"].values()) else 1)
    assert result["limits_met"]["each message once"] is True
    hour, server = result["hour"], result["server"]
    assert server["received"] == server["distinct"] == 300 + 100 + hour["measured_invitations"]
    assert (result["window"], result["rounds"], result["messages"]) == (20, 1, 100)
    assert result["ratio"] == pytest.approx(result["per_s"] / result["bare_client_per_s"], abs=0.01)
    assert hour["cpu_core_pct"] > 0
    assert hour["rss_start_mb"] > 0
