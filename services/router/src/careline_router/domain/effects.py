"""What follows from an event outside the floor: commands for the PBX, messages for the agent."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from careline_router.domain import events as ev
from careline_router.domain import transfer_events as tev
from careline_router.domain.prompts import prompt_in
from careline_router.domain.states import Call
from careline_router.domain.steps import Message, PbxStep
from careline_router.domain.transfer_effects import (
    TALKS,
    messages_of_transfer,
    steps_of_transfer,
)
from careline_router.domain.words import AgentState
from careline_router.domain.work import appeal_of

CALLBACK_OFFER = "callback_offer"
CALLBACK_TAKEN = "callback_taken"
"""What a caller hears when he may choose to be called back, and when he has."""
LEFT_TO_PBX = frozenset({"voicemail", "self_served"})
"""How a call ends that a PBX still has something to do for."""
_OF_A_LIVE_CALL = (
    "answer", "hold", "announce", "ring", "dial", "bridge", "record", "listen", "transfer", "consult",
    "conference",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """Commands that make no sense any more and are not to be sent again.

    `types` empty: all of the call; with `offer_id` only those of that offer.
    """

    call_id: str
    types: tuple[str, ...] = ()
    offer_id: str | None = None


def pbx_steps(event: ev.Event, call: Call) -> list[PbxStep]:
    """The commands that carry an event of a call out, in order."""
    match event:
        case ev.WayOutOffered():
            return _announcements(way_out_media(event, call))
        case ev.CallerAsked() | ev.CallQueued() | ev.CallRequeued() | ev.CallbackOffered():
            return _steps_of_waiting(event, call)
        case ev.OfferMade(state="ringing") | ev.OfferAccepted():
            return [_offer_step("ring", event, endpoint=event.endpoint, timeout_s=event.timeout_s)]
        case ev.OfferClosed() | ev.CallConnected() | ev.DialRequested() | ev.DialEnded():
            return _steps_after_ringing(event, call)
        case _ if isinstance(event, TALKS):
            return steps_of_transfer(event, call)
        case _:
            return _last_steps(event, call)


def _steps_of_waiting(
    event: ev.CallerAsked | ev.CallQueued | ev.CallRequeued | ev.CallbackOffered, call: Call
) -> list[PbxStep]:
    hold = PbxStep(type="hold")
    if isinstance(event, ev.CallerAsked):
        answer = [PbxStep(type="answer")] if event.first else []
        return [*answer, *_announcements(event.media)]
    if isinstance(event, ev.CallQueued):
        return [PbxStep(type="answer"), *_announcements(event.media), hold]
    if isinstance(event, ev.CallRequeued):
        leg = PbxStep(type="cancel_ring", body={"offer_id": event.leg})
        return [hold] if event.leg is None else [hold, leg]
    if call.person is None:  # nobody knows a number at which to call
        return []
    body: dict[str, Any] = {"media": CALLBACK_OFFER}
    if event.wait_band is not None:
        body["wait_s"] = list(event.wait_band)
    return [PbxStep(type="announce", body=body)]


def _offer_step(
    kind: str,
    event: ev.OfferMade | ev.OfferAccepted | ev.OfferClosed | ev.CallConnected | ev.DialRequested,
    **body: Any,
) -> PbxStep:
    return PbxStep(type=kind, body={"offer_id": event.offer_id, **body}, offer_id=event.offer_id)


def _callback_offer(event: ev.CallbackOffered) -> PbxStep:
    """What the caller hears, and how long he may be told that he would wait."""
    body: dict[str, Any] = {"media": CALLBACK_OFFER}
    if event.wait_band is not None:
        body["wait_s"] = list(event.wait_band)
    return PbxStep(type="announce", body=body)


def _steps_after_ringing(
    event: ev.OfferClosed | ev.CallConnected | ev.DialRequested | ev.DialEnded, call: Call
) -> list[PbxStep]:
    match event:
        case ev.CallConnected():
            return [_offer_step("bridge", event), *([_record("start")] if call.records else [])]
        case ev.DialRequested():
            # the number is put in when the command is sent: it stands with the contact alone
            return [_offer_step("dial", event, line=call.line)]
        case ev.DialEnded():
            reason = PbxStep(type="hangup", body={"reason": event.cause})
            return [] if event.reached else [reason]
        case _:
            return [_offer_step("cancel_ring", event)] if event.rings else []


def _record(action: str) -> PbxStep:
    return PbxStep(type="record", body={"action": action})


def way_out_media(event: ev.WayOutOffered, call: Call) -> tuple[str, ...]:
    """What the caller hears of a way out of the queue."""
    media = prompt_in(call.terms.ways_out[event.place].media, call.hears or call.language)
    return () if media is None else (media,)


def _announcements(media: Iterable[str]) -> list[PbxStep]:
    return [PbxStep(type="announce", body={"media": each}) for each in media]


def _last_steps(event: ev.Event, call: Call) -> list[PbxStep]:
    if isinstance(event, ev.RecordingRefused) and call.state == "connected":
        return [_record("stop")]
    return _steps_of_ending(event) if isinstance(event, ev.CallEnded) else []


def _steps_of_ending(event: ev.CallEnded) -> list[PbxStep]:
    last = [*event.before, *([] if event.media is None else [event.media])]
    goes_on = event.by == "system" and event.outcome in LEFT_TO_PBX
    if last or event.endpoint is not None or goes_on:
        return [PbxStep(type="answer"), *_announcements(last), _way_out(event)]
    if event.outcome == "callback":
        return [
            PbxStep(type="announce", body={"media": CALLBACK_TAKEN}),
            PbxStep(type="hangup", body={"reason": event.outcome}),
        ]
    if event.by == "agent":
        return [PbxStep(type="hangup", body={"reason": "agent_hung_up"})]
    if event.by == "system" and event.outcome == "lost":
        return [PbxStep(type="hangup", body={"reason": event.outcome})]
    return []


def _way_out(event: ev.CallEnded) -> PbxStep:
    if event.endpoint is not None:
        return PbxStep(type="transfer", body={"endpoint": event.endpoint, "leaves": True})
    if event.outcome == "voicemail":
        return PbxStep(type="voicemail")
    return PbxStep(type="hangup", body={"reason": event.outcome})


def overtaken_by(event: ev.Event) -> Overtaken | None:
    """The commands that an event makes pointless."""
    match event:
        case ev.OfferClosed():
            return Overtaken(call_id=event.call_id, types=("ring",), offer_id=event.offer_id)
        case ev.CallerAsked() | ev.CallConnected():
            # who has pressed a key, or was silent to the end, is not told again what was said before
            types = ("ring", "hold", "announce")
            return Overtaken(call_id=event.call_id, types=types)
        case ev.DialRequested():
            return Overtaken(call_id=event.call_id, types=("ring", "hangup"))
        case ev.DialEnded() | ev.RecordingRefused():
            # a `record start` that came again after the `stop` would record him after all
            pointless = "dial" if isinstance(event, ev.DialEnded) else "record"
            return Overtaken(call_id=event.call_id, types=(pointless,))
        case ev.CallEnded():
            return Overtaken(call_id=event.call_id, types=_OF_A_LIVE_CALL)
        case _:
            return None


def state_told(event: ev.Event) -> tuple[str, AgentState, str | None] | None:
    """Agent, state and reason, if the event changes an agent's state."""
    match event:
        case ev.AgentStateChanged():
            return event.agent_id, event.state, event.reason
        case ev.OfferMade():
            return event.agent_id, "reserved", None
        case ev.CallConnected() | ev.DialRequested() | ev.WorkResumed():
            return event.agent_id, "talking", None
        case tev.CallHandedOver():
            return event.to_agent, "talking", None
        case _:
            return None


