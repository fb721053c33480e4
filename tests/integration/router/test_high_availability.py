"""Two routers as processes: whatever becomes of the leader, callers keep their place and agents their calls."""

import asyncio
import json
from typing import Any

import proofs
import pytest
from router_ha.run import Plan, Trial

from careline_common.http.issuer import LocalIssuer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0 if proofs.proving() else 300)]

SMALL = Plan(agents=6, calls_per_s=6, talk_s=0.5, waiting=12, between_s=0.6, seed=20_261_126)
WHOLE = Plan(agents=50, calls_per_s=20, talk_s=2.0, waiting=60, between_s=8, seed=20_261_126)
"""So many calls a second and agents as the limits are set for."""
LEADS_S, BACK_S = 5.0, 10.0


async def test_whatever_becomes_of_the_leader_no_call_loses_its_place_and_none_is_offered_twice(
    database_url: str, processes: Any
) -> None:
    """By what the clients have seen: two doors, a PBX, callers who wait, and agents who come back.

    Fails when `FloorLease._try_to_take` takes over without a new epoch, when `FloorActor._release` does not make
    sure of the lease, and when `Feeds.open` gives no missed messages.
    """
    plan = WHOLE if proofs.proving() else SMALL
    issuer = LocalIssuer(processes.folder / "issuer.json")
    jwks = processes.folder / "jwks.json"
    jwks.write_text(json.dumps(issuer.jwks()))
    environment = {
        "CARELINE_DATABASE_URL": database_url,
        "CARELINE_OIDC_JWKS": str(jwks),
        "CARELINE_PII_KEY": "of a test",
        "CARELINE_LOG_LEVEL": "WARNING",
    }
    pair = [processes.service("router", **environment) for _ in range(2)]
    for process in pair:  # the first migrates
        await process.start()
    async with asyncio.TaskGroup() as tasks:
        trial = Trial(plan, pair, issuer, tasks)
        blows = ("kill", "freeze", "update") if proofs.proving() else ("freeze",)
        faults = await trial.run(*blows)
    assert faults == []
    if proofs.proving():
        blows_s = [trial.figures["kill"], trial.figures["freeze"], *trial.figures["update"]]
        limits = {
            f"the standby leads in < {LEADS_S:g} s": all(b["leads_s"] < LEADS_S for b in blows_s),
            f"agents are back in < {BACK_S:g} s": all(b["agents_back_s"] < BACK_S for b in blows_s),
        }
        proofs.record(
            "router_ha",
            {"agents": plan.agents, "calls_per_s": plan.calls_per_s, "seed": plan.seed,
             "faults": faults, **trial.figures, "limits_met": limits},
        )  # fmt: skip
        assert all(limits.values()), trial.figures
