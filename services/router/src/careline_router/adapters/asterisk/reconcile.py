"""Compares what Asterisk has with what the router knows, and mends the difference.

Needed because events are lost while the socket is away: hang-ups of that time are never told, and a
caller who entered meanwhile is never announced again.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import structlog

from careline_common.http.problem import Problem
from careline_router.adapters.asterisk.channels import (
    AgentLeg,
    CallerLeg,
    ConsultLeg,
    arguments_of,
    call_of_record_leg,
    is_consult,
    leg,
    offer_of_talk,
)
from careline_router.adapters.asterisk.commands import Commands
from careline_router.adapters.asterisk.connection import AriConnection, AsteriskGoneError, part
from careline_router.adapters.asterisk.hearing import Hearing
from careline_router.adapters.asterisk.persons import Persons
from careline_router.adapters.asterisk.reconcile_legs import LegsComparison
from careline_router.adapters.asterisk.reconcile_persons import PersonsComparison
from careline_router.adapters.asterisk.session import Session
from careline_router.ports import Arrival
from careline_router.service import RouterService
from careline_router.views import CallView, Viewer

log = structlog.get_logger(__name__)

EVERYTHING = Viewer(everything=True)
LIVE = ("arrived", "self_service", "queued", "offered", "connected")
PAGE = 200


class Comparison:
    """What is asked of both sides, over the socket that is open now."""

    def __init__(
        self, session: Session, persons: Persons, commands: Commands, hearing: Hearing
    ) -> None:
        self._ari = session.ari
        self._target = session.target
        self._service = session.service
        self._talks = session.legs.talks
        self._commands = commands
        self._hearing = hearing
        self._legs = LegsComparison(session, commands, self._busy)
        self._persons = PersonsComparison(session, persons, commands, self._busy)
        self._looked_for_recordings = False

    def _busy(self, pbx_call_id: str) -> bool:
        """Whether a call changes right now: then its turn is the next time."""
        return self._commands.busy(pbx_call_id) or self._hearing.busy(pbx_call_id)

    async def run(self) -> None:
        """One comparison. Legs that outlived the socket are known again, those that are gone no more."""
        await self._legs.begin()
        known = {
            call.pbx_call_id: call for call in await _live_calls(self._service, self._target.id)
        }
        under_way = await self._persons.settled()
        passed_on = _passed_on(await _list(self._ari, "bridges"))
        channels = await _list(self._ari, "channels")
        callers, agents, up = _legs(channels, self._target.application)
        await self._compare_callers(callers, known, passed_on)
        for agent in agents:
            if agent.offer_id not in passed_on:
                await self._settle(agent, up=agent.offer_id in up, callers=callers)
            self._talks[agent.offer_id] = agent.caller_channel
        bridges = await _list(self._ari, "bridges")
        await self._persons.compare(under_way, channels, bridges)
        await self._remove_empty_talks(bridges)
        there = {channel["id"] for channel in channels}
        await self._compare_recordings(there)
        await self._legs.compare(there)

    async def _compare_recordings(self, channels: Iterable[str]) -> None:
        """Nobody is recorded whose call is over. What became of recordings while nobody listened is looked for once
        a socket: on it everything is told."""
        for channel in channels:
            call_id = call_of_record_leg(channel)
            if call_id is not None and not self._service.under_way(call_id):
                await self._commands.recordings.end(call_id)
        if not self._looked_for_recordings:
            await self._commands.recordings.compare()
            self._looked_for_recordings = True

    async def _compare_callers(
        self,
        callers: Mapping[str, CallerLeg],
        known: Mapping[str, CallView],
        passed_on: Container[str],
    ) -> None:
        pbx = self._target.id
        for caller in callers.values():
            call = known.get(caller.channel)
            if call is None and caller.channel in passed_on:
                continue
            # who has only arrived is being looked up, or was when the socket was lost: then nobody else
            # would ever send him on his way
            if call is None or call.state == "arrived":
                log.info("asterisk.adopted", pbx=pbx, call=caller.channel)
                arrival = Arrival(
                    pbx_call_id=caller.channel, caller=caller.caller, line=caller.line
                )
                answer = await self._service.call_arrived(pbx, arrival)
                self._commands.start(answer.commands)
                if answer.call.state == "ended" and not self._commands.busy(caller.channel):
                    await self._ari.request("DELETE", f"channels/{part(caller.channel)}")
        for channel in known.keys() - callers.keys():
            log.info("asterisk.lost_caller", pbx=pbx, call=channel)
            told = await self._service.hung_up(pbx, channel, "caller", "lost_event")
            self._commands.start(told.commands)

    async def _settle(self, agent: AgentLeg, *, up: bool, callers: Mapping[str, CallerLeg]) -> None:
        """An agent's leg: tells of an answer that was missed, and hangs up a leg without a caller."""
        pbx, call = self._target.id, agent.caller_channel
        wanted = call in callers or self._service.calls_back(pbx, call)
        if wanted and up:
            try:
                answer = await self._service.call_answered(pbx, call, agent.offer_id)
                self._commands.start(answer.commands)
                wanted = self._service.talks(pbx, call, agent.offer_id) or bool(
                    self._service.consults(pbx, call, agent.offer_id)
                )
            except Problem:
                wanted = False
        if not wanted:
            log.info("asterisk.orphan_leg", pbx=pbx, offer=agent.offer_id)
            await self._ari.request("DELETE", f"channels/{part(agent.offer_id)}")

    async def _remove_empty_talks(self, bridges: Iterable[Mapping[str, Any]]) -> None:
        """A bridge stays until somebody deletes it, even when both parties went while nobody looked."""
        for bridge in bridges:
            offer_id = offer_of_talk(bridge["id"])
            if offer_id is not None and offer_id not in self._talks and not bridge["channels"]:
                await self._ari.request("DELETE", f"bridges/{part(bridge['id'])}")


def _passed_on(bridges: Iterable[Mapping[str, Any]]) -> set[str]:
    """The channels of callers who talk with whom they were passed on to, and of those: nobody ends that."""
    return {
        channel
        for bridge in bridges
        if is_consult(offer_of_talk(bridge["id"]) or "")
        for channel in bridge["channels"]
    }


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
            case ConsultLeg() as asked:  # who is asked may be the one who has the call by now
                agents.append(AgentLeg(asked.consult_id, asked.caller_channel))
                if channel["state"] == "Up":
                    up.add(asked.consult_id)
            case _:  # nobody's, or a person's who is called back
                continue
    return callers, agents, up
