"""A floor at one moment, as it is kept beside the journal."""

from dataclasses import dataclass, field

from careline_router.domain.demand import DemandFigures
from careline_router.domain.estimates import QueueEstimates
from careline_router.domain.promises import QueuePromises
from careline_router.domain.specs import FloorSpec, QueueSpec
from careline_router.domain.states import Agent, Call, Offer
from careline_router.domain.words import SiteState


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a floor is; with the journal after it, the floor can be had again."""

    now: float
    queues: tuple[QueueSpec, ...]
    agents: tuple[Agent, ...]
    calls: tuple[Call, ...]
    offers: tuple[Offer, ...]
    floor: FloorSpec = field(default_factory=FloorSpec)
    tokens: float = 0.0
    last_offered: dict[str, int] = field(default_factory=dict)
    demand: DemandFigures = field(default_factory=DemandFigures)
    estimates: tuple[QueueEstimates, ...] = ()
    promises: tuple[QueuePromises, ...] = ()
    sites: dict[str, SiteState] = field(default_factory=dict)
    pbxs_down: dict[str, float] = field(default_factory=dict)
