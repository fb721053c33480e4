"""Compares what Asterisk has with what the router knows, and mends the difference.

Needed because events are lost while the socket is away: hang-ups of that time are never told, and a
caller who entered meanwhile is never announced again.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from careline_common.http.problem import Problem
from careline_router.adapters.asterisk.channels import (
    AgentLeg,
    CallerLeg,
    arguments_of,
    leg,
    offer_of_talk,
)
from careline_router.adapters.asterisk.connection import AriConnection, AsteriskGoneError, part
from careline_router.ports import Arrival
from careline_router.service import RouterService
from careline_router.views import CallView, PbxCommand, Viewer

if TYPE_CHECKING:
    from careline_router.adapters.asterisk.pbx import AsteriskTarget

log = structlog.get_logger(__name__)

Obey = Callable[[Iterable[PbxCommand]], None]

EVERYTHING = Viewer(everything=True)
LIVE = ("arrived", "self_service", "queued", "offered", "connected")
PAGE = 200


async def reconcile(
    ari: AriConnection,
    target: "AsteriskTarget",
    service: RouterService,
    talks: dict[str, str],
    obey: Obey,
    *,
    busy: Callable[[str], bool],
) -> None:
    """One comparison. `talks` (agent leg → caller) is filled for legs that outlived the socket, and
    loses those that are gone; `obey` takes the commands that come back with each answer of the
    router, `busy` says whether a caller's channel has commands under way."""
    noted = dict(talks)
    known = {call.pbx_call_id: call for call in await _live_calls(service, target.id)}
    channels = await _list(ari, "channels")
    callers, agents, up = _legs(channels, target.application)
    for caller in callers.values():
        call = known.get(caller.channel)
        # who has only arrived is being looked up, or was when the socket was lost: then nobody else
        # would ever send him on his way
        if call is None or call.state == "arrived":
            log.info("asterisk.adopted", pbx=target.id, call=caller.channel)
            arrival = Arrival(pbx_call_id=caller.channel, caller=caller.caller, line=caller.line)
            answer = await service.call_arrived(target.id, arrival)
            obey(answer.commands)
            if answer.call.state == "ended" and not busy(caller.channel):
                await ari.request("DELETE", f"channels/{part(caller.channel)}")
    for channel in known.keys() - callers.keys():
        log.info("asterisk.lost_caller", pbx=target.id, call=channel)
        obey((await service.hung_up(target.id, channel, "caller", "lost_event")).commands)
    for agent in agents:
        await _settle(ari, target, service, agent, obey, up=agent.offer_id in up, callers=callers)
        talks[agent.offer_id] = agent.caller_channel
    for offer_id in noted.keys() - {channel["id"] for channel in channels}:
        if not busy(noted[offer_id]):
            talks.pop(offer_id, None)
    await _remove_empty_talks(ari, talks)
    talking = {agent.caller_channel for agent in agents}
    for channel, call in known.items():
        if call.state == "connected" and channel in callers and channel not in talking:
            log.info("asterisk.lost_agent", pbx=target.id, call=channel)
            obey((await service.hung_up(target.id, channel, "agent", "lost")).commands)


async def _live_calls(service: RouterService, pbx: str) -> list[CallView]:
    calls: list[CallView] = []
    for state in LIVE:
        after = None
        while True:
            page = await service.queries.calls(EVERYTHING, state=state, after=after, limit=PAGE)
            calls += page[:PAGE]
            if len(page) <= PAGE:
                break
            after = (page[PAGE - 1].arrived_at, page[PAGE - 1].id)
    return [
        call
        for call in calls
        # no caller stands for a callback at the PBX
        if call.pbx == pbx and call.control == "commands" and not call.begun_here
    ]


async def _list(ari: AriConnection, what: str) -> list[dict[str, Any]]:
    answer = await ari.request("GET", what)
    if not answer.ok:
        raise AsteriskGoneError(f"no list of {what}: {answer.reason}")
    return list(answer.body)


async def _remove_empty_talks(ari: AriConnection, talks: Mapping[str, str]) -> None:
    """A bridge stays until somebody deletes it, even when both parties went while nobody looked."""
    for bridge in await _list(ari, "bridges"):
        offer_id = offer_of_talk(bridge["id"])
        if offer_id is not None and offer_id not in talks and not bridge["channels"]:
            await ari.request("DELETE", f"bridges/{part(bridge['id'])}")


def _legs(
    channels: Iterable[dict[str, Any]], application: str
) -> tuple[dict[str, CallerLeg], list[AgentLeg], set[str]]:
    callers: dict[str, CallerLeg] = {}
    agents: list[AgentLeg] = []
    up: set[str] = set()
    for channel in channels:
        arguments = arguments_of(channel, application)
        match leg(channel, arguments or []):
            case CallerLeg() as caller:
                callers[caller.channel] = caller
            case AgentLeg() as agent:
                agents.append(agent)
                if channel["state"] == "Up":
                    up.add(agent.offer_id)
            case None:
                continue
    return callers, agents, up


async def _settle(
    ari: AriConnection,
    target: "AsteriskTarget",
    service: RouterService,
    agent: AgentLeg,
    obey: Obey,
    *,
    up: bool,
    callers: dict[str, CallerLeg],
) -> None:
    """An agent's leg: tells of an answer that was missed, and hangs up a leg without a caller."""
    wanted = agent.caller_channel in callers or service.calls_back(target.id, agent.caller_channel)
    if wanted and up:
        try:
            answer = await service.call_answered(target.id, agent.caller_channel, agent.offer_id)
            obey(answer.commands)
            wanted = service.talks(target.id, agent.caller_channel, agent.offer_id)
        except Problem:
            wanted = False
    if not wanted:
        log.info("asterisk.orphan_leg", pbx=target.id, offer=agent.offer_id)
        await ari.request("DELETE", f"channels/{part(agent.offer_id)}")
