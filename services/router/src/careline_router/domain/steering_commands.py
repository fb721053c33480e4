"""What supervisors do to calls that wait, beside moving them and changing their priority."""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.pbx_commands import PbxCommands
from careline_router.domain.states import Rejected


class SteeringCommands(PbxCommands):
    def _assign(self, command: cmd.Assign) -> None:
        call = self._waiting_call(command.call_id)
        if call.kind != "call":
            raise Rejected("not-assignable", "only a caller can be given to an agent")
        agent = self._agent(command.agent_id)
        if agent.state in {"logged_out", "not_ready"}:
            raise Rejected("agent-away", f"that agent is {agent.state}")
        if self.rest_of(agent) is not None:
            raise Rejected(
                "agent-away", "that agent's site is not open, or his phone not to be reached"
            )
        group = self.groups.group_of(agent.id)
        if group is None or not self.groups.requirement(call.needs).ranks[group.index]:
            raise Rejected("agent-not-able", "that agent lacks the skills for this call")
        if call.offer in self.offers and self.offers[call.offer].agent == agent.id:
            return
        before = self._withdraw(call, "withdrawn")
        self._emit(
            ev.CallAssigned(
                at=self.now, call_id=call.id, agent_id=agent.id, until=self.now + command.for_s
            )
        )
        self._serve_call(call)
        if before is not None:
            self._release(before, keeps_idle=True)

    def _withdraw_offer(self, command: cmd.WithdrawOffer) -> None:
        offer = self.offers.get(command.offer_id)
        if offer is None:
            raise Rejected("offer-closed", "this offer is not open any more")
        call, agent = self.calls[offer.call], self.agents[offer.agent]
        self._close_offer(offer, "withdrawn", excluded=True, phone_told=False)
        self._serve_call(self._unpreferred(call))
        self._release(agent, keeps_idle=True)

    def _announce(self, command: cmd.Announce) -> None:
        if command.queue is not None:
            self._queue_spec(command.queue)
        for call in list(self.calls.values()):
            waits = call.state in {"queued", "offered"} and call.kind == "call"
            if waits and command.queue in {None, call.queue}:
                self._emit(ev.CallAnnounced(at=self.now, call_id=call.id, media=command.media))
