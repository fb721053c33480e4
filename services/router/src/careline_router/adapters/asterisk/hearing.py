"""What Asterisk tells of callers, of agents' phones and of people who are called back."""

from typing import Any

import structlog

from careline_common.http.problem import Problem
from careline_router.adapters.asterisk.causes import dropped, failure
from careline_router.adapters.asterisk.channels import (
    AgentLeg,
    CallerLeg,
    ConsultLeg,
    Leg,
    ListenerLeg,
    PersonLeg,
    SnoopLeg,
    is_consult,
    is_listener,
    is_snoop,
    leg,
    offer_of_person,
    talk_bridge,
)
from careline_router.adapters.asterisk.commands import Commands
from careline_router.adapters.asterisk.connection import part
from careline_router.adapters.asterisk.persons import Persons
from careline_router.adapters.asterisk.requests import NORMAL_CLEARING
from careline_router.adapters.asterisk.serial import SerialByKey
from careline_router.adapters.asterisk.session import Session
from careline_router.domain.words import FailureCause
from careline_router.ports import Arrival

log = structlog.get_logger(__name__)

EVENTS = (
    "StasisStart",
    "StasisEnd",
    "ChannelHangupRequest",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "Dial",
    "PlaybackFinished",
    "RecordingFinished",
    "RecordingFailed",
    "ApplicationReplaced",
)


class ReplacedError(Exception):
    """Another process connected with our application name: it has the calls now."""


