"""Agents whose desk is cut off: each keeps his state for a while, and goes away by himself if he does not come back.

Until then calls go to others of his skills first. Afterwards nothing is offered him: an offer that he has not taken
goes on to others at its place, and what he is at is finished before.
"""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import presence_events as pev
from careline_router.domain.states import Agent
from careline_router.domain.steering_commands import SteeringCommands
from careline_router.domain.transfer_commands import CONSULT
from careline_router.domain.words import DISCONNECTED


class PresenceCommands(SteeringCommands):
    def _set_presence(self, command: cmd.SetPresence) -> None:
        for agent in self._those(command.came):
            if not agent.connected:
                self._emit(pev.DeskConnected(at=self.now, agent_id=agent.id))
                if agent.rests_after == DISCONNECTED:
                    self._plan_rest(agent, None)
                    if self._ready_beside_work(agent):
                        self._serve_agent(agent)
        for agent in self._those(command.left):
            if agent.connected:
                until = self.now + self.spec.presence_grace_s
                self._emit(pev.DeskDropped(at=self.now, agent_id=agent.id, until=until))

    def _those(self, names: tuple[str, ...]) -> list[Agent]:
        """Those of them whom the floor knows: a desk may be connected before its agent is configured."""
        return [self.agents[name] for name in names if name in self.agents]

    def _give_desk_up(self, agent: Agent) -> None:
        """The grace is over."""
        self._emit(pev.DeskGivenUp(at=self.now, agent_id=agent.id))
        offer = self.offers.get(agent.offer or "")
        untaken = None if offer is None or offer.state == "ringing" else self.calls[offer.call]
        if agent.state == "ready" or untaken is not None:
            if untaken is not None:
                self._withdraw(untaken, "withdrawn")
            self._emit(
                ev.AgentStateChanged(
                    at=self.now, agent_id=agent.id, state="not_ready", reason=DISCONNECTED
                )
            )
            self._let_others_have(agent, *([] if untaken is None else [untaken]))
        elif self._goes_on_later(agent) and agent.rests_after is None:
            self._plan_rest(agent, DISCONNECTED)

    def _goes_on_later(self, agent: Agent) -> bool:
        """Whether he would be ready by himself: after what he is at, or once a colleague has asked him."""
        asked = (agent.state, agent.reason) == ("not_ready", CONSULT)
        return asked or agent.state in {"reserved", "talking", "wrap_up"}
