"""What each stimulus does to a call and to an agent, in every state: the floor's behaviour as a table.

The engine does not read it; a test drives a floor through every cell. A cell is the state that follows,
`SAME` when nothing changes, `LATER` when it takes effect after this call, or the reason for which the
command is refused. The table is of one agent with room for one call and of one call; what else follows
on a floor (the next call for an agent who is ready, the next agent for a call that waits) comes after.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from careline_router.domain.words import AgentState

CallStimulus = Literal[
    "register", "ask", "queue", "close", "an agent is idle", "move", "set priority", "leave queue",
    "accept callback", "phone answered", "offer rejected", "offer failed", "offer lost",
    "offer timed out", "caller hangs up", "agent hangs up", "agent's phone drops", "digits", "control",
    "complete wrap-up", "time for keys ends", "an hour passes",
]  # fmt: skip
CallbackStimulus = Literal[
    "request", "an agent is idle", "phone answered", "person reached", "person not reached",
    "tries used up", "agent hangs up", "caller hangs up", "cancel", "he calls himself",
]  # fmt: skip
AgentStimulus = Literal[
    "log in", "log out", "set ready", "set not ready", "a call waits", "accept", "reject",
    "phone answered", "offer failed", "offer lost", "offer timed out", "caller hangs up", "agent hangs up",
    "his phone drops", "complete wrap-up", "extend wrap-up", "wrap-up ends", "his desk stays away",
]  # fmt: skip

CallColumn = Literal[
    "unknown", "arrived", "self_service", "queued", "offered", "connected", "ended",
]  # fmt: skip
CallbackColumn = Literal["unknown", "queued", "offered", "dialling", "connected", "ended"]

SAME, LATER, FORGOTTEN = "=", "later", "unknown"


@dataclass(frozen=True, slots=True)
class Refused:
    """The command is refused with this reason."""

    reason: str


Cell = str | Refused
NO_CALL, NOT_NEW, NOT_WAITING = (
    Refused("unknown-call"), Refused("call-not-new"), Refused("call-not-waiting"),
)  # fmt: skip
NOT_ENDED, NOT_CONNECTED = Refused("call-not-ended"), Refused("call-not-connected")
NONE_OFFERED, OFF, CLOSED = (
    Refused("no-callback-offered"), Refused("logged-out"), Refused("offer-closed"),
)  # fmt: skip
NOT_HIS, NO_WRAP_UP = Refused("not-your-call"), Refused("not-wrapping-up")
TALKING, TWICE = Refused("agent-talking"), Refused("already-wrapped-up")
KNOWN_CALL, KNOWN_PERSON = Refused("known-call"), Refused("known-person")

# unknown, arrived, self_service, queued, offered, connected, ended
CALLS: Mapping[CallStimulus, tuple[Cell, ...]] = {
    "register": ("arrived", *(KNOWN_CALL,) * 6),
    "ask": (NO_CALL, "self_service", "self_service", NOT_NEW, NOT_NEW, NOT_NEW, NOT_NEW),
    "queue": (NO_CALL, "queued", "queued", NOT_NEW, NOT_NEW, NOT_NEW, NOT_NEW),
    "close": (NO_CALL, "ended", "ended", NOT_NEW, NOT_NEW, NOT_NEW, NOT_NEW),
    "an agent is idle": (SAME, SAME, SAME, "offered", SAME, SAME, SAME),
    "move": (NO_CALL, NOT_WAITING, NOT_WAITING, "queued", "queued", NOT_WAITING, NOT_WAITING),
    "set priority": (
        NO_CALL, NOT_WAITING, NOT_WAITING, "queued", "offered", NOT_WAITING, NOT_WAITING,
    ),
    "leave queue": (
        NO_CALL, NOT_WAITING, NOT_WAITING, "ended", "ended", NOT_WAITING, NOT_WAITING,
    ),
    "accept callback": (
        NO_CALL, NOT_WAITING, NOT_WAITING, "ended", NONE_OFFERED, NOT_WAITING, NOT_WAITING,
    ),
    "phone answered": (SAME, SAME, SAME, SAME, "connected", SAME, SAME),
    "offer rejected": (CLOSED, CLOSED, CLOSED, CLOSED, "queued", CLOSED, CLOSED),
    "offer failed": (SAME, SAME, SAME, SAME, "queued", SAME, SAME),
    "offer lost": (SAME, SAME, SAME, SAME, "offered", SAME, SAME),  # to him again
    "offer timed out": (SAME, SAME, SAME, SAME, "queued", SAME, SAME),
    "caller hangs up": (NO_CALL, "ended", "ended", "ended", "ended", "ended", SAME),
    "agent hangs up": (NO_CALL, SAME, SAME, SAME, SAME, "ended", SAME),
    "agent's phone drops": (NO_CALL, SAME, SAME, SAME, SAME, "queued", SAME),
    "digits": (NO_CALL, "arrived", "self_service", "queued", "offered", "connected", SAME),
    "control": (
        NO_CALL, NOT_CONNECTED, NOT_CONNECTED, NOT_CONNECTED, NOT_CONNECTED, "connected",
        NOT_CONNECTED,
    ),
    "complete wrap-up": (NO_CALL, NOT_HIS, NOT_HIS, NOT_HIS, NOT_HIS, NOT_ENDED, "ended"),
    "time for keys ends": (SAME, SAME, "self_service", SAME, SAME, SAME, SAME),
    "an hour passes": (SAME, SAME, "self_service", SAME, "queued", SAME, FORGOTTEN),
}  # fmt: skip

# unknown, queued, offered, dialling, connected, ended
CALLBACKS: Mapping[CallbackStimulus, tuple[Cell, ...]] = {
    "request": ("queued", KNOWN_PERSON, KNOWN_PERSON, KNOWN_PERSON, KNOWN_PERSON, "queued"),
    "an agent is idle": (SAME, "offered", SAME, SAME, SAME, SAME),
    "phone answered": (SAME, SAME, "dialling", SAME, SAME, SAME),
    "person reached": (NO_CALL, SAME, SAME, "connected", SAME, SAME),
    "person not reached": (NO_CALL, SAME, SAME, "queued", SAME, SAME),
    "tries used up": (NO_CALL, SAME, SAME, "ended", SAME, SAME),
    "agent hangs up": (NO_CALL, SAME, SAME, "queued", "ended", SAME),
    "caller hangs up": (NO_CALL, "ended", "ended", "queued", "ended", SAME),
    "cancel": (
        NO_CALL, "ended", "ended", Refused("callback-begun"), Refused("callback-begun"), SAME,
    ),
    "he calls himself": (SAME, "ended", "ended", SAME, SAME, SAME),
}  # fmt: skip

# logged_out, not_ready, ready, reserved, talking, wrap_up
AGENTS: Mapping[AgentStimulus, tuple[Cell, ...]] = {
    "log in": ("not_ready", "not_ready", "ready", "reserved", "talking", "wrap_up"),
    "log out": (SAME, "logged_out", "logged_out", "logged_out", TALKING, "logged_out"),
    "set ready": (OFF, "ready", SAME, SAME, SAME, "ready"),
    "set not ready": (OFF, "not_ready", "not_ready", LATER, LATER, "not_ready"),
    "a call waits": (SAME, SAME, "reserved", SAME, SAME, SAME),
    "accept": (CLOSED, CLOSED, CLOSED, "reserved", CLOSED, CLOSED),
    "reject": (CLOSED, CLOSED, CLOSED, "ready", CLOSED, CLOSED),
    "phone answered": (SAME, SAME, SAME, "talking", SAME, SAME),
    "offer failed": (SAME, SAME, SAME, "not_ready", SAME, SAME),
    "offer lost": (SAME, SAME, SAME, "reserved", SAME, SAME),
    "offer timed out": (SAME, SAME, SAME, "not_ready", SAME, SAME),
    "caller hangs up": (SAME, SAME, SAME, "ready", "wrap_up", SAME),
    "agent hangs up": (SAME, SAME, SAME, SAME, "wrap_up", SAME),
    "his phone drops": (SAME, SAME, SAME, SAME, "not_ready", SAME),
    "complete wrap-up": (NOT_HIS, NOT_HIS, NOT_HIS, NOT_HIS, NOT_ENDED, "ready"),
    "extend wrap-up": (NO_WRAP_UP, NO_WRAP_UP, NO_WRAP_UP, NO_WRAP_UP, NO_WRAP_UP, "wrap_up"),
    "wrap-up ends": (SAME, SAME, SAME, SAME, SAME, "ready"),
    "his desk stays away": (SAME, SAME, "not_ready", "not_ready", LATER, LATER),
}

CALL_COLUMNS: tuple[CallColumn, ...] = get_args(CallColumn)
CALLBACK_COLUMNS: tuple[CallbackColumn, ...] = get_args(CallbackColumn)
AGENT_COLUMNS: tuple[AgentState, ...] = get_args(AgentState)
