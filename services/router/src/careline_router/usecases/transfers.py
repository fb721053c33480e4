"""Talks that an agent passes on, holds, or asks somebody about."""

from dataclasses import dataclass
from typing import Literal

from careline_common.http.problem import invalid
from careline_router.domain import commands as cmd
from careline_router.domain import transfer_orders as orders
from careline_router.domain.words import ConsultEnd
from careline_router.usecases.desk_commands import DeskCommands

RecordAction = Literal["pause", "resume"]
PREFERRED_S = 120.0
"""For so long a call that was passed on to an agent waits for him alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTarget:
    """Where a call is to go: exactly one of the three."""

    endpoint: str | None = None
    queue: str | None = None
    agent: str | None = None


class Transfers(DeskCommands):
    """What an agent does with his talk. 409 while it is not his, or not in a state for it."""

    async def transfer(
        self, agent_id: str, call_id: str, target: TransferTarget, mode: Literal["cold", "warm"]
    ) -> None:
        """Passes the call on: `cold` at once, `warm` after asking. 422 for a target that is none."""
        self._check(target)
        command = (self._warm if mode == "warm" else self._cold)(agent_id, call_id, target)
        await self._order(agent_id, command)

    async def end_consult(self, agent_id: str, call_id: str, how: ConsultEnd) -> None:
        """`complete` the transfer, come `back` to the caller, or `join` all three."""
        command = orders.EndConsult(agent_id=agent_id, call_id=call_id, how=how)
        await self._order(agent_id, command)

    async def hold(self, agent_id: str, call_id: str) -> None:
        """The agent puts his caller on hold."""
        await self._order(agent_id, _control(agent_id, call_id, "hold"))

    async def resume(self, agent_id: str, call_id: str) -> None:
        """The agent takes his caller back: from hold, or from asking somebody."""
        call = self._actor.floor.calls.get(call_id)
        if call is not None and call.consultation is not None:
            await self.end_consult(agent_id, call_id, "back")
        else:
            await self._order(agent_id, _control(agent_id, call_id, "bridge"))

    async def record(self, agent_id: str, call_id: str, action: RecordAction) -> None:
        """The agent has the recording of his talk pause, or go on: while a caller says the number of a card."""
        command = cmd.ControlTalk(
            call_id=call_id, kind="record", agent_id=agent_id, body={"action": action}
        )
        await self._order(agent_id, command)

    def _check(self, target: TransferTarget) -> None:
        given = [each for each in (target.endpoint, target.queue, target.agent) if each is not None]
        if len(given) != 1:
            raise invalid("data", "give exactly one of endpoint, queue and agent")
        if target.queue is not None and target.queue not in self._plan().queues:
            raise invalid("data.queue", "there is no such queue")
        if target.agent is not None and target.agent not in self._plan().agents:
            raise invalid("data.agent", "there is no such agent")

    def _cold(self, agent_id: str, call_id: str, target: TransferTarget) -> cmd.Command:
        if target.endpoint is not None:
            return orders.TransferOut(agent_id=agent_id, call_id=call_id, endpoint=target.endpoint)
        call = self._actor.floor.calls.get(call_id)
        flow, own = (None, "") if call is None else (call.flow, call.queue or "")
        queue = target.queue or own
        same = call is not None and queue == own
        return orders.TransferIn(
            agent_id=agent_id,
            call_id=call_id,
            queue=queue,
            skills=call.skills
            if call is not None and same
            else self._plan().skills_into(queue, flow),
            to_agent=target.agent,
            preferred_for_s=PREFERRED_S,
        )

    def _warm(self, agent_id: str, call_id: str, target: TransferTarget) -> cmd.Command:
        skills = None if target.queue is None else self._plan().skills_into(target.queue)
        return orders.Consult(
            agent_id=agent_id,
            call_id=call_id,
            consult_id=f"consult-{self._ids.new()}",
            endpoint=target.endpoint,
            to_agent=target.agent,
            skills=skills,
        )


def _control(agent_id: str, call_id: str, kind: str) -> cmd.ControlTalk:
    return cmd.ControlTalk(call_id=call_id, kind=kind, agent_id=agent_id)
