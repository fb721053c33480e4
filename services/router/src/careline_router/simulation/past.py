"""A day that has been: what `history` reads out of the journal, and what is played again.

Times are seconds from `Window.origin`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from careline_router.domain import commands as cmd
from careline_router.domain.specs import AgentSpec, FloorSpec, QueueSpec
from careline_router.domain.words import Kind, OfferEnd
from careline_router.simulation.roster import Interval
from careline_router.simulation.scenario import DAY_S

LEAD_S = DAY_S
"""So much before the day is read, to know who is at work and who waits when it begins."""
PLAYED_ON_S = 3600.0
"""So much after the day is played too, for the ends of its last calls."""
READ_ON_S = 4 * 3600.0
"""So much after the day is read, for how long these calls took."""

Ending = Literal["answered", "abandoned", "callback", "removed", "waiting"]
"""How a wait ended: `removed` by the system or a supervisor, `waiting` when the journal ends before it."""
Act = tuple[float, int, cmd.Command]
"""Something that people did: when, its place in the journal, and as a command."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when, in seconds since the epoch."""

    since: float
    until: float

    @property
    def origin(self) -> float:
        """A midnight (UTC) before everything: a floor's clock must not be negative, and quiet hours go
        by the hour of the day."""
        return (self.since - LEAD_S) // DAY_S * DAY_S

    @property
    def start(self) -> float:
        return self.since - self.origin

    @property
    def end(self) -> float:
        return self.until - self.origin

    @property
    def stop(self) -> float:
        return self.end + PLAYED_ON_S


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """A call, or other work, as it came. What was not seen of it is None until it is drawn.

    `answer_s` goes from the offer to the talk, `waited_s` from `at` to the `ending`. `patience_s` is
    known of who gave up alone. `accepts`, `reached` and `dial_s` are a callback's.
    """

    id: str
    at: float
    kind: Kind
    line: str
    request: cmd.QueueCall | cmd.RequestCallback
    ending: Ending
    waited_s: float
    answer_s: float | None = None
    talk_s: float | None = None
    wrap_up_s: float | None = None
    patience_s: float | None = None
    accepts: bool | None = None
    reached: bool | None = None
    dial_s: float | None = None

    @property
    def inbound(self) -> bool:
        """Whether somebody waits on the telephone: of these are service level and loss."""
        return self.kind == "call" and self.request.priority != "deferrable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """From an offer to its end without a talk: the agent was not there, or did not want it, or had not
    answered yet when the caller went."""

    start: float
    until: float
    end: OfferEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAgent:
    """An agent's day. `presence` ends where he wished to go, also when a talk kept him."""

    id: str
    acts: tuple[Act, ...]
    refusals: tuple[Refusal, ...]
    presence: tuple[Interval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDay:
    """A day as it was. `calls` are in the order in which they came; those before the window's start
    waited when it began. `queues` and `agent_specs` are as they were at its start (what was new later,
    as it came), `changes` what was configured or moved by hand later. `stop` is when the playing ends:
    the window's, or the journal's end where that comes first."""

    window: Window
    stop: float
    floor: FloorSpec
    queues: Mapping[str, QueueSpec]
    agent_specs: Mapping[str, AgentSpec]
    changes: tuple[Act, ...]
    calls: tuple[PastCall, ...]
    agents: tuple[PastAgent, ...]

    def counts(self, call: PastCall) -> bool:
        """Whether the call came on this day."""
        return self.window.start <= call.at < self.window.end
