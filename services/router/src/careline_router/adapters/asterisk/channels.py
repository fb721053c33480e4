"""How Careline's things are named at Asterisk, and what a channel says of itself.

Every id at the PBX is ours, so that a repeated request is refused there (409) instead of ringing a second
time: an agent's leg is the offer's id, the bridge of a talk and the leg of a person who is called back
are derived from it.
"""

from dataclasses import dataclass
from typing import Any

CALLER = "in"
AGENT = "agent"
PERSON = "person"
CONSULT = "consult"
LISTEN = "listen"
SNOOP = "snoop"


def talk_bridge(offer_id: str) -> str:
    return f"talk-{offer_id}"


def offer_of_talk(bridge: str) -> str | None:
    """The offer whose talk a bridge is; None for any other bridge."""
    return bridge.removeprefix("talk-") if bridge.startswith("talk-") else None


def person_leg(offer_id: str) -> str:
    """The leg of the person whom an offer's callback calls: one a try, as an offer is."""
    return f"{PERSON}-{offer_id}"


def offer_of_person(channel: str) -> str | None:
    """The offer whose person a channel is; None for any other channel."""
    return channel.removeprefix(f"{PERSON}-") if channel.startswith(f"{PERSON}-") else None


def consult_arguments(consult_id: str, caller_channel: str) -> str:
    """`appArgs` of the leg of who is asked."""
    return f"{CONSULT},{consult_id},{caller_channel}"


def listener_leg(command_id: str) -> str:
    """A supervisor's leg: one a command."""
    return f"{LISTEN}-{command_id}"


def listener_arguments(offer_id: str, mode: str) -> str:
    """`appArgs` of a supervisor's leg: whose talk, and how."""
    return f"{LISTEN},{offer_id},{mode}"


def is_consult(channel: str) -> bool:
    """Whether a channel is the leg of who is asked: its id is the consultation's."""
    return channel.startswith(f"{CONSULT}-")


def is_listener(channel: str) -> bool:
    return channel.startswith(f"{LISTEN}-")


def snoop_of(listener: str) -> str:
    """The channel by which a supervisor's leg hears an agent's."""
    return f"{SNOOP}-{listener}"


def record_leg(call_id: str) -> str:
    """The channel that hears a caller whose talk is recorded: one a call."""
    return f"record-{call_id}"


def call_of_record_leg(channel: str) -> str | None:
    """The call that a channel records; None for any other channel."""
    return channel.removeprefix("record-") if channel.startswith("record-") else None


def recording_of(call_id: str) -> str:
    """The name of a call's recording."""
    return f"careline-{call_id}"


def call_of_recording(name: str) -> str | None:
    """The call of a recording; None for one that is not ours."""
    return name.removeprefix("careline-") if name.startswith("careline-") else None


def is_snoop(channel: str) -> bool:
    """Whether a channel hears another one."""
    return channel.startswith(f"{SNOOP}-") or call_of_record_leg(channel) is not None


def hold_bridge(application: str) -> str:
    """One holding bridge an application: whoever is in it hears music."""
    return f"hold-{application}"


def agent_arguments(offer_id: str, caller_channel: str) -> str:
    """`appArgs` of an agent's leg: what comes back with its StasisStart."""
    return f"{AGENT},{offer_id},{caller_channel}"


def person_arguments(offer_id: str, callback: str) -> str:
    """`appArgs` of a person's leg."""
    return f"{PERSON},{offer_id},{callback}"


@dataclass(frozen=True, slots=True)
class CallerLeg:
    channel: str
    caller: str | None
    line: str


@dataclass(frozen=True, slots=True)
class AgentLeg:
    offer_id: str
    caller_channel: str


@dataclass(frozen=True, slots=True)
class PersonLeg:
    offer_id: str
    callback: str


@dataclass(frozen=True, slots=True)
class ConsultLeg:
    """Who is asked while a caller is held, and perhaps has the call afterwards."""

    consult_id: str
    caller_channel: str


@dataclass(frozen=True, slots=True)
class ListenerLeg:
    """A supervisor's: `mode` is `listen`, `whisper` or `barge`."""

    channel: str
    offer_id: str
    mode: str


@dataclass(frozen=True, slots=True)
class SnoopLeg:
    """Nobody's: it hears another channel."""

    channel: str


Leg = CallerLeg | AgentLeg | PersonLeg | ConsultLeg | ListenerLeg | SnoopLeg


def leg(channel: dict[str, Any], arguments: list[str]) -> Leg | None:
    """What a channel in our application is by its arguments; None for a stranger's."""
    match arguments:
        case [kind, line] if kind == CALLER:
            number = channel.get("caller", {}).get("number") or None
            return CallerLeg(channel["id"], number, line)
        case [kind, offer_id, caller_channel] if kind == AGENT:
            return AgentLeg(offer_id, caller_channel)
        case [kind, offer_id, callback] if kind == PERSON:
            return PersonLeg(offer_id, callback)
        case [kind, consult_id, caller_channel] if kind == CONSULT:
            return ConsultLeg(consult_id, caller_channel)
        case [kind, offer_id, mode] if kind == LISTEN:
            return ListenerLeg(channel["id"], offer_id, mode)
        case _:
            return None


def arguments_of(channel: dict[str, Any], application: str) -> list[str] | None:
    """The arguments with which a live channel entered our application, as `GET /channels` shows them.

    Asterisk keeps them as `application,first,second` in the channel's dialplan position.
    """
    dialplan = channel.get("dialplan", {})
    if dialplan.get("app_name") != "Stasis":
        return None
    name, *arguments = str(dialplan.get("app_data", "")).split(",")
    return arguments if name == application else None
