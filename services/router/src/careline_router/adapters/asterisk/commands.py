"""What the router wants done at one Asterisk, carried out over the socket that is open now."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus

import structlog

from careline_common.http.problem import Problem
from careline_router.adapters.asterisk.channels import agent_arguments, talk_bridge
from careline_router.adapters.asterisk.connection import Answer, part
from careline_router.adapters.asterisk.leaving import leave, leaves
from careline_router.adapters.asterisk.persons import Persons
from careline_router.adapters.asterisk.recordings import Recordings
from careline_router.adapters.asterisk.requests import (
    NORMAL_CLEARING,
    ensure_bridge,
    media_of,
    plain_request,
)
from careline_router.adapters.asterisk.serial import SerialByKey
from careline_router.adapters.asterisk.session import Session
from careline_router.adapters.asterisk.snoops import Snoops
from careline_router.adapters.asterisk.talks import Talks
from careline_router.adapters.asterisk.voice import VoiceSurvey
from careline_router.views import PbxCommand

log = structlog.get_logger(__name__)

LONGEST_ANNOUNCEMENT_S = 120.0
OF_A_PHONE = frozenset({"ring", "cancel_ring"})
"""What is done to an agent's phone, whatever its caller hears meanwhile."""


PASSES_ON = frozenset({"transfer", "voicemail"})
"""After which the caller may talk to somebody outside, which is not recorded: he has not been asked for that."""


def playback_of(channel: str) -> str:
    """What is played to a caller: one thing at a time."""
    return f"play-{channel}"


