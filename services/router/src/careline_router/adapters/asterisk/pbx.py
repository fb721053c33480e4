"""One Asterisk: tells the router what callers and phones do, and carries out its commands.

Asterisk forgets nothing we need: after any loss of the socket, callers still wait in their bridges, and
whatever happened meanwhile is found by comparing (`reconcile`).
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog

from careline_common.http.problem import Problem
from careline_router.adapters.asterisk.causes import failure, has_dropped
from careline_router.adapters.asterisk.channels import (
    AgentLeg,
    CallerLeg,
    agent_arguments,
    hold_bridge,
    leg,
    talk_bridge,
)
from careline_router.adapters.asterisk.connection import (
    Answer,
    AriConnection,
    AsteriskGoneError,
    connect,
    part,
)
from careline_router.adapters.asterisk.reconcile import Obey, reconcile
from careline_router.adapters.asterisk.requests import (
    NORMAL_CLEARING,
    ensure_bridge,
    media_of,
    plain_request,
)
from careline_router.adapters.asterisk.serial import SerialByKey
from careline_router.ports import Arrival
from careline_router.service import RouterService
from careline_router.views import PbxCommand

log = structlog.get_logger(__name__)

COMMANDS_WAIT_S = 20.0
RECONCILE_EVERY_S = 30.0
RECONNECT_S = 0.5
LONGEST_ANNOUNCEMENT_S = 120.0
EVENTS = (
    "StasisStart",
    "StasisEnd",
    "ChannelHangupRequest",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "Dial",
    "PlaybackFinished",
    "ApplicationReplaced",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskTarget:
    """How to reach one Asterisk: `url` is ARI's base, as `http://host:8088/ari`."""

    id: str
    url: str
    application: str
    user: str
    password: str


class ReplacedError(Exception):
    """Another process connected with our application name: it has the calls now."""


