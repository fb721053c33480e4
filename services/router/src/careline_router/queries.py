"""What the router is asked."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.http.problem import NotFound
from careline_router.agents_then import everyone, expanded
from careline_router.config import Queue
from careline_router.db import reading, reading_queues
from careline_router.desk_aids import desk_aids
from careline_router.domain.floor import Floor
from careline_router.domain.work import appeal_of
from careline_router.floorplan import FloorPlan
from careline_router.problems import UnknownAgent
from careline_router.runtime.contacts import customer, is_verified
from careline_router.views import (
    AgentView,
    CallView,
    EstimateView,
    OfferView,
    PromisesView,
    QueueView,
    Viewer,
)
from careline_router.waits import estimate_of, promises_of

EVERYTHING = Viewer(everything=True)


class Queries:
    """Reads what is committed. `viewer` decides whose `caller` is shown."""

    def __init__(
        self,
        *,
        database: Database,
        plan: Callable[[], FloorPlan],
        floor: Callable[[], Floor],
        clock: Clock,
    ) -> None:
        self._database = database
        self._floor = floor
        self._plan = plan
        self._clock = clock

    async def call(self, call_id: str, viewer: Viewer) -> CallView:
        """404 `unknown-call`."""
        async with self._database.read() as connection:
            row = await reading.call(connection, call_id)
        if row is None:
            raise unknown_call()
        return call_view(row, viewer)

    async def call_by_pbx(self, pbx: str, pbx_call_id: str, viewer: Viewer) -> CallView:
        async with self._database.read() as connection:
            row = await reading.call_by_pbx(connection, pbx, pbx_call_id)
        if row is None:
            raise unknown_call()
        return call_view(row, viewer)

    async def calls(
        self,
        viewer: Viewer,
        *,
        state: str | None = None,
        queue: str | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> list[CallView]:
        """Calls, newest first; `after` is (arrived_at, id) of the last one seen.

        Agents get their own, supervisors those of their teams and those that have no agent yet.
        Gives up to `limit` + 1, so that the caller knows whether there are more.
        """
        async with self._database.read() as connection:
            rows = await reading.calls(
                connection,
                state=state,
                queue=queue,
                agent=viewer.agent,
                teams=viewer.teams,
                everybody=viewer.everything or viewer.overview,
                after=after,
                limit=limit + 1,
            )
        return [call_view(row, viewer) for row in rows]

    async def decisions(self, call_id: str, *, everybody: bool = False) -> list[dict[str, Any]]:
        """Decision records of a call, oldest first, with `everybody` also of who was not chosen.

        404 `unknown-call`, 409 `journal-gone` when it is too long ago to tell of everybody.
        """
        async with self._database.read() as connection:
            call = await reading.call(connection, call_id)
            if call is None:
                raise unknown_call()
            rows = await reading.decisions(connection, call_id)
            agents = None
            if everybody and rows:
                agents = await everyone(
                    connection, call_id, since=call.arrived_at, until=rows[-1].at
                )
        records = [_decision(row) for row in rows]
        return records if agents is None else expanded(records, agents)

    async def queues(self) -> list[QueueView]:
        """Every queue now, and since midnight UTC."""
        plan, now = self._plan(), self._clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        targets = {queue.id: queue.target_s for queue in plan.queues.values()}
        async with self._database.read() as connection:
            counts = await reading_queues.intervals(connection, targets, midnight)
            waiting = await reading_queues.waiting(connection)
            sessions = await reading.sessions(connection)
        states = {name: row.state for name, row in sessions.items()}
        floor, promises = self._floor(), promises_of(self._floor())
        return [
            _queue_view(
                queue,
                counts.get(queue.id),
                waiting.get(queue.id),
                _agents_by_state(plan, queue.id, states),
                now,
                estimate=estimate_of(floor, queue.id, now.timestamp()),
                promises=promises.get(queue.id, PromisesView()),
            )
            for queue in plan.queues.values()
        ]

    async def agents(
        self, viewer: Viewer, *, after: str | None = None, limit: int = 50
    ) -> list[AgentView]:
        """The configured agents by their ids, from behind `after` on; for a supervisor those of his teams.
        Gives up to `limit` + 1, so that the caller knows whether there are more."""
        shown = sorted(
            agent.id
            for agent in self._plan().agents.values()
            if viewer.everything or viewer.overview or agent.team in viewer.teams
        )
        names = [name for name in shown if after is None or name > after][: limit + 1]
        async with self._database.read() as connection:
            return await self._agent_views(connection, names, viewer)

    async def agent(self, agent_id: str) -> AgentView:
        """403 `unknown-agent` when he is not configured."""
        async with self._database.read() as connection:
            return await self.agent_on(connection, agent_id)

    async def agent_on(
        self, connection: AsyncConnection, agent_id: str, viewer: Viewer | None = None
    ) -> AgentView:
        """The same within a transaction that is under way; as he sees it, or as `viewer` does."""
        if agent_id not in self._plan().agents:
            raise UnknownAgent
        viewer = viewer or Viewer(agent=agent_id)
        views = await self._agent_views(connection, [agent_id], viewer)
        return views[0]

    async def _agent_views(
        self, connection: AsyncConnection, names: list[str], viewer: Viewer
    ) -> list[AgentView]:
        sessions = await reading.sessions(connection, names)
        offers = await reading.open_offers(connection, names)
        wanted = {row.call_id for row in (*sessions.values(), *offers.values()) if row.call_id}
        calls = await reading.calls_by_id(connection, sorted(wanted))
        return [
            self._agent_view(name, sessions.get(name), offers.get(name), calls, viewer)
            for name in names
        ]

    def _agent_view(
        self,
        name: str,
        session: Row[*tuple[Any, ...]] | None,
        offer: Row[*tuple[Any, ...]] | None,
        calls: Mapping[str, Row[*tuple[Any, ...]]],
        viewer: Viewer,
    ) -> AgentView:
        agent = self._plan().agents[name]
        call_id = session.call_id if session is not None and offer is None else None
        return AgentView(
            id=agent.id,
            state="logged_out" if session is None else session.state,
            reason=None if session is None else session.reason,
            since=None if session is None else session.since,
            skills=agent.skills,
            team=agent.team,
            site=agent.site if session is None else session.site,
            name=agent.name or None,
            endpoint=agent.endpoint if session is None else session.endpoint,
            offer=self._offer_view(offer, calls.get(offer.call_id), agent.team, viewer)
            if offer
            else None,
            call=call_view(calls[call_id], viewer) if call_id and call_id in calls else None,
        )

    def _offer_view(
        self,
        offer: Row[*tuple[Any, ...]],
        call: Row[*tuple[Any, ...]] | None,
        team: str | None,
        viewer: Viewer,
    ) -> OfferView | None:
        if call is None:
            return None
        his_own = viewer.agent == offer.agent
        return OfferView(
            id=offer.id,
            call_id=offer.call_id,
            state=offer.state,
            expires_at=offer.deadline,
            caller=call.phone if his_own or viewer.everything or team in viewer.teams else None,
            line=call.line,
            queue=call.queue,
            payer=call.payer,
            customer=customer(call.crm, call.name, known=self.known(call.attributes or {}))
            if his_own
            else None,
            desk=self.desk_aids(call.id, line=call.line, queue=call.queue) if his_own else None,
            ticket_id=appeal_of(call.pbx, call.pbx_call_id),
        )

    def desk_aids(self, call_id: str, *, line: str, queue: str | None) -> dict[str, Any]:
        """What the configuration gives an agent to work with on a call of this line and queue."""
        return desk_aids(self._plan(), call_id, line=line, queue=queue)

    def known(self, attributes: Mapping[str, Any]) -> bool:
        """Whether a caller may be shown to his agent as the CRM knows him: he has been verified, or need not be."""
        return not self._plan().floor.verify_callers or is_verified(attributes)


def unknown_call() -> NotFound:
    return NotFound("there is no such call", type="unknown-call")


def _decision(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "offer_id": row.offer_id,
        "at": row.at,
        "flow_version": row.flow_version,
        "policy": row.policy,
        "rule": row.rule,
        "calls": row.calls,
        "groups": row.groups,
        "agents": row.agents,
        "chosen": row.chosen,
        "took_us": row.took_us,
        "crm": row.crm,
    }


def call_view(row: Row[*tuple[Any, ...]], viewer: Viewer) -> CallView:
    """A call as this viewer may see it."""
    seen = viewer.sees_caller(row.agent, row.team)
    wrap_up = None
    if row.wrapped_up_at is not None:
        wrap_up = {
            "disposition": row.disposition,
            "resolved": row.resolved,
            "subjects": row.subjects or [],
            "booking": row.booking,
            "at": row.wrapped_up_at,
        }
    return CallView(
        id=row.id,
        pbx=row.pbx,
        pbx_call_id=row.pbx_call_id,
        caller=row.phone if seen else None,
        line=row.line,
        queue=row.queue,
        payer=row.payer,
        insurance=row.insurance,
        priority=row.priority,
        language=row.language,
        state=row.state,
        arrived_at=row.arrived_at,
        queued_at=row.queued_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        agent=row.agent,
        team=row.team,
        outcome=row.outcome,
        control=row.control,
        crm=row.crm,
        recording=_recording(row.recording, with_url=seen or viewer.recordings),
        recording_refused_at=row.recording_refused_at,
        wrap_up=wrap_up,
        ticket_id=appeal_of(row.pbx, row.pbx_call_id),
    )


def _recording(recording: Mapping[str, Any] | None, *, with_url: bool) -> Mapping[str, Any] | None:
    """A recording; where to fetch it only for who may listen."""
    if recording is None or with_url:
        return recording
    return {key: value for key, value in recording.items() if key != "url"}


def _agents_by_state(plan: FloorPlan, queue: str, states: Mapping[str, str]) -> dict[str, int]:
    """Agents who have the skills for a queue, by state."""
    return dict(Counter(states.get(agent, "logged_out") for agent in plan.serving(queue)))


def _queue_view(
    queue: Queue,
    counts: Row[*tuple[Any, ...]] | None,
    waiting: Row[*tuple[Any, ...]] | None,
    agents: Mapping[str, int],
    now: datetime,
    *,
    estimate: EstimateView,
    promises: PromisesView,
) -> QueueView:
    offered, in_target = (counts.offered, counts.in_target) if counts else (0, 0)
    abandoned = counts.abandoned if counts else 0
    patient = offered - (counts.short_abandoned if counts else 0)
    oldest = waiting.oldest if waiting else None
    return QueueView(
        id=queue.id,
        waiting=waiting.waiting if waiting else 0,
        oldest_wait_s=None if oldest is None else round((now - oldest).total_seconds(), 1),
        agents=agents,
        offered=offered,
        answered=counts.answered if counts else 0,
        abandoned=abandoned,
        in_target=in_target,
        sl_offered_pct=_percent(in_target, offered),
        sl_short_abandon_pct=_percent(in_target, patient),
        asa_s=_rounded(counts.asa_s if counts else None),
        aht_s=_rounded(counts.aht_s if counts else None),
        lcr_pct=_percent(abandoned, offered),
        p95_s=_rounded(counts.p95_s if counts else None),
        p99_s=_rounded(counts.p99_s if counts else None),
        occupancy_pct=None,
        estimate=estimate,
        promises=promises,
    )


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
