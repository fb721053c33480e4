"""How a PBX rings an agent: his phone may be registered at the PBX of another site."""

from careline_router.domain.specs import PbxSpec
from careline_router.domain.states import Agent


def endpoint_at(pbx: PbxSpec | None, agent: Agent) -> str:
    """The endpoint by which this PBX rings him.

    The phone that he is configured with stands at his site, so a PBX of another one rings it over the trunk that leads
    there. A phone that he has logged in with may stand anywhere, and is rung as he gave it.
    """
    endpoint = agent.endpoint or ""
    if pbx is None or agent.site in {None, pbx.site} or endpoint != agent.spec.endpoint:
        return endpoint
    trunk = pbx.reach.get(agent.site or "")
    return endpoint if trunk is None else trunk.replace("{phone}", endpoint.partition("/")[2])
