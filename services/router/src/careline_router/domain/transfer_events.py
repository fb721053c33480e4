"""What has happened to calls that are passed on, and to those who are asked before."""

from collections.abc import Mapping

from careline_router.domain.events import Event
from careline_router.domain.records import record


@record
class TransferRequested(Event):
    """The PBX is to pass the caller on; with `consult_id` to who was asked before."""

    call_id: str
    agent_id: str
    offer_id: str
    endpoint: str
    consult_id: str | None = None


@record
class AgentLeft(Event):
    """The agent has gone while the PBX passes his caller on: what comes of that is awaited."""

    call_id: str
    agent_id: str


@record
class TransferRefused(Event):
    """The PBX could not: the agent has his caller still."""

    call_id: str
    agent_id: str


@record
class CallTransferred(Event):
    """The caller waits again, first at his place in time, where his agent has sent him. He is offered neither
    to that agent nor to those of `excludes`."""

    call_id: str
    agent_id: str
    offer_id: str
    queue: str
    skills: Mapping[str, int]
    preferred: str | None = None
    preferred_until: float | None = None
    excludes: tuple[str, ...] = ()


@record
class ConsultBegun(Event):
    """The caller is held, and the phone of who is asked rings. `to_agent` is one of the floor."""

    call_id: str
    agent_id: str
    consult_id: str
    offer_id: str
    endpoint: str
    timeout_s: float
    to_agent: str | None = None


@record
class ConsultTalking(Event):
    call_id: str
    agent_id: str
    consult_id: str


@record
class ConsultJoined(Event):
    """All three talk."""

    call_id: str
    agent_id: str
    consult_id: str
    offer_id: str


@record
class ConsultOver(Event):
    """Nobody is asked any more. `hangs`: there is a leg to take down; `returns`: the caller is given
    back to his agent, who still is there."""

    call_id: str
    agent_id: str
    consult_id: str
    offer_id: str
    cause: str
    hangs: bool
    returns: bool


@record
class CallHandedOver(Event):
    """The agent who was asked has the call from now on; the PBX joins his leg with the caller."""

    call_id: str
    agent_id: str
    to_agent: str
    consult_id: str
    offer_id: str
    endpoint: str
