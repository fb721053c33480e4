"""How a PBX rings an agent: his phone may be registered at the PBX of another site."""

from collections.abc import Container, Mapping

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


def phone_is_away(agent: Agent, pbxs: Mapping[str, PbxSpec], down: Container[str]) -> bool:
    """Whether the phone that he is configured with stands at his site, and every PBX there is down."""
    if agent.site is None or agent.endpoint != agent.spec.endpoint:
        return False
    there = [name for name, spec in pbxs.items() if spec.site == agent.site]
    return bool(there) and all(name in down for name in there)
