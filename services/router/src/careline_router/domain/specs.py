"""What a floor is told to be: its queues, its agents, its policy. All durations in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from careline_router.domain.words import AcceptMode, CallbackMode, Kind, Priority

DEFERRABLE_TARGET_S = 900.0
"""Work that waits (outbound, callbacks) is late only after this, whatever its queue's target."""
MAX_WAIT_S = 800.0
"""Of a queue that says nothing else: long enough that a day of twice the load does not become first come,
first served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxStep:
    """One step of a queue's recipe: when all its conditions hold, the call needs less.

    A condition that is None is none. `after_s` is waiting time; `eligible_below` counts logged-in
    agents with what the call needs, `idle_below` the idle ones of them, `queued_above` the calls that wait
    in the queue, `sl_below_pct` the queue's service level so far.
    """

    after_s: float = 0.0
    eligible_below: int | None = None
    idle_below: int | None = None
    queued_above: int | None = None
    sl_below_pct: float | None = None
    lower_levels_by: int = 0
    drop_skills: tuple[str, ...] = ()
    add_skills: Mapping[str, int] = field(default_factory=dict)
    queue: str | None = None
    """Overflow: the queue in which it waits from now on, at its place in time."""
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """A queue as configured. `max_wait_by_class` holds in place of `max_wait_s` for its classes."""

    id: str
    target_s: float = 20.0
    max_wait_s: float = MAX_WAIT_S
    offer_timeout_s: float = 15.0
    ring_timeout_s: float = 20.0
    wrap_up_s: float = 30.0
    wrap_up_max_s: float = 300.0
    """How far an agent may extend his wrap-up, from its beginning."""
    max_wait_by_class: Mapping[Priority, float] = field(default_factory=dict)
    recipe: tuple[RelaxStep, ...] = ()
    min_idle: int = 0
    """Blending: its deferrable work goes only to agents who leave so many able ones idle."""

    def max_wait_of(self, priority: Priority) -> float:
        """The wait after which a call of this class goes before all that have waited less."""
        return self.max_wait_by_class.get(priority, self.max_wait_s)

    def target_of(self, priority: Priority) -> float:
        """The wait after which a call of this class counts as late."""
        if priority == "deferrable":
            return max(self.target_s, DEFERRABLE_TARGET_S)
        return self.target_s


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """An agent as configured. Skill levels go from 1 to 10, 10 is best.

    `capacity` is how many units of work he does at once: 1 for a person on the phone, N for a bot.
    """

    id: str
    team: str | None = None
    site: str | None = None
    skills: Mapping[str, int] = field(default_factory=dict)
    endpoint: str | None = None
    accept: AcceptMode = "app"
    kind: Literal["human", "bot"] = "human"
    capacity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRules:
    """When callers are offered a callback, and how it is kept."""

    wait_s: float = 60.0
    """Offered on arrival when the first of the class has waited so long."""
    after_s: float = 45.0
    """Offered to who has waited so long."""
    promise_s: float = 1800.0
    mode: CallbackMode = "defer"
    idle_min: int = 3
    """A deferred one is made when so many able agents are idle."""
    outstanding_per_busy: float = 1.5
    """No more promises than this for each busy agent."""
    abandoned: bool = False
    """Whether who hangs up while waiting is called back, after `short_abandon_s` at least."""
    short_abandon_s: float = 5.0
    missed: bool = False
    """Whether who called a closed line is called back."""
    quiet: tuple[tuple[float, float], ...] = ()
    """Spans of the person's local day in which nobody is called, in seconds from midnight; one that
    ends before it begins goes over midnight."""
    retry_after_s: tuple[float, ...] = (600.0, 3600.0)
    """How long after each try that did not reach the person the next one is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxSpec:
    """A PBX at a site. `reach` is how it rings the phones of other sites: by site, an endpoint with `{phone}` in it."""

    site: str
    reach: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorSpec:
    """What holds for the whole floor. `policy` is a name of `policies.POLICIES`.

    `fair`: of the agents who could serve, the longest idle of the best level, whatever the price of it.
    """

    policy: str = "careline"
    fair: bool = False
    seed: int = 0
    callbacks: CallbackRules | None = None
    occupancy_cap_pct: float | None = None
    units: Mapping[Kind, int] = field(default_factory=dict)
    """How much of an agent's capacity an item takes; 1 when not named."""
    interruptible: tuple[Kind, ...] = ("ticket", "task")
    """Kinds that a call may interrupt."""
    presence_grace_s: float = 60.0
    """How long an agent whose desk is cut off keeps his state."""
    pbxs: Mapping[str, PbxSpec] = field(default_factory=dict)
    """Those that stand at a site."""

    def units_of(self, kind: Kind) -> int:
        return self.units.get(kind, 1)
