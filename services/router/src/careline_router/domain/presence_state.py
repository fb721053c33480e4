"""How agents' connections change the floor."""

from careline_router.domain import presence_events as pev
from careline_router.domain.callback_state import CallbackState
from careline_router.domain.states import Agent


class PresenceState(CallbackState):
    """Applies the events of desks that come and go."""

    def _desk_connected(self, event: pev.DeskConnected) -> None:
        self._set_desk(self.agents[event.agent_id], connected=True, gone_at=None)

    def _desk_dropped(self, event: pev.DeskDropped) -> None:
        self._timers.set(event.until, "desk", event.agent_id)
        self._set_desk(self.agents[event.agent_id], connected=False, gone_at=event.until)

    def _desk_given_up(self, event: pev.DeskGivenUp) -> None:
        self._set_desk(self.agents[event.agent_id], connected=False, gone_at=None)

    def _set_desk(self, agent: Agent, *, connected: bool, gone_at: float | None) -> None:
        """Whose desk is away stands last among the idle of his skills."""
        agent.connected, agent.gone_at = connected, gone_at
        if agent.state != "logged_out":
            self._file_agent(agent)
