"""What happens to agents' connections. One who has never connected a desk works by requests alone, and none of it
concerns him."""

from careline_router.domain.events import Event
from careline_router.domain.records import record


@record
class DeskConnected(Event):
    """The agent's desk is connected, for the first time or again."""

    agent_id: str


@record
class DeskDropped(Event):
    """It is not any more: unless it comes back, or he shows himself, he counts as gone `until` then."""

    agent_id: str
    until: float


@record
class DeskGivenUp(Event):
    """It has not come back in time, or he has shown himself without it: it is not waited for any more."""

    agent_id: str
