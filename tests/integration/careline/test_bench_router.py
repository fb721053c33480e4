"""`careline bench router` and `desks` measure what they say, on a small scale. How fast that was is no test's business."""

import asyncio
import json
import sys
from typing import Any

import pytest

from careline.bench import desks
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
FEW = desks.Plan(agents=30, idle_s=0.2, seconds=1.0, calls_per_s=10.0, times=SMALL.times)


async def measured(bench: str, plan: object) -> Any:
    """In a process of its own: it holds itself to some of the cores."""
    script = (
        "import asyncio\n"
        f"from careline.bench.{bench} import Plan, measure_and_tell\n"
        "from careline.bench.router_load import Times\n"
        f"asyncio.run(measure_and_tell({plan!r}, as_json=True))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, complaints = await process.communicate()
    assert out, complaints.decode()
    return json.loads(out)


async def test_every_call_is_offered_once_and_every_story_ends() -> None:
    result = await measured("router", SMALL)
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


async def test_everybody_is_connected_and_calls_come_to_them() -> None:
    result = await measured("desks", FEW)
    load = result["load"]
    assert (result["agents"], load["calls"], load["offered"], load["errors"]) == (30, 10, 10, 0)
    met = result["limits_met"]
    assert met["everybody is connected, no error"]
    assert met["every call offered"]
    assert result["connect"]["seconds"] > 0
    assert result["rss_mb"][1] > 0
    assert 0 < result["offer"]["p50_ms"] <= result["offer"]["p99_ms"]
