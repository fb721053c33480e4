"""What agents and supervisors do with a talk: pass it on, ask somebody, listen.

Who is asked is a leg of his own in the bridge of the talk, from which the caller is taken meanwhile; whoever has the call
afterwards gets a bridge of his own with the caller, because an agent's bridge goes with his leg.
"""

from http import HTTPStatus

from careline_router.adapters.asterisk.channels import (
    ConsultLeg,
    ListenerLeg,
    consult_arguments,
    listener_arguments,
    listener_leg,
    snoop_of,
    talk_bridge,
)
from careline_router.adapters.asterisk.connection import Answer, part
from careline_router.adapters.asterisk.requests import NORMAL_CLEARING, ensure_bridge
from careline_router.adapters.asterisk.session import Session
from careline_router.adapters.asterisk.snoops import Snoops
from careline_router.views import PbxCommand

TRANSFER_CONTEXT = "careline-transfer"
DONE = Answer(HTTPStatus.OK, None)
HEARS = {"listen": {"spy": "both"}, "whisper": {"spy": "both", "whisper": "out"}}
"""What a supervisor hears and to whom he speaks: `out` is towards the agent's own phone."""


class Talks:
    """Over the socket that is open now."""

    def __init__(self, session: Session, snoops: Snoops) -> None:
        self._ari = session.ari
        self._snoops = snoops
        self._target = session.target
        self._legs = session.legs.talks

    async def do(self, command: PbxCommand, party: str) -> Answer | None:
        """Carries a command out; None when it is not one of these. `party` is the caller's channel."""
        kind = command.type
        if kind == "transfer" and "consult_id" in command.body:
            kind = "hand_over"
        known = {
            "transfer": self._leave,
            "hand_over": self._hand_over,
            "consult": self._consult,
            "end_consult": self._end_consult,
            "conference": self._join,
            "listen": self._listen,
        }
        return await known[kind](command, party) if kind in known else None

    async def _end_consult(self, command: PbxCommand, _party: str) -> Answer:
        path = f"channels/{part(str(command.body['consult_id']))}"
        return await self._ari.request("DELETE", path, reason_code=NORMAL_CLEARING)

    async def _join(self, command: PbxCommand, party: str) -> Answer:
        """All three talk: the caller comes into the bridge where he is talked of."""
        return await self._add(str(command.body["offer_id"]), party)

    async def _leave(self, command: PbxCommand, party: str) -> Answer:
        """The dialplan dials the endpoint, so that the caller does not hang on Careline any more."""
        channel = part(party)
        variables = {
            "CARELINE_TO": str(command.body["endpoint"]),
            "CARELINE_CALL": command.call_id,
        }
        for name, value in variables.items():
            path = f"channels/{channel}/variable"
            answer = await self._ari.request("POST", path, variable=name, value=value)
            if not answer.ok:
                return _refused(answer)
        path = f"channels/{channel}/continue"
        return _refused(
            await self._ari.request(
                "POST", path, context=TRANSFER_CONTEXT, extension="s", priority=1
            )
        )

    async def _consult(self, command: PbxCommand, _party: str) -> Answer:
        """Rings who is asked; the leg's id is the consultation's, so that a repeat is a 409."""
        consult_id = str(command.body["consult_id"])
        self._legs[consult_id] = command.pbx_call_id
        answer = await self._ari.request(
            "POST",
            f"channels/{part(consult_id)}",
            endpoint=str(command.body["endpoint"]),
            app=self._target.application,
            appArgs=consult_arguments(consult_id, command.pbx_call_id),
            timeout=int(command.body.get("timeout_s", 20)),
            callerId="Careline",
            originator=str(command.body["offer_id"]),
        )
        if answer.status == HTTPStatus.CONFLICT:
            return DONE
        if not answer.ok:
            self._legs.pop(consult_id, None)
        return _refused(answer)

    async def answered(self, leg: ConsultLeg, offer_id: str) -> None:
        """Who is asked talks with the agent of this offer."""
        self._legs[leg.consult_id] = leg.caller_channel
        await self._add(offer_id, leg.consult_id)

    async def _hand_over(self, command: PbxCommand, party: str) -> Answer:
        """Caller and who was asked get a bridge of their own, and the agent's leg goes."""
        consult_id, offer_id = str(command.body["consult_id"]), str(command.body["offer_id"])
        bridge = talk_bridge(consult_id)
        made = await ensure_bridge(self._ari, bridge, "mixing")
        if not made.ok:
            return made
        self._legs[consult_id] = command.pbx_call_id
        path = f"bridges/{part(bridge)}/addChannel"
        joined = await self._ari.request("POST", path, channel=f"{party},{consult_id}")
        if not joined.ok:
            return _refused(joined)
        await self._ari.request("DELETE", f"channels/{part(offer_id)}", reason_code=NORMAL_CLEARING)
        return DONE

    async def _listen(self, command: PbxCommand, _party: str) -> Answer:
        """Rings the supervisor; he is joined when he answers."""
        offer_id = str(command.body["offer_id"])
        answer = await self._ari.request(
            "POST",
            f"channels/{part(listener_leg(command.id))}",
            endpoint=str(command.body["endpoint"]),
            app=self._target.application,
            appArgs=listener_arguments(offer_id, str(command.body["mode"])),
            timeout=30,
            callerId="Careline",
            originator=offer_id,
        )
        return DONE if answer.status == HTTPStatus.CONFLICT else _refused(answer)

    async def listens(self, leg: ListenerLeg) -> None:
        """The supervisor has answered: he talks with both, or hears the agent's leg by a snoop channel."""
        if leg.mode == "barge":
            joined = await self._add(leg.offer_id, leg.channel)
        else:
            snoop, bridge = snoop_of(leg.channel), _listener_bridge(leg.channel)
            joined = await self._snoops.make(leg.offer_id, snoop, **HEARS[leg.mode])
            if joined.ok:
                await ensure_bridge(self._ari, bridge, "mixing")
                path = f"bridges/{part(bridge)}/addChannel"
                joined = await self._ari.request("POST", path, channel=f"{leg.channel},{snoop}")
        if not joined.ok:
            await self._ari.request("DELETE", f"channels/{part(leg.channel)}")

    async def listens_no_more(self, channel: str) -> None:
        """What was made for a supervisor goes with him."""
        await self._ari.request("DELETE", f"channels/{part(snoop_of(channel))}")
        await self._ari.request("DELETE", f"bridges/{part(_listener_bridge(channel))}")

    async def _add(self, offer_id: str, channel: str) -> Answer:
        path = f"bridges/{part(talk_bridge(offer_id))}/addChannel"
        return await self._ari.request("POST", path, channel=channel)


def _listener_bridge(channel: str) -> str:
    return f"bridge-{channel}"


def _refused(answer: Answer) -> Answer:
    """A channel that is gone (404) is a command that failed: somebody waits for what comes of it."""
    if answer.status == HTTPStatus.NOT_FOUND:
        return Answer(HTTPStatus.BAD_GATEWAY, answer.body)
    return answer