class Hearing:
    """Hears the events of one socket; those of one call one after the other."""

    def __init__(self, session: Session, persons: Persons, commands: Commands) -> None:
        self._ari = session.ari
        self._target = session.target
        self._service = session.service
        self._legs = session.legs
        self._persons = persons
        self._commands = commands
        self._heard = SerialByKey(session.tasks)
        self._dial_status: dict[str, str] = {}

    def busy(self, pbx_call_id: str) -> bool:
        """Whether events of a call have not been told yet."""
        return self._heard.busy(pbx_call_id)

    async def hear_out(self) -> None:
        """Hears until the socket closes; raises `ReplacedError`."""
        async for event in self._ari.events():
            kind = event.get("type")
            if kind == "ApplicationReplaced":
                raise ReplacedError(self._target.application)
            if kind not in EVENTS:
                continue
            if kind == "Dial":
                self._note_dial(event)
                continue
            if kind == "PlaybackFinished":
                channel = str(event["playback"]["target_uri"]).removeprefix("channel:")
                self._commands.heard_out(channel)
                self._commands.voice.played(channel, str(event["playback"]["id"]))
                continue
            if kind in {"RecordingFinished", "RecordingFailed"}:
                told = event["recording"]
                self._heard.run(str(told["name"]), self._tell_of_recording(kind, told))
                continue
            known = self._leg_of(event, event["channel"])
            self._heard.run(_call_of(known, event["channel"]), self._tell(kind, event, known))

    def _note_dial(self, event: dict[str, Any]) -> None:
        """Remembers why dialling somebody failed; ChannelDestroyed follows it."""
        if event.get("dialstatus"):
            self._dial_status[event["peer"]["id"]] = event["dialstatus"]

    def _leg_of(self, event: dict[str, Any], channel: dict[str, Any]) -> Leg | None:
        if is_snoop(channel["id"]):
            return SnoopLeg(channel["id"])
        if event["type"] == "StasisStart":
            return leg(channel, event["args"])
        offer_id = offer_of_person(channel["id"])
        if offer_id is not None:
            return self._persons.of_offer(offer_id)
        if is_listener(channel["id"]):
            return ListenerLeg(channel["id"], "", "")
        caller = self._legs.talks.get(channel["id"])
        if caller is None:
            return None
        kind = ConsultLeg if is_consult(channel["id"]) else AgentLeg
        return kind(channel["id"], caller)

    async def _tell(self, kind: str, event: dict[str, Any], known: Leg | None) -> None:
        try:
            if isinstance(known, AgentLeg):
                await self._tell_of_agent(kind, event, known)
            elif isinstance(known, PersonLeg):
                await self._tell_of_person(kind, event, known)
            elif isinstance(known, ConsultLeg):
                await self._tell_of_consult(kind, event, known)
            elif isinstance(known, ListenerLeg):
                await self._tell_of_listener(kind, known)
            elif isinstance(known, SnoopLeg):
                self._tell_of_snoop(kind, known)
            elif offer_of_person(event["channel"]["id"]) is None:
                await self._tell_of_caller(kind, event, known)
        except Problem as problem:
            log.warning(
                "asterisk.event_refused", pbx=self._target.id, event_type=kind, problem=problem.type
            )

    async def _tell_of_agent(self, kind: str, event: dict[str, Any], agent: AgentLeg) -> None:
        pbx, leg_path = self._target.id, f"channels/{part(agent.offer_id)}"
        if kind == "StasisStart":
            self._legs.talks[agent.offer_id] = agent.caller_channel
            told = await self._service.call_answered(pbx, agent.caller_channel, agent.offer_id)
            self._commands.start(told.commands)
            if not self._service.talks(pbx, agent.caller_channel, agent.offer_id):
                await self._ari.request("DELETE", leg_path, reason_code=NORMAL_CLEARING)
        elif kind == "ChannelDestroyed":
            cause, lost = self._why_gone(agent.offer_id, event)
            self._legs.talks.pop(agent.offer_id, None)
            await self._ari.request("DELETE", f"bridges/{part(talk_bridge(agent.offer_id))}")
            told = await self._service.leg_gone(
                pbx, agent.caller_channel, agent.offer_id, cause, lost=lost
            )
            self._commands.start(told.commands)

    def _why_gone(self, leg_id: str, event: dict[str, Any]) -> tuple[FailureCause, bool]:
        """Why a leg was not answered, if it was not; whether it dropped out, if it was."""
        cause = int(event.get("cause", 0))
        return failure(self._dial_status.pop(leg_id, None), cause), dropped(cause)

    async def _tell_of_consult(self, kind: str, event: dict[str, Any], asked: ConsultLeg) -> None:
        pbx, caller = self._target.id, asked.caller_channel
        if kind == "StasisStart":
            offer_id = self._service.consults(pbx, caller, asked.consult_id)
            if offer_id is None:
                path = f"channels/{part(asked.consult_id)}"
                await self._ari.request("DELETE", path, reason_code=NORMAL_CLEARING)
                return
            await self._commands.talk.answered(asked, offer_id)
            told = await self._service.consult_answered(pbx, caller, asked.consult_id)
            self._commands.start(told.commands)
        elif kind == "ChannelDestroyed":
            cause, lost = self._why_gone(asked.consult_id, event)
            self._legs.talks.pop(asked.consult_id, None)
            await self._ari.request("DELETE", f"bridges/{part(talk_bridge(asked.consult_id))}")
            has_it = self._service.talks(pbx, caller, asked.consult_id)
            told = await self._service.consult_gone(pbx, caller, asked.consult_id, cause, lost=lost)
            self._commands.start(told.commands)
            # an agent's caller is hung up by command, and perhaps asked by voice before; one who was
            # passed on to somebody outside is alone now
            if told.call.state == "ended" and not has_it:
                await self._ari.request("DELETE", f"channels/{part(caller)}")

    async def _tell_of_listener(self, kind: str, listener: ListenerLeg) -> None:
        if kind == "StasisStart":
            await self._commands.talk.listens(listener)
        elif kind in {"StasisEnd", "ChannelDestroyed"}:
            await self._commands.talk.listens_no_more(listener.channel)

    def _tell_of_snoop(self, kind: str, snoop: SnoopLeg) -> None:
        if kind == "StasisStart":
            self._commands.snoops.entered(snoop.channel)

    async def _tell_of_recording(self, kind: str, told: dict[str, Any]) -> None:
        recordings = self._commands.recordings
        try:
            await (recordings.finished if kind == "RecordingFinished" else recordings.failed)(told)
        except Problem as problem:
            log.warning("asterisk.recording_refused", pbx=self._target.id, problem=problem.type)

    async def _tell_of_person(self, kind: str, event: dict[str, Any], person: PersonLeg) -> None:
        if kind == "StasisStart":
            told = await self._persons.answered(person)
            self._commands.start(() if told is None else told.commands)
        elif kind == "ChannelDestroyed":
            status = self._dial_status.pop(event["channel"]["id"], None)
            told = await self._persons.gone(person, event, status)
            self._commands.start(told.commands)
            await self._commands.drop_talks_of(person.callback)

    async def _tell_of_caller(
        self, kind: str, event: dict[str, Any], known: CallerLeg | None
    ) -> None:
        pbx, channel = self._target.id, event["channel"]["id"]
        if kind == "StasisStart" and known is not None:
            arrival = Arrival(pbx_call_id=channel, caller=known.caller, line=known.line)
            self._commands.start((await self._service.call_arrived(pbx, arrival)).commands)
        elif kind == "ChannelDtmfReceived":
            await self._key(pbx, channel, str(event["digit"]))
        elif kind == "StasisEnd":
            self._commands.gone(channel)
            self._commands.voice.gone(channel)
            self._commands.start((await self._service.hung_up(pbx, channel, "caller")).commands)
            await self._commands.drop_talks_of(channel)

    async def _key(self, pbx: str, channel: str, digit: str) -> None:
        """A key answers the question of a survey, or else is the call's."""
        if self._commands.voice.key(channel, digit):
            return
        await self._commands.heard_enough(channel)
        self._commands.start((await self._service.digits(pbx, channel, digit)).commands)


def _call_of(known: Leg | None, channel: dict[str, Any]) -> str:
    """Whose event it is: the caller's channel, or the callback."""
    match known:
        case AgentLeg() | ConsultLeg():
            return known.caller_channel
        case PersonLeg():
            return known.callback
        case _:
            return str(channel["id"])
