"""What supervisors do to calls and agents: those of the teams they lead, or all with `floor`."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Forbidden, NotFound, invalid
from careline_router.db import reading
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.words import Priority
from careline_router.ports import Receipt
from careline_router.queries import call_view, unknown_call
from careline_router.usecases.parts import UseCases
from careline_router.views import AgentView, CallView, Viewer


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
        return await self._steer(viewer, command, call_id, receipt)

    async def set_priority(
        self, viewer: Viewer, call_id: str, priority: Priority, *, receipt: Receipt | None = None
    ) -> CallView:
        """Puts a waiting call into another priority class."""
        await self._require_rights(viewer, call_id)
        command = cmd.SetPriority(call_id=call_id, priority=priority)
        return await self._steer(viewer, command, call_id, receipt)

    async def listen(self, viewer: Viewer, call_id: str, mode: str, endpoint: str) -> CallView:
        """Has the PBX connect a supervisor: mode `listen`, `whisper` or `barge`."""
        await self._require_rights(viewer, call_id)
        body = {"endpoint": endpoint, "mode": mode}
        command = cmd.ControlTalk(call_id=call_id, kind="listen", body=body)
        return await self._steer(viewer, command, call_id, None)

    async def force_state(
        self, viewer: Viewer, agent_id: str, state: str, reason: str | None = None
    ) -> AgentView:
        """`ready`, `not_ready` or `logged_out` by a supervisor."""
        agent = self._plan().agents.get(agent_id)
        if agent is None:
            raise NotFound("there is no such agent", type="unknown-agent")
        if not viewer.steers_all and agent.team not in viewer.teams:
            raise Forbidden("the agent is of another team")
        commands: dict[str, cmd.Command] = {
            "ready": cmd.SetReady(agent_id=agent_id),
            "not_ready": cmd.SetNotReady(agent_id=agent_id, reason=reason or "supervisor"),
            "logged_out": cmd.LogOut(agent_id=agent_id),
        }
        if state not in commands:
            raise invalid("state", f"one of {', '.join(commands)}")

        async def show(uow: UnitOfWork, _events: list[Event]) -> AgentView:
            return await self.queries.agent_on(uow.connection, agent_id, viewer)

        view: AgentView = await self._actor.submit(commands[state], within=show)
        return view

    async def _steer(
        self, viewer: Viewer, command: cmd.Command, call_id: str, receipt: Receipt | None
    ) -> CallView:
        async def show(uow: UnitOfWork, _events: list[Event]) -> CallView:
            row = await reading.call(uow.connection, call_id)
            if row is None:
                raise unknown_call()
            return call_view(row, viewer)

        view: CallView = await self._actor.submit(command, within=show, receipt=receipt)
        return view

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
