"""Sites that are drained or down: who works there is given nothing new, and others have it.

- *drained*: talks, wrap-ups and open offers there are finished; after them the agent is not ready, reason `site_drained`, and ready
  again when the site is open.
- *down*: nobody can be reached there. Open offers go on to others, callers of talks that the PBX can be told about are first at
  their place again, and everybody is logged out; a talk that nobody here can steer ends when its PBX says so.
"""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.skills import SITE
from careline_router.domain.states import Agent, Call
from careline_router.domain.transfer_commands import TransferCommands
from careline_router.domain.words import SITE_DRAINED


class SiteCommands(TransferCommands):
    def _set_site(self, command: cmd.SetSite) -> None:
        if self.sites.get(command.site, "open") == command.state:
            return
        self._emit(ev.SiteChanged(at=self.now, site=command.site, state=command.state))
        there = [
            agent
            for agent in self.agents.values()
            if agent.site == command.site and agent.state != "logged_out"
        ]
        if command.state == "open":
            self._open_again(there)
            return
        asking = self._ask_for_site_no_more(command.site)
        given_back = [
            call
            for agent in there
            for call in (self._take_off(agent) if command.state == "down" else self._drain(agent))
        ]
        released = [call for agent in there for call in self._released_by(agent)]
        # once nobody there is ready any more, or they would be offered to one another
        self._serve_in_turn(
            list({call.id: call for call in [*given_back, *released, *asking]}.values())
        )

    def _open_again(self, there: list[Agent]) -> None:
        for agent in there:
            if (agent.state, agent.reason) == ("not_ready", SITE_DRAINED):
                self._release(agent)
        # who was at work that a call may interrupt may be called away again
        self._serve_again([agent for agent in there if agent.state == "talking"])

    def _ask_for_site_no_more(self, site: str) -> list[Call]:
        """Calls that ask for somebody of this site, and would wait until it is open, do so no more: those in a talk
        neither, who may yet be given back."""
        skill = f"{SITE}{site}"
        asking = [
            call
            for call in self.calls.values()
            if call.state in {"queued", "offered", "connected"} and skill in call.needs
        ]
        for call in asking:
            assert call.queue is not None
            assert call.priority is not None
            needs = {name: level for name, level in call.needs.items() if name != skill}
            self._emit(
                ev.RequirementRelaxed(
                    at=self.now,
                    call_id=call.id,
                    step=call.relaxed,
                    needs=needs,
                    queue=call.queue,
                    priority=call.priority,
                )
            )
        return asking

    def _drain(self, agent: Agent) -> list[Call]:
        if agent.state == "ready":
            self._emit(
                ev.AgentStateChanged(
                    at=self.now, agent_id=agent.id, state="not_ready", reason=SITE_DRAINED
                )
            )
        return []

    def _take_off(self, agent: Agent) -> list[Call]:
        """Logs an agent out who cannot be reached; the calls that others may have now."""
        offered = None if agent.offer is None else self.calls[self.offers[agent.offer].call]
        if offered is not None:
            self._withdraw(offered, "withdrawn")
        in_hand = [self.calls[each] for each in agent.at_work]
        for call in in_hand:
            if call.control == "desk":
                self._lay_down(call, agent, by="agent")  # the appeal stays his in the journal
        given_back = [call for call in in_hand if _may_go_back(call)]
        for call in given_back:
            self._stop_consulting(call, "agent_gone", hangs=True, returns=False)
            leg = call.offer if call.kind == "call" else None
            self._emit(
                ev.CallRequeued(
                    at=self.now, call_id=call.id, agent_id=agent.id, cause="site_down", leg=leg
                )
            )
        if not agent.at_work:
            self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="logged_out"))
        return [*given_back, *([] if offered is None else [offered])]


def _may_go_back(call: Call) -> bool:
    """Whether somebody else can take it: work that can be put aside, and callers whose PBX can be told."""
    if call.kind != "call":
        return call.interruptible and call.control != "desk"
    return call.control == "commands" and not call.leaving