class Commands:
    """Carries commands out; those of one call one after the other."""

    def __init__(self, session: Session, persons: Persons) -> None:
        self._ari = session.ari
        self._target = session.target
        self._service = session.service
        self._talks = session.legs.talks
        self._persons = persons
        self.snoops = Snoops(session.ari, session.target.application)
        self.talk = Talks(session, self.snoops)
        self.recordings = Recordings(session, self.snoops)
        self._told = SerialByKey(session.tasks)
        self._under_way: set[str] = set()
        self._open: Counter[str] = Counter()
        self._playing: dict[str, asyncio.Event] = {}
        self.voice = VoiceSurvey(session)
        self._keys: dict[str, int] = {}
        """By channel, how often keys were pressed: what was to be played before that is not played any more."""
        self._asked_at: dict[str, int] = {}

    def busy(self, pbx_call_id: str) -> bool:
        """Whether commands of a call are under way."""
        return pbx_call_id in self._open

    def start(self, commands: Iterable[PbxCommand]) -> None:
        """A command comes again until it is done; while it is under way the repeat is passed over.

        An agent's phone rings while his caller still hears an announcement, which ends when they are joined.
        """
        for command in commands:
            if command.id in self._under_way:
                continue
            call, turn = command.pbx_call_id, command.pbx_call_id
            self._under_way.add(command.id)
            self._open[call] += 1
            self._asked_at[command.id] = self._keys.get(call, 0)
            if command.type in OF_A_PHONE:
                turn = str(command.body["offer_id"])
            elif command.type == "bridge" and not command.begun_here:
                self._told.run(f"hush-{call}", self.heard_enough(call))
            self._told.run(turn, self._carry_out(command))

    async def _carry_out(self, command: PbxCommand) -> None:
        try:
            if command.type == "dial":
                await self._dial(command)
                return
            answer = await self._do(command)
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
            if command.type in PASSES_ON and not self._service.under_way(command.call_id):
                await self.recordings.end(command.call_id)
        except Problem as problem:
            log.warning("asterisk.command_refused", pbx=self._target.id, problem=problem.type)
        finally:
            self._under_way.discard(command.id)
            self._open[command.pbx_call_id] -= 1
            if not self._open[command.pbx_call_id]:
                del self._open[command.pbx_call_id]
            self._asked_at.pop(command.id, None)

    async def _do(self, command: PbxCommand) -> Answer:
        own = {
            "ring": self._ring,
            "bridge": self._bridge,
            "announce": self._announce,
            "hangup": self._hang_up,
        }
        if command.type in own:
            return await own[command.type](command)
        if leaves(command):
            return await leave(self._ari, command)
        party = self._persons.party_of(command)
        if command.type == "record":
            return await self.recordings.do(command, party)
        done = await self.talk.do(command, party)
        return await self._plain(command, party) if done is None else done

    async def _plain(self, command: PbxCommand, party: str) -> Answer:
        request = plain_request(command, self._target.application, party)
        if request is None:
            return Answer(HTTPStatus.NOT_IMPLEMENTED, {"message": f"no {command.type} by ARI yet"})
        method, path, query = request
        return await self._ari.request(method, path, **query)

    async def _hang_up(self, command: PbxCommand) -> Answer:
        """A callback's legs go; a caller is perhaps asked before by voice, which is not recorded."""
        if command.begun_here:
            await self.drop_talks_of(command.pbx_call_id)
            return Answer(HTTPStatus.OK, None)
        await self.recordings.end(command.call_id)
        await self.voice.before_hangup(command)
        return await self._plain(command, self._persons.party_of(command))

    async def _dial(self, command: PbxCommand) -> None:
        told = await self._persons.dial(command)
        if told is not None:
            self.start(told.commands)

    async def _ring(self, command: PbxCommand) -> Answer:
        """Rings the agent's phone. The leg's id is the offer's: a repeat is a 409, and rings once."""
        offer_id = str(command.body["offer_id"])
        self._talks[offer_id] = command.pbx_call_id
        # nobody waits at the PBX for a callback: there is no channel to say whose call it is
        originator = {} if command.begun_here else {"originator": command.pbx_call_id}
        answer = await self._ari.request(
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

    async def _bridge(self, command: PbxCommand) -> Answer:
        """Joins caller and agent; adding the caller takes him out of the holding bridge."""
        offer_id = str(command.body["offer_id"])
        bridge = talk_bridge(offer_id)
        self._talks[offer_id] = command.pbx_call_id
        made = await ensure_bridge(self._ari, bridge, "mixing")
        if not made.ok:
            return made
        channels = f"{self._persons.party_of(command)},{offer_id}"
        return await self._ari.request(
            "POST", f"bridges/{part(bridge)}/addChannel", channel=channels
        )

    async def _announce(self, command: PbxCommand) -> Answer:
        """Returns when the caller has heard it out: the hang-up that follows must not cut it short."""
        channel = command.pbx_call_id
        if self._asked_at.get(command.id, 0) < self._keys.get(channel, 0):
            return Answer(HTTPStatus.OK, None)
        finished = self._playing[channel] = asyncio.Event()
        try:
            answer = await self._ari.request(
                "POST",
                f"channels/{part(channel)}/play/{part(playback_of(channel))}",
                media=media_of(command.body),
            )
            if answer.ok:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_ANNOUNCEMENT_S):
                        await finished.wait()
        finally:
            self._playing.pop(channel, None)
        return answer

    async def heard_enough(self, channel: str) -> None:
        """Who presses a key, or is to talk, has heard enough of what is being played to him."""
        self._keys[channel] = self._keys.get(channel, 0) + 1
        if channel in self._playing:
            await self._ari.request("DELETE", f"playbacks/{part(playback_of(channel))}")

    def heard_out(self, channel: str) -> None:
        finished = self._playing.get(channel)
        if finished is not None:
            finished.set()

    def gone(self, channel: str) -> None:
        """The caller hears nothing any more."""
        self.heard_out(channel)
        self._keys.pop(channel, None)

    async def drop_talks_of(self, pbx_call_id: str) -> None:
        """A talk is over, or a try to reach a person: Asterisk leaves the other legs alone in the bridge
        until it is told. What has begun since, for a callback that is tried again, is left alone."""
        in_hand = self._service.offer_in_hand(self._target.id, pbx_call_id)
        for offer_id in [offer for offer, whose in self._talks.items() if whose == pbx_call_id]:
            if offer_id != in_hand:
                path = f"channels/{part(offer_id)}"
                await self._ari.request("DELETE", path, reason_code=NORMAL_CLEARING)
                await self._ari.request("DELETE", f"bridges/{part(talk_bridge(offer_id))}")
        for offer_id in self._persons.legs_of(pbx_call_id):
            if offer_id != in_hand:
                await self._persons.hang_up(offer_id)
