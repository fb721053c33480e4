"""`careline bench router` measures what it says, on a small scale. How fast it was is no test's business."""

import asyncio
import json
import sys

import pytest

from careline.bench.router import Plan
from careline.bench.router_load import Times

pytestmark = pytest.mark.integration

SMALL = Plan(
    seconds=2.0,
    agents=12,
    steps=0,
    calls_per_s=10.0,
    times=Times(talk_s=0.2, wrap_up_s=0.1),
    warm_up_s=0.5,
    bare_s=0.3,
)
SCRIPT = f"""
import asyncio
from careline.bench.router import Plan, measure_and_tell
from careline.bench.router_load import Times
asyncio.run(measure_and_tell({SMALL!r}, as_json=True))
"""


async def test_every_call_is_offered_once_and_every_story_ends() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )  # it holds itself to some of the cores
    out, complaints = await process.communicate()
    assert out, complaints.decode()
    result = json.loads(out)
    load = result["load"]
    assert (load["calls"], load["offered"], load["errors"]) == (20, 20, 0)
    assert (load["calls_per_s"], load["seconds"], load["agents"]) == (10.0, 2.0, 12)
    met = result["limits_met"]
    assert met["no error"]
    assert met["every call offered"]
    assert 0 < result["offer"]["p50_ms"] <= result["offer"]["p99_ms"]
    assert result["bare"]["per_s"] > 0
    assert load["warm_up_s"] == 0.5
    assert {"knee", "rss_slope_mb_per_min", "runs", "machine"} <= set(result)
