"""Everybody at the moments of a call's decisions, rebuilt out of the journal."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.http.problem import Conflict
from careline_router.db.past import read_kinds
from careline_router.domain import events as ev
from careline_router.domain.effects import state_told
from careline_router.domain.skills import BEST_LEVEL, SITE, lacking
from careline_router.domain.specs import AgentSpec
from careline_router.runtime.codec import decode
from careline_router.runtime.floor_actor import FLOOR

LOOK_BACK = timedelta(hours=24)
"""Whoever is at work has done something by then; of others nothing is known."""
KINDS = (
    ev.AgentsConfigured, ev.AgentLoggedIn, ev.AgentStateChanged, ev.OfferMade, ev.CallConnected,
    ev.DialRequested, ev.WorkResumed, ev.OccupancyCapped, ev.OccupancyFreed, ev.CallQueued,
    ev.CallMoved, ev.RequirementRelaxed, ev.CallbackMade, ev.OfferClosed, ev.ExclusionLifted,
)  # fmt: skip
"""The events that say where agents are, and what a call needs."""


async def everyone(
    connection: AsyncConnection, call_id: str, *, since: datetime, until: datetime
) -> dict[str, list[dict[str, Any]]]:
    """By offer of this call, all agents as they were when it was decided; `since` it arrived.

    Raises 409 `journal-gone` when the journal of that time is not kept any more.
    """
    then, found = _Then(call_id), {}
    names = [kind.__name__ for kind in KINDS]
    begin = min(since, until - LOOK_BACK)
    rows = read_kinds(connection, FLOOR, names, since=begin, until=until + timedelta(seconds=1))
    async for kind, data in rows:
        event = decode(kind, data)
        if isinstance(event, ev.OfferMade) and event.call_id == call_id:
            found[event.offer_id] = then.agents(event.agent_id)
        then.take(event)
    if not found:
        raise Conflict("the journal of that time is not kept any more", type="journal-gone")
    return found


class _Then:
    """What is known of agents, and of one call, so far."""

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._specs: dict[str, AgentSpec] = {}
        self._states: dict[str, str] = {}
        self._sites: dict[str, str | None] = {}
        self._capped: set[str] = set()
        self._needs: Mapping[str, int] = {}
        self._excluded: set[str] = set()

    def take(self, event: ev.Event) -> None:
        told = state_told(event)
        if told is not None:
            self._states[told[0]] = told[1]
        match event:
            case ev.AgentsConfigured():
                self._specs |= {spec.id: spec for spec in event.agents}
            case ev.AgentLoggedIn():
                self._sites[event.agent_id] = event.site
            case ev.OccupancyCapped():
                self._capped.add(event.agent_id)
            case ev.OccupancyFreed():
                self._capped.discard(event.agent_id)
            case _ if getattr(event, "call_id", None) == self._call_id:
                self._take_of_call(event)

    def _take_of_call(self, event: ev.Event) -> None:
        match event:
            case ev.CallQueued() | ev.CallMoved() | ev.CallbackMade():
                self._needs = event.skills
            case ev.RequirementRelaxed():
                self._needs = event.needs
            case ev.OfferClosed(excluded=True):
                self._excluded.add(event.agent_id)
            case ev.ExclusionLifted():
                self._excluded.discard(event.agent_id)

    def agents(self, chosen: str) -> list[dict[str, Any]]:
        """Every agent, in the order in which they were configured."""
        return [
            {
                "id": spec.id,
                "state": self._states.get(spec.id),
                "site": self._site(spec),
                "why": None if spec.id == chosen else self._why(spec),
            }
            for spec in self._specs.values()
        ]

    def _why(self, spec: AgentSpec) -> str:
        """What kept the call from him: what he lacks, what he did, where he was, or the rule itself."""
        site = self._site(spec)
        skills = spec.skills if site is None else {**spec.skills, f"{SITE}{site}": BEST_LEVEL}
        lack = lacking(skills, self._needs)
        if lack is not None:
            return lack
        if spec.id in self._excluded:
            return "excluded"
        state = self._states.get(spec.id, "unknown")
        if state != "ready":
            return f"state:{state}"
        return "occupancy" if spec.id in self._capped else "rule"

    def _site(self, spec: AgentSpec) -> str | None:
        return self._sites.get(spec.id, spec.site)


def expanded(
    items: Sequence[Mapping[str, Any]], agents: Mapping[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Decision records with everybody in the place of the first of the chosen group."""
    return [{**item, "agents": agents.get(item["offer_id"], [])} for item in items]
