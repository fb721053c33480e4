"""What supervisors do to calls and agents: those of the teams they lead, or all with `floor`.

Each is written down with who, what, whom and when, in the transaction of its effect.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Forbidden, NotFound, invalid
from careline_router.db import reading, supervisor_actions
from careline_router.domain import commands as cmd
from careline_router.domain.events import CallAnnounced, Event
from careline_router.domain.words import Priority
from careline_router.ports import Receipt
from careline_router.queries import call_view, unknown_call
from careline_router.usecases.parts import UseCases
from careline_router.views import AgentView, CallView, SupervisorActionView, Viewer

ASSIGNED_S = 60.0
"""For so long a call that was given to an agent waits for him alone."""


class Supervision(UseCases):
    """`viewer` must lead a team that the call or the agent belongs to, or see everything; else 403.

    A waiting call belongs to every team of which an agent could serve it.
    """

    async def move(
        self, viewer: Viewer, call_id: str, queue: str, *, receipt: Receipt | None = None
    ) -> CallView:
        """Moves a waiting call; it keeps its place in time and takes the queue's requirements."""
        if queue not in self._plan().queues:
            raise invalid("queue", "there is no such queue")
        await self._require_rights(viewer, call_id)
        call = self._actor.floor.calls.get(call_id)
        skills = self._plan().skills_into(queue, None if call is None else call.flow)
        command = cmd.Move(call_id=call_id, queue=queue, skills=skills)
        return await self._steer(viewer, command, call_id, receipt, "move", queue=queue)

    async def set_priority(
        self, viewer: Viewer, call_id: str, priority: Priority, *, receipt: Receipt | None = None
    ) -> CallView:
        """Puts a waiting call into another priority class."""
        await self._require_rights(viewer, call_id)
        command = cmd.SetPriority(call_id=call_id, priority=priority)
        return await self._steer(viewer, command, call_id, receipt, "priority", priority=priority)

    async def listen(
        self,
        viewer: Viewer,
        call_id: str,
        mode: str,
        endpoint: str,
        *,
        receipt: Receipt | None = None,
    ) -> CallView:
        """Has the PBX connect a supervisor: mode `listen`, `whisper` or `barge`."""
        await self._require_rights(viewer, call_id)
        call = self._actor.floor.calls.get(call_id)
        body = {"endpoint": endpoint, "mode": mode}
        if call is not None:
            body["offer_id"] = call.offer or ""
        command = cmd.ControlTalk(call_id=call_id, kind="listen", body=body)
        return await self._steer(
            viewer, command, call_id, receipt, mode, endpoint=endpoint, agent=call and call.agent
        )

    async def assign(
        self, viewer: Viewer, call_id: str, agent_id: str, *, receipt: Receipt | None = None
    ) -> CallView:
        """Gives a waiting call to an agent, who is offered it before any other, and nobody else for 60 s."""
        await self._require_rights(viewer, call_id)
        self._require_team(viewer, agent_id)
        command = cmd.Assign(call_id=call_id, agent_id=agent_id, for_s=ASSIGNED_S)
        return await self._steer(viewer, command, call_id, receipt, "assign", agent=agent_id)

    async def withdraw_offer(
        self, viewer: Viewer, call_id: str, *, receipt: Receipt | None = None
    ) -> CallView:
        """Takes a call's open offer back; somebody else is offered it. 409 `offer-closed` without one."""
        await self._require_rights(viewer, call_id)
        call = self._actor.floor.calls.get(call_id)
        offer_id = "" if call is None else call.offer or ""
        command = cmd.WithdrawOffer(offer_id=offer_id)
        return await self._steer(viewer, command, call_id, receipt, "withdraw", offer=offer_id)

    async def announce(
        self, viewer: Viewer, media: str, queue: str | None, *, receipt: Receipt | None = None
    ) -> int:
        """Has everybody who waits hear something, or those of one queue; to how many it was told."""
        if queue is not None and queue not in self._plan().queues:
            raise invalid("queue", "there is no such queue")

        async def note(uow: UnitOfWork, events: list[Event]) -> int:
            told = sum(isinstance(event, CallAnnounced) for event in events)
            detail = {"media": media, "told": told}
            await supervisor_actions.note(uow, viewer.subject, "announce", queue, detail)
            return told

        command = cmd.Announce(media=media, queue=queue)
        told: int = await self._actor.submit(command, within=note, receipt=receipt)
        return told

    async def force_state(
        self, viewer: Viewer, agent_id: str, state: str, reason: str | None = None
    ) -> AgentView:
        """`ready`, `not_ready` or `logged_out` by a supervisor."""
        self._require_team(viewer, agent_id)
        commands: dict[str, cmd.Command] = {
            "ready": cmd.SetReady(agent_id=agent_id),
            "not_ready": cmd.SetNotReady(agent_id=agent_id, reason=reason or "supervisor"),
            "logged_out": cmd.LogOut(agent_id=agent_id),
        }
        if state not in commands:
            raise invalid("state", f"one of {', '.join(commands)}")

        async def show(uow: UnitOfWork, _events: list[Event]) -> AgentView:
            detail = {"state": state, "reason": reason}
            await supervisor_actions.note(uow, viewer.subject, "state", agent_id, detail)
            return await self.queries.agent_on(uow.connection, agent_id, viewer)

        view: AgentView = await self._actor.submit(commands[state], within=show)
        return view

    async def actions(
        self, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[tuple[int, SupervisorActionView]]:
        """What supervisors did, the newest first; up to `limit` + 1."""
        async with self._database.read() as connection:
            return await supervisor_actions.newest(connection, after=after, limit=limit + 1)

    async def _steer(
        self,
        viewer: Viewer,
        command: cmd.Command,
        call_id: str,
        receipt: Receipt | None,
        what: str,
        **detail: Any,
    ) -> CallView:
        async def show(uow: UnitOfWork, _events: list[Event]) -> CallView:
            await supervisor_actions.note(uow, viewer.subject, what, call_id, _said(detail))
            row = await reading.call(uow.connection, call_id)
            if row is None:
                raise unknown_call()
            return call_view(row, viewer)

        view: CallView = await self._actor.submit(command, within=show, receipt=receipt)
        return view

    def _require_team(self, viewer: Viewer, agent_id: str) -> None:
        agent = self._plan().agents.get(agent_id)
        if agent is None:
            raise NotFound("there is no such agent", type="unknown-agent")
        if not viewer.steers_all and agent.team not in viewer.teams:
            raise Forbidden("the agent is of another team")

    async def _require_rights(self, viewer: Viewer, call_id: str) -> None:
        """404 when there is no such call, 403 when it is of other teams."""
        call = await self.queries.call(call_id, viewer)
        if viewer.steers_all or (call.team is not None and call.team in viewer.teams):
            return
        waiting = self._actor.floor.calls.get(call_id)
        if waiting is not None and call.team is None:
            plan = self._plan()
            for agent in plan.agents.values():
                if agent.team in viewer.teams and plan.can_take(agent, waiting.needs):
                    return
        raise Forbidden("the call is of another team")


def _said(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if value is not None}
