"""What all use cases are made of."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.ids import Ids
from careline_common.observability.pii import PiiHasher
from careline_router.booking_desk import BookingDesk
from careline_router.callback_queries import CallbackQueries
from careline_router.emergency import EmergencySwitch
from careline_router.feeds import Feeds
from careline_router.floorplan import FloorPlan
from careline_router.forecasts import Forecasts
from careline_router.intake import Intake
from careline_router.interval_report import IntervalReport
from careline_router.metrics import RouterMetrics
from careline_router.pbx_link import PbxLink
from careline_router.pbx_signs import PbxSigns
from careline_router.queries import Queries
from careline_router.records_desk import RecordsDesk
from careline_router.runtime.contacts import Contacts
from careline_router.runtime.floor_actor import FloorActor
from careline_router.supervisor_board import Boards
from careline_router.views import ExtraSkill


@dataclass(slots=True, kw_only=True)
class PlanHolder:
    """The configuration that holds now: as it was applied (`base`), with the skills that were given for today.

    Whoever changes it holds `changing` meanwhile.
    """

    plan: FloorPlan = field(default_factory=FloorPlan)
    base: FloorPlan = field(default_factory=FloorPlan)
    extra: tuple[ExtraSkill, ...] = ()
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __call__(self) -> FloorPlan:
        return self.plan

    def use(self, plan: FloorPlan, extra: Iterable[ExtraSkill]) -> None:
        """From now on `plan` holds, of which `extra` is a part."""
        self.plan, self.extra = plan, tuple(extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one router."""

    database: Database
    actor: FloorActor
    contacts: Contacts
    intake: Intake
    queries: Queries
    intervals: IntervalReport
    forecasts: Forecasts
    callbacks: CallbackQueries
    pbx: PbxLink
    signs: PbxSigns
    feeds: Feeds
    boards: Boards
    plan: PlanHolder
    emergency: EmergencySwitch
    bookings: BookingDesk
    records: RecordsDesk
    clock: Clock
    ids: Ids
    hasher: PiiHasher
    metrics: RouterMetrics

    async def close(self) -> None:
        """Gives back their connections to the outside."""
        await self.intake.close()
        await self.bookings.close()
        await self.records.close()
        await self.database.close()
        await self.actor.close()


class UseCases:
    """The base of all use cases; `queries`, `callbacks`, `pbx`, `signs` and `feeds` are for reading, PBXs and
    sockets."""

    def __init__(self, parts: Parts) -> None:
        self.queries = parts.queries
        self.intervals = parts.intervals
        self.forecasts = parts.forecasts
        self.callbacks = parts.callbacks
        self.pbx = parts.pbx
        self.signs = parts.signs
        self.feeds = parts.feeds
        self.boards = parts.boards
        self._database = parts.database
        self._actor = parts.actor
        self._contacts = parts.contacts
        self._intake = parts.intake
        self._plan = parts.plan
        self._emergency = parts.emergency
        self._bookings = parts.bookings
        self._records = parts.records
        self._clock = parts.clock
        self._ids = parts.ids
        self._hasher = parts.hasher
        self._metrics = parts.metrics
