"""The words for what is on a floor, as types."""

from collections.abc import Mapping
from typing import Literal

CallState = Literal["arrived", "self_service", "queued", "offered", "connected", "ended"]
AgentState = Literal["logged_out", "not_ready", "ready", "reserved", "talking", "wrap_up"]
OfferState = Literal["offered", "ringing"]
Outcome = Literal[
    "handled", "self_served", "abandoned", "callback", "voicemail", "overflow", "closed", "lost"
]
Payer = Literal["cash", "insured", "unknown"]
Priority = Literal["emergency", "vip", "cash", "insured", "deferrable"]
Kind = Literal["call", "callback", "outbound", "ticket", "message", "task"]
"""What kind of work an item is. Every item is a `Call` here: it waits, is offered and ends as calls do."""
CallbackOrigin = Literal["requested", "abandoned", "missed", "scheduled"]
CallbackMode = Literal["keep", "defer"]
"""Whether a callback keeps its caller's place in the queue or waits until agents are to spare."""
CallbackState = Literal["waiting", "calling", "done", "failed", "cancelled"]
AcceptMode = Literal["app", "ring", "auto"]
LineState = Literal["open", "closed", "holiday", "emergency"]
"""Emergency goes before holiday, holiday before closed, closed before open."""
Control = Literal["commands", "dialplan", "desk"]
"""How the PBX is steered: it takes commands, or its dialplan asks in a loop; work on the `desk` has none."""
Party = Literal["caller", "agent", "system"]
FailureCause = Literal["busy", "rejected", "no_answer", "unreachable"]
OfferFailure = Literal["busy", "rejected", "no_answer", "unreachable", "lost"]
"""Why an agent's phone was not answered; `lost`: nobody knows, for nobody listened when it stopped to ring."""
OfferEnd = Literal[
    "rejected", "no_accept", "no_answer", "busy", "unreachable", "lost", "abandoned", "withdrawn"
]
ConsultState = Literal["ringing", "talking", "joined"]
ConsultEnd = Literal["complete", "back", "join"]
DROPS: frozenset[str] = frozenset({"dropped", "lost", "network"})
"""Causes of an agent's hang-up that he did not mean."""

PRIORITIES: tuple[Priority, ...] = ("emergency", "vip", "cash", "insured", "deferrable")
"""Priority classes from first to last."""
RANK: Mapping[str, int] = {priority: rank for rank, priority in enumerate(PRIORITIES)}
SiteState = Literal["open", "drained", "down"]
SITE_DRAINED = "site_drained"
"""Reason of who is not ready because his site is drained."""
PbxState = Literal["up", "down"]
PBX_DOWN = "pbx_down"
"""Reason of who is not ready because his phone stands at PBXs that are all down."""
DISCONNECTED = "disconnected"
"""Reason of who is not ready because his desk was cut off and has not come back in time."""
CALL_STATES: tuple[CallState, ...] = (
    "arrived", "self_service", "queued", "offered", "connected", "ended",
)  # fmt: skip
AGENT_STATES: tuple[AgentState, ...] = (
    "logged_out", "not_ready", "ready", "reserved", "talking", "wrap_up",
)  # fmt: skip
