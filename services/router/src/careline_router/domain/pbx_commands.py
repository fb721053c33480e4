"""A PBX that does not answer: its calls wait at their places, and whose phone stands there is not offered any.

What is under way there is left alone, for nobody knows: the PBX may work and only not be heard.
"""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.site_commands import SiteCommands
from careline_router.domain.states import Agent, Call
from careline_router.domain.words import PBX_DOWN


class PbxCommands(SiteCommands):
    def _set_pbx(self, command: cmd.SetPbx) -> None:
        if (command.state == "down") == (command.pbx in self.pbxs_down):
            return
        self._emit(ev.PbxChanged(at=self.now, pbx=command.pbx, state=command.state))
        self._heed_phones()
        if command.state == "up":
            calls = [call for call in self.calls.values() if call.pbx == command.pbx]
            self._serve_in_turn([self._unpreferred(call) for call in calls])
            # who was at work that a call may interrupt may be called away again
            self._serve_again([each for each in self.agents.values() if each.state == "talking"])

    def _heed_phones(self) -> None:
        """Who cannot be rung is not ready, and who can again is; offers that nobody can ring are nobody's fault."""
        resting = [agent for agent in self.agents.values() if self._may_be_rung_again(agent)]
        given_back: list[Call] = []
        for agent in self.agents.values():
            if agent.state == "ready" and self.rest_of(agent) == PBX_DOWN:
                self._emit(
                    ev.AgentStateChanged(
                        at=self.now, agent_id=agent.id, state="not_ready", reason=PBX_DOWN
                    )
                )
                given_back += self._released_by(agent)
        for offer in list(self.offers.values()):
            call, agent = self.calls[offer.call], self.agents[offer.agent]
            away = call.control != "desk" and self.phone_is_away(agent)
            if away or call.pbx in self.pbxs_down:
                self._withdraw(call, "withdrawn")
                given_back.append(self._unpreferred(call))
                resting.append(agent)
        for agent in resting:
            self._release(agent, keeps_idle=True)
        self._serve_in_turn(given_back)

    def _may_be_rung_again(self, agent: Agent) -> bool:
        rested = (agent.state, agent.reason) == ("not_ready", PBX_DOWN)
        return rested and self.rest_of(agent) != PBX_DOWN
