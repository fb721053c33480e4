"""What can be done with the router. Every change goes through the floor, one transaction a batch.

All methods raise `Problem`s (404 unknown, 409 with `allowed`, 422, 503 `not-ready` while this
process does not lead the floor). `receipt` keeps the answer in the transaction of the effect; see
`careline_router.ports.Receipt`.
"""

from careline_common.config.entries import Configuration
from careline_router.domain import commands as cmd
from careline_router.floorplan import FloorPlan
from careline_router.usecases.bookings import Bookings
from careline_router.usecases.bot_talks import BotTalks
from careline_router.usecases.callbacks import Callbacks
from careline_router.usecases.dialling import Dialling
from careline_router.usecases.emergencies import Emergencies
from careline_router.usecases.extra_skills import ExtraSkills
from careline_router.usecases.insurance import Insurance
from careline_router.usecases.legs import LegsAtPbx
from careline_router.usecases.looks import Looks
from careline_router.usecases.outcomes import Outcomes
from careline_router.usecases.pbx_watch import PbxWatch
from careline_router.usecases.persons import PersonsData
from careline_router.usecases.recordings import Recordings
from careline_router.usecases.sending_anew import SendingAnew
from careline_router.usecases.transfers import Transfers
from careline_router.usecases.voice import VoiceSurveys
from careline_router.usecases.work import WorkOfTheJournal
from careline_router.views import Viewer

OVERVIEW = frozenset({"admin", "auditor", "quality", "service", "contact_admin", "specialist"})
RECORDINGS = frozenset({"quality", "service", "contact_admin"})


class RouterService(
    Dialling,
    LegsAtPbx,
    Bookings,
    Insurance,
    BotTalks,
    Recordings,
    SendingAnew,
    Transfers,
    ExtraSkills,
    Callbacks,
    Emergencies,
    PersonsData,
    Looks,
    VoiceSurveys,
    PbxWatch,
    Outcomes,
    WorkOfTheJournal,
):
    """All use cases of the router.

    - `queries` (`queries.Queries`): call, calls, call_by_pbx, decisions, queues, agents, agent.
    - `intervals` (`interval_report.IntervalReport`): rows.
    - `forecasts` (`forecasts.Forecasts`): ahead.
    - `callbacks` (`callback_queries.CallbackQueries`): all, one.
    - `pbx` (`pbx_link.PbxLink`): commands for PBXs and the dialplan's loop.
    - `signs` (`pbx_signs.PbxSigns`): which PBXs have been heard.
    - `feeds` (`feeds.Feeds`): messages for the agents' sockets.
    - `boards` (`supervisor_board.Boards`): the floor as supervisors watch it.
    """

    def viewer(self, subject: str, roles: frozenset[str]) -> Viewer:
        """What somebody may see: agents their own calls, supervisors those of the teams they lead."""
        agent = subject if "agent" in roles else None
        teams = self._plan().teams_led_by(subject) if "supervisor" in roles else frozenset()
        return Viewer(
            subject=subject,
            agent=agent,
            teams=teams,
            everything="floor" in roles,
            overview=not roles.isdisjoint(OVERVIEW),
            recordings=not roles.isdisjoint(RECORDINGS),
            steers_all=not roles.isdisjoint({"floor", "admin"}),
        )

    @property
    def leads(self) -> bool:
        """Whether this process leads the floor."""
        return self._actor.leading

    def pbx_secrets(self, pbx: str) -> tuple[str, ...]:
        """`whsec_…` secrets of a PBX; empty when it is unknown or has none."""
        entry = self._plan().pbxs.get(pbx)
        if entry is None or entry.secret is None:
            return ()
        return (entry.secret.get_secret_value(),)

    async def configuration_changed(self, configuration: Configuration) -> None:
        """Routes by a new configuration from now on; the floor has it before the flows name it."""
        base = FloorPlan.of(configuration)
        async with self._plan.changing:
            plan, extra = await self._with_extra_skills(base)
            await self._intake.use(plan)
            await self._bookings.use(plan.booking)
            await self._records.use(plan.records)
            try:
                if self._actor.leading:
                    await self._configure(plan)
            finally:
                self._plan.base = base
                self._plan.use(plan, extra)

    async def begin_to_lead(self) -> None:
        """What a new leader does once the floor is loaded."""
        self.signs.begin()
        async with self._plan.changing:  # as the last leader has left it
            plan, extra = await self._with_extra_skills(self._plan.base)
            await self._configure(plan)
            self._plan.use(plan, extra)
        await self._load_emergency()
        await self.resume_arrivals()
        self.resume_serving()

    async def _configure(self, plan: FloorPlan) -> None:
        await self._actor.submit(cmd.ConfigureFloor(floor=plan.floor_spec()))
        await self._actor.submit(cmd.ConfigureQueues(queues=plan.queue_specs()))
        await self._actor.submit(cmd.ConfigureAgents(agents=plan.agent_specs()))
