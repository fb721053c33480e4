"""How a PBX rings an agent: his phone may be registered at the PBX of another site."""

from collections.abc import Container, Mapping

from careline_router.domain.specs import PbxSpec
from careline_router.domain.states import Agent


def endpoint_at(pbx: PbxSpec | None, agent: Agent) -> str:
    """The endpoint by which this PBX rings him: a phone of another site over the trunk that leads there."""
    endpoint, site = agent.endpoint or "", stands_at(agent)
    if pbx is None or site in {None, pbx.site}:
        return endpoint
    trunk = pbx.reach.get(site or "")
    return endpoint if trunk is None else trunk.replace("{phone}", endpoint.partition("/")[2])


def stands_at(agent: Agent) -> str | None:
    """The site at which his phone is registered; None: it may stand anywhere, and is rung as he gave it.

    The one that he is configured with stands where he works, and so does one that he has found at a site to which he went,
    unless it names the way to itself (`PJSIP/79160000001@trunk`). At his own site he may have logged in with whatever he has.
    """
    endpoint = agent.endpoint or ""
    moved = agent.site != agent.spec.site and "@" not in endpoint
    return agent.site if moved or endpoint == agent.spec.endpoint else None


def phone_is_away(agent: Agent, pbxs: Mapping[str, PbxSpec], down: Container[str]) -> bool:
    """Whether his phone stands at a site all of whose PBXs are down."""
    site = stands_at(agent)
    there = [] if site is None else [name for name, spec in pbxs.items() if spec.site == site]
    return bool(there) and all(name in down for name in there)