def messages(event: ev.Event, call: Call | None) -> list[Message]:
    """What the agent's screen is told, without anything personal.

    Times in `data` are seconds since the epoch under keys that end in `_at` or are `since`.
    """
    match event:
        case ev.OfferMade() if call is not None:
            offer = {
                "id": event.offer_id,
                "call_id": event.call_id,
                "state": event.state,
                "expires_at": event.deadline,
                "line": call.line,
                "queue": call.queue,
                "payer": call.payer,
                "crm": dict(call.crm),
                "ticket_id": appeal_of(call.pbx, call.pbx_call_id),
            }
            return [Message(agent_id=event.agent_id, type="offer", data={"offer": offer})]
        case ev.OfferClosed():
            data = {"offer_id": event.offer_id, "call_id": event.call_id, "reason": event.end}
            return [Message(agent_id=event.agent_id, type="offer.withdrawn", data=data)]
        case ev.CallConnected() | ev.DialRequested() | ev.DialEnded() | ev.CallRequeued():
            return [_talk_message(event)]
        case _ if isinstance(event, TALKS):
            return messages_of_transfer(event)
        case ev.CallEnded(agent_id=str(agent_id)):
            data = {"call_id": event.call_id, "outcome": event.outcome, "by": event.by}
            return [Message(agent_id=agent_id, type="call.ended", data=data)]
        case _:
            return []


def _talk_message(
    event: ev.CallConnected | ev.DialRequested | ev.DialEnded | ev.CallRequeued,
) -> Message:
    """What comes of an answered offer: a talk, or the person is called, who is reached or is not."""
    kind, data = "call.connected", {"call_id": event.call_id}
    match event:
        case ev.CallConnected():
            data = {"offer_id": event.offer_id, **data}
        case ev.DialRequested():
            kind, data = "call.dialling", {"offer_id": event.offer_id, **data}
        case ev.DialEnded(reached=False):
            kind, data = "call.not_reached", {**data, "cause": str(event.cause)}
        case ev.CallRequeued():
            kind, data = "call.requeued", {**data, "cause": event.cause}
        case _:
            pass
    return Message(agent_id=event.agent_id, type=kind, data=data)


def state_message(event: ev.Event) -> Message | None:
    """`state.changed`, which follows the other messages of an event."""
    told = state_told(event)
    if told is None:
        return None
    agent_id, state, reason = told
    return Message(
        agent_id=agent_id,
        type="state.changed",
        data={"state": state, "reason": reason, "since": event.at},
    )
