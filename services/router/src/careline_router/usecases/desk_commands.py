"""What agents do on their sockets, where an `ack` is all the answer.

Nothing is read back: each of these would hold the floor's transaction up for three queries.
"""

from careline_router.domain import commands as cmd
from careline_router.usecases.agents import AgentUseCases, state_command


class DeskCommands(AgentUseCases):
    """As `AgentUseCases`, without an answer."""

    async def take_offer(self, agent_id: str, offer_id: str) -> None:
        """Accepts an offer."""
        await self._order(agent_id, cmd.AcceptOffer(agent_id=agent_id, offer_id=offer_id))

    async def refuse_offer(self, agent_id: str, offer_id: str, reason: str | None) -> None:
        """Rejects an offer."""
        command = cmd.RejectOffer(agent_id=agent_id, offer_id=offer_id, reason=reason)
        await self._order(agent_id, command)

    async def change_state(self, agent_id: str, state: str, reason: str | None) -> None:
        """`ready` or `not_ready`."""
        await self._order(agent_id, state_command(agent_id, state, reason))

    async def _order(self, agent_id: str, command: cmd.Command) -> None:
        self._require_agent(agent_id)
        await self._actor.submit(command)
