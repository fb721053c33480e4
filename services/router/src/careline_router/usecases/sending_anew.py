"""Callers who wait are sent by a flow that has changed, if that is asked."""

from careline_common.http.problem import Conflict
from careline_router.domain import commands as cmd
from careline_router.domain.states import Call
from careline_router.runtime.contacts import INPUTS
from careline_router.usecases.sending import SendingCalls


class SendingAnew(SendingCalls):
    async def send_waiting_anew(self, flow_id: str) -> int:
        """Sends who waits by a flow where it would send him now, at the place in time that he has; gives how many
        were moved. Who is being offered meanwhile stays."""
        moved = 0
        for call in list(self._actor.floor.calls.values()):
            if call.state != "queued" or call.kind != "call" or call.flow != flow_id:
                continue
            contact, plan = self._contacts.of(call.id), self._plan()
            profile = contact.profile or await self._intake.profile(contact)
            line = plan.line(call.line)
            flow = None if line is None else plan.flows.get(line.flow)
            profile = await self._with_policy(flow, call.id, contact, profile)
            informed = await self._informed(flow, contact)
            if line is None or flow is None or call.state != "queued":
                continue
            self._contacts.put(call.id, informed)
            ivr = contact.attributes.get(INPUTS, {})
            wanted = self._sending(plan, line, call, profile, ivr)
            if isinstance(wanted, cmd.QueueCall):
                moved += await self._move_to(call, wanted)
        return moved

    async def _move_to(self, call: Call, wanted: cmd.QueueCall) -> bool:
        commands: list[cmd.Command] = []
        now, then = (call.queue, dict(call.skills)), (wanted.queue, dict(wanted.skills))
        if now != then or call.terms != wanted.terms:
            commands.append(
                cmd.Move(
                    call_id=call.id,
                    queue=wanted.queue,
                    skills=dict(wanted.skills),
                    terms=wanted.terms,
                )
            )
        if call.priority != wanted.priority:
            commands.append(cmd.SetPriority(call_id=call.id, priority=wanted.priority))
        try:
            for command in commands:
                await self._actor.submit(command)
        except Conflict:  # he does not wait any more
            return False
        return bool(commands)