class AsteriskPbx:
    """Keeps one socket to one Asterisk open, for as long as `run` runs."""

    def __init__(self, target: AsteriskTarget, service: RouterService) -> None:
        self._target = target
        self._service = service
        self._dial_status: dict[str, str] = {}
        self._talks: dict[str, str] = {}
        self._under_way: set[str] = set()
        self._playing: dict[str, asyncio.Event] = {}
        self._obey: Obey = _nobody
        self._away: str | None = None

    async def run(self) -> None:
        """Connects, and connects again whenever the socket is lost."""
        while True:
            try:
                await self._session()
            except AsteriskGoneError as error:
                self._is_away(str(error))
            except ExceptionGroup as group:
                expected, rest = group.split((AsteriskGoneError, ReplacedError))
                if rest is not None:
                    raise rest from None
                self._is_away(repr(expected))
            await asyncio.sleep(RECONNECT_S)

    def _is_away(self, reason: str) -> None:
        """Tells of an Asterisk that is gone once, however often we look for it."""
        if reason != self._away:
            log.warning("asterisk.gone", pbx=self._target.id, reason=reason)
            self._away = reason

    async def _session(self) -> None:
        target = self._target
        async with connect(
            target.url, application=target.application, user=target.user, password=target.password
        ) as ari:
            self._under_way.clear()
            self._dial_status.clear()
            await self._prepare(ari)
            log.info("asterisk.connected", pbx=target.id)
            self._away = None
            async with asyncio.TaskGroup() as tasks:
                heard, told = SerialByKey(tasks), SerialByKey(tasks)
                self._obey = partial(self._start, ari, told)
                tasks.create_task(self._keep_reconciled(ari, told))
                tasks.create_task(self._take_commands())
                await self._hear(ari, heard)
                raise AsteriskGoneError("the socket closed")

    async def _prepare(self, ari: AriConnection) -> None:
        hold = hold_bridge(self._target.application)
        answer = await ensure_bridge(ari, hold, "holding")
        if not answer.ok:
            raise AsteriskGoneError(f"no holding bridge: {answer.reason}")
        await ari.request("POST", f"bridges/{part(hold)}/moh")

    async def _keep_reconciled(self, ari: AriConnection, told: SerialByKey) -> None:
        while True:
            await reconcile(
                ari, self._target, self._service, self._talks, self._obey, busy=told.busy
            )
            await asyncio.sleep(RECONCILE_EVERY_S)

    # -- what Asterisk tells ---------------------------------------------------------------------

    async def _hear(self, ari: AriConnection, heard: SerialByKey) -> None:
        async for event in ari.events():
            kind = event.get("type")
            if kind == "ApplicationReplaced":
                raise ReplacedError(self._target.application)
            if kind not in EVENTS:
                continue
            if kind == "Dial":
                self._note_dial(event)
                continue
            if kind == "PlaybackFinished":
                self._heard_out(str(event["playback"]["target_uri"]).removeprefix("channel:"))
                continue
            channel = event["channel"]
            known = self._leg_of(event, channel)
            key = known.caller_channel if isinstance(known, AgentLeg) else channel["id"]
            heard.run(key, self._tell(ari, kind, event, known))

    def _note_dial(self, event: dict[str, Any]) -> None:
        """Remembers why dialling an agent's phone failed; ChannelDestroyed follows it."""
        if event.get("dialstatus"):
            self._dial_status[event["peer"]["id"]] = event["dialstatus"]

    def _leg_of(
        self, event: dict[str, Any], channel: dict[str, Any]
    ) -> CallerLeg | AgentLeg | None:
        if event["type"] == "StasisStart":
            return leg(channel, event["args"])
        caller = self._talks.get(channel["id"])
        return AgentLeg(channel["id"], caller) if caller is not None else None

    async def _tell(
        self,
        ari: AriConnection,
        kind: str,
        event: dict[str, Any],
        known: CallerLeg | AgentLeg | None,
    ) -> None:
        try:
            if isinstance(known, AgentLeg):
                await self._tell_of_agent(ari, kind, event, known)
            else:
                await self._tell_of_caller(ari, kind, event, known)
        except Problem as problem:
            log.warning(
                "asterisk.event_refused", pbx=self._target.id, event_type=kind, problem=problem.type
            )

    async def _tell_of_agent(
        self, ari: AriConnection, kind: str, event: dict[str, Any], agent: AgentLeg
    ) -> None:
        pbx, leg_path = self._target.id, f"channels/{part(agent.offer_id)}"
        if kind == "StasisStart":
            self._talks[agent.offer_id] = agent.caller_channel
            told = await self._service.call_answered(pbx, agent.caller_channel, agent.offer_id)
            self._obey(told.commands)
            if not self._service.talks(pbx, agent.caller_channel, agent.offer_id):
                await ari.request("DELETE", leg_path, reason_code=NORMAL_CLEARING)
        elif kind == "ChannelDestroyed":
            told_cause = int(event.get("cause", 0))
            cause = failure(self._dial_status.pop(agent.offer_id, None), told_cause)
            self._talks.pop(agent.offer_id, None)
            await ari.request("DELETE", f"bridges/{part(talk_bridge(agent.offer_id))}")
            told = await self._service.leg_gone(
                pbx, agent.caller_channel, agent.offer_id, cause, dropped=has_dropped(told_cause)
            )
            self._obey(told.commands)

    async def _tell_of_caller(
        self, ari: AriConnection, kind: str, event: dict[str, Any], known: CallerLeg | None
    ) -> None:
        pbx, channel = self._target.id, event["channel"]["id"]
        if kind == "StasisStart" and known is not None:
            arrival = Arrival(pbx_call_id=channel, caller=known.caller, line=known.line)
            self._obey((await self._service.call_arrived(pbx, arrival)).commands)
        elif kind == "ChannelDtmfReceived":
            self._obey((await self._service.digits(pbx, channel, str(event["digit"]))).commands)
        elif kind == "StasisEnd":
            self._heard_out(channel)
            self._obey((await self._service.hung_up(pbx, channel, "caller")).commands)
            await self._drop_talks_of(ari, channel)

    async def _drop_talks_of(self, ari: AriConnection, caller_channel: str) -> None:
        """A caller is gone: Asterisk leaves the agent's leg alone in the bridge until it is told."""
        for offer_id in [
            offer for offer, caller in self._talks.items() if caller == caller_channel
        ]:
            await ari.request("DELETE", f"channels/{part(offer_id)}", reason_code=NORMAL_CLEARING)
            await ari.request("DELETE", f"bridges/{part(talk_bridge(offer_id))}")

    # -- what Asterisk is told ---------------------------------------------------------------------

    async def _take_commands(self) -> None:
        while True:
            self._obey(await self._service.pbx.commands(self._target.id, wait_s=COMMANDS_WAIT_S))

    def _start(self, ari: AriConnection, told: SerialByKey, commands: Iterable[PbxCommand]) -> None:
        """A command comes again until it is done; while it is under way the repeat is passed over."""
        for command in commands:
            if command.id not in self._under_way:
                self._under_way.add(command.id)
                told.run(command.pbx_call_id, self._carry_out(ari, command))

    async def _carry_out(self, ari: AriConnection, command: PbxCommand) -> None:
        try:
            answer = await self._do(ari, command)
            gone = answer.status == HTTPStatus.NOT_FOUND
            detail = None if answer.ok else {"status": answer.status, "reason": answer.reason}
            if not answer.ok:
                log.info(
                    "asterisk.refused",
                    pbx=self._target.id,
                    command=command.type,
                    reason=answer.reason,
                )
            await self._service.command_done(
                self._target.id, command.id, ok=answer.ok or gone, detail=detail
            )
        except Problem as problem:
            log.warning("asterisk.command_refused", pbx=self._target.id, problem=problem.type)
        finally:
            self._under_way.discard(command.id)

    async def _do(self, ari: AriConnection, command: PbxCommand) -> Answer:
        if command.type == "ring":
            return await self._ring(ari, command)
        if command.type == "bridge":
            return await self._bridge(ari, command)
        if command.type == "announce":
            return await self._announce(ari, command)
        if command.type == "hangup" and command.begun_here:
            await self._drop_talks_of(ari, command.pbx_call_id)
            return Answer(HTTPStatus.OK, None)
        request = plain_request(command, self._target.application)
        if request is None:
            return Answer(HTTPStatus.NOT_IMPLEMENTED, {"message": f"no {command.type} by ARI yet"})
        method, path, query = request
        return await ari.request(method, path, **query)

    async def _ring(self, ari: AriConnection, command: PbxCommand) -> Answer:
        """Rings the agent's phone. The leg's id is the offer's: a repeat is a 409, and rings once."""
        offer_id = str(command.body["offer_id"])
        self._talks[offer_id] = command.pbx_call_id
        # nobody waits at the PBX for a callback: there is no channel to say whose call it is
        originator = {} if command.begun_here else {"originator": command.pbx_call_id}
        answer = await ari.request(
            "POST",
            f"channels/{part(offer_id)}",
            endpoint=str(command.body["endpoint"]),
            app=self._target.application,
            appArgs=agent_arguments(offer_id, command.pbx_call_id),
            timeout=int(command.body.get("timeout_s", 20)),
            callerId="Careline",
            **originator,
        )
        if answer.status == HTTPStatus.CONFLICT:
            return Answer(HTTPStatus.OK, None)
        if not answer.ok:
            self._talks.pop(offer_id, None)
            if answer.status == HTTPStatus.NOT_FOUND:
                return Answer(HTTPStatus.BAD_GATEWAY, answer.body)
        return answer

    async def _bridge(self, ari: AriConnection, command: PbxCommand) -> Answer:
        """Joins caller and agent; adding the caller takes him out of the holding bridge."""
        offer_id = str(command.body["offer_id"])
        bridge = talk_bridge(offer_id)
        self._talks[offer_id] = command.pbx_call_id
        made = await ensure_bridge(ari, bridge, "mixing")
        if not made.ok:
            return made
        channels = f"{command.pbx_call_id},{offer_id}"
        return await ari.request("POST", f"bridges/{part(bridge)}/addChannel", channel=channels)

    async def _announce(self, ari: AriConnection, command: PbxCommand) -> Answer:
        """Returns when the caller has heard it out: the hang-up that follows must not cut it short."""
        channel = command.pbx_call_id
        finished = self._playing[channel] = asyncio.Event()
        try:
            answer = await ari.request(
                "POST", f"channels/{part(channel)}/play", media=media_of(command.body)
            )
            if answer.ok:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_ANNOUNCEMENT_S):
                        await finished.wait()
        finally:
            self._playing.pop(channel, None)
        return answer

    def _heard_out(self, channel: str) -> None:
        finished = self._playing.get(channel)
        if finished is not None:
            finished.set()


def _nobody(_commands: Iterable[PbxCommand]) -> None:
    """Before there is a socket there is nobody to carry anything out: it comes again."""
