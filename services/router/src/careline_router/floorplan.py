"""The configuration in the form in which calls are routed by it."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from careline_common.config.calendar import Calendar
from careline_common.config.entries import Configuration
from careline_common.config.models import AgentEntry, Line, PlainEntry, Team
from careline_common.phones import parse_phone
from careline_router import config
from careline_router.adapters.cel_conditions import CelCondition, compile_condition
from careline_router.booking_config import BookingEntry
from careline_router.crm_config import CrmEntry
from careline_router.domain.conditions import sight
from careline_router.domain.flows import Branch, Flow, Rule
from careline_router.domain.pbx_health import Patience
from careline_router.domain.skills import BEST_LEVEL, SITE, lacking
from careline_router.domain.specs import AgentSpec, FloorSpec, PbxSpec, QueueSpec
from careline_router.domain.words import PbxState, SiteState
from careline_router.floor_config import CallbackRules, FloorEntry
from careline_router.records_config import RecordsEntry
from careline_router.views import ExtraSkill

OF_POLICY = frozenset({"policy_state", "insurer", "insurance", "records"})
"""What of the facts of `crm` insurance records may tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """How a call of ours that begins here gets into a queue: over this PBX, as if for this line."""

    pbx: str
    line: Line
    branch: Branch


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """Lines by number, flows with compiled conditions, who is who."""

    queues: Mapping[str, config.Queue] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    skills: frozenset[str] = frozenset()
    sites: Mapping[str, config.Site] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    agents: Mapping[str, AgentEntry] = field(default_factory=dict)
    pbxs: Mapping[str, config.Pbx] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    crm: CrmEntry | None = None
    booking: BookingEntry | None = None
    records: RecordsEntry | None = None
    floor: FloorEntry = field(default_factory=FloorEntry)
    _serving: dict[str, tuple[str, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, configuration: Configuration) -> "FloorPlan":
        lines = configuration.all("lines", Line)
        return cls(
            queues=configuration.all("queues", config.Queue),
            flows={
                name: flow_of(flow, _version(configuration, name))
                for name, flow in configuration.all("flows", config.Flow).items()
            },
            lines={line.number: line for line in lines.values()},
            skills=frozenset(configuration.all("skills", PlainEntry)),
            sites=configuration.all("sites", config.Site),
            teams=configuration.all("teams", Team),
            agents=configuration.all("agents", AgentEntry),
            pbxs=configuration.all("pbxs", config.Pbx),
            calendars=configuration.all("calendars", Calendar),
            crm=configuration.get("crm", "crm", CrmEntry),
            booking=configuration.get("booking", "booking", BookingEntry),
            records=configuration.get("records", "records", RecordsEntry),
            floor=configuration.get("floor", "floor", FloorEntry) or FloorEntry(),
        )

    def line(self, number: str) -> Line | None:
        """The line with this number, however the PBX writes it (`74950000001`, `+7 495 …`)."""
        for written in (number, f"+{number.lstrip('+')}"):
            if written in self.lines:
                return self.lines[written]
            try:
                found = self.lines.get(parse_phone(written, None))
            except ValueError:
                continue
            if found is not None:
                return found
        return None

    def queue_specs(self) -> tuple[QueueSpec, ...]:
        return tuple(_queue_spec(queue) for queue in self.queues.values())

    def queue_spec(self, queue: str) -> QueueSpec:
        """A queue as calls are served in it; KeyError when there is none."""
        return _queue_spec(self.queues[queue])

    def agent_specs(self) -> tuple[AgentSpec, ...]:
        return tuple(self.agent_spec(agent) for agent in self.agents)

    def agent_spec(self, agent_id: str) -> AgentSpec:
        """An agent as calls are offered to him; KeyError when there is none."""
        agent = self.agents[agent_id]
        return AgentSpec(
            id=agent.id,
            team=agent.team,
            site=agent.site,
            skills=dict(agent.skills),
            endpoint=agent.endpoint,
            accept=agent.accept,
            kind=agent.kind,
            capacity=agent.capacity,
        )

    def with_skills(self, extra: Iterable[ExtraSkill]) -> "FloorPlan":
        """The same with skills that agents have besides; those of agents who are gone are passed over."""
        agents = dict(self.agents)
        for given in extra:
            agent = agents.get(given.agent)
            if agent is not None and given.skill in self.skills:
                skills = {**agent.skills, given.skill: given.level}
                agents[agent.id] = agent.model_copy(update={"skills": skills})
        return replace(self, agents=agents)

    def site_of(self, pbx: str) -> str | None:
        """Where a PBX stands, if that is said."""
        entry = self.pbxs.get(pbx)
        return None if entry is None else entry.site

    def zone_of(self, site: str | None) -> str:
        """The time zone of a site; of one that has none, and of who works nowhere, the first calendar's."""
        entry = self.sites.get(site or "")
        if entry is not None and entry.zone is not None:
            return entry.zone
        return next((calendar.zone for calendar in self.calendars.values()), "UTC")

    def floor_spec(self) -> FloorSpec:
        pbxs = {
            pbx.id: PbxSpec(site=pbx.site, reach=dict(pbx.reach))
            for pbx in self.pbxs.values()
            if pbx.site is not None
        }
        return replace(self.floor.spec(), pbxs=pbxs)

    @property
    def callbacks(self) -> CallbackRules | None:
        """The rules by which callers are called back; None: they are not offered it."""
        return self.floor.callbacks

    def skills_into(self, queue: str, flow: str | None = None) -> Mapping[str, int]:
        """What a queue asks of its agents, by the first way into it."""
        ways = self._ways_into(queue, flow)
        return ways[0] if ways else {}

    def _ways_into(self, queue: str, flow: str | None = None) -> list[Mapping[str, int]]:
        """What each way into a queue asks for: those of flows, and of the journal's appeals."""
        entry = self.queues.get(queue)
        ways = [branch.skills for branch in self.branches_into(queue, flow)]
        return ways if entry is None or entry.appeals is None else [*ways, entry.appeals.skills]

    def queue_of_appeals(self, group: str | None) -> config.Queue | None:
        """The queue in which appeals of a group, or of none, are offered to agents; None: in no one."""
        queues = self.queues.values()
        return next((one for one in queues if one.appeals and one.appeals.has(group)), None)

    def branches_into(self, queue: str, flow: str | None = None) -> list[Branch]:
        """The branches that lead into a queue, those of `flow` first."""
        flows = sorted(self.flows.values(), key=lambda each: each.id != flow)
        return [branch for each in flows for branch in each.branches() if branch.queue == queue]

    def dials(self, pbx: str) -> bool:
        """Whether a PBX calls people back: an Asterisk does so only when it is told how to dial."""
        entry = self.pbxs.get(pbx)
        return entry is not None and (entry.kind == "webhook" or entry.dial_endpoint is not None)

    def out_of_service(
        self, sites: Mapping[str, SiteState], down: Container[str]
    ) -> frozenset[str]:
        """The PBXs that are down, or stand at a site that is."""
        return frozenset(
            pbx.id
            for pbx in self.pbxs.values()
            if pbx.id in down or sites.get(pbx.site or "") == "down"
        )

    def watched(self) -> dict[str, Patience]:
        """The PBXs that are down when they are not heard, and how long they are waited for."""
        watches = {pbx.id: pbx.watched() for pbx in self.pbxs.values()}
        return {name: watch.patience() for name, watch in watches.items() if watch is not None}

    def state_of(self, pbx: str, down: Container[str]) -> PbxState | None:
        """As it is taken now; None: it is not watched."""
        if pbx in down:
            return "down"
        return None if self.pbxs[pbx].watched() is None else "up"

    def dialling(self, out: Container[str] = ()) -> str | None:
        """The PBX that calls people back: the first that can and is not `out` of service."""
        return next((pbx for pbx in self.pbxs if self.dials(pbx) and pbx not in out), None)

    def way_into(self, queue: str, out: Container[str] = ()) -> WayIn | None:
        """The first way from a line into a queue; None when no line leads there, or no PBX in service dials."""
        pbx = self.dialling(out)
        for line in self.lines.values():
            flow = self.flows.get(line.flow)
            for branch in () if flow is None else flow.branches():
                if branch.queue == queue and pbx is not None:
                    return WayIn(pbx=pbx, line=line, branch=branch)
        return None

    def can_take(self, agent: AgentEntry, needs: Mapping[str, int]) -> bool:
        """Whether an agent has these skills, and works where they say."""
        return lacking(_at_work(agent), needs) is None

    def serving(self, queue: str) -> tuple[str, ...]:
        """The agents who have the skills of any way into a queue. Worked out once: boards and desks ask
        for every queue again and again, and a large centre has thousands of agents."""
        if queue not in self._serving:
            ways = self._ways_into(queue)
            self._serving[queue] = tuple(
                agent.id
                for agent in self.agents.values()
                if any(self.can_take(agent, skills) for skills in ways)
            )
        return self._serving[queue]

    def teams_led_by(self, subject: str) -> frozenset[str]:
        return frozenset(name for name, team in self.teams.items() if team.lead == subject)


def _version(configuration: Configuration, flow: str) -> int:
    entry = configuration.entry("flows", flow)
    return 0 if entry is None else entry.version


def flow_of(entry: config.Flow, version: int) -> Flow:
    """A flow with its conditions compiled."""
    conditions = [compile_condition(rule.when) for rule in entry.rules]
    return Flow(
        id=entry.id,
        version=version,
        default=_branch(entry.default),
        rules=tuple(
            Rule(
                holds=condition.holds,
                branch=_branch(rule),
                sees_calendar=condition.sees("calendar"),
            )
            for rule, condition in zip(entry.rules, conditions, strict=True)
        ),
        sees_load=any(condition.sees("load") for condition in conditions),
        sees_appeals=_sees_appeals(entry, conditions),
        sees_surge=any(condition.sees("surge") for condition in conditions),
        sees_policy=any(_sees_policy(condition.text) for condition in conditions),
        self_service=None if entry.self_service is None else entry.self_service.spec(),
        needs={need: dict(skills) for need, skills in entry.needs.items()},
        slow_needs=frozenset(entry.slow_needs),
        slow_age=entry.slow_age,
    )


def _sees_appeals(entry: config.Flow, conditions: Iterable[CelCondition]) -> bool:
    service = entry.self_service
    return (
        any(condition.sees("appeals") for condition in conditions)
        or any(branch.prefer_owner_s > 0 for _, branch in entry.branches())
        or (
            service is not None
            and any(node.kind == "appeal_status" for node in service.nodes.values())
        )
    )


def _sees_policy(condition: str) -> bool:
    """Whether a condition looks at what insurance records may tell; `crm` by itself may be any part of it."""
    paths = sight(condition).literals
    return any(path[0] == "crm" and (len(path) == 1 or path[1] in OF_POLICY) for path in paths)


def _at_work(agent: AgentEntry) -> Mapping[str, int]:
    """An agent's skills, his site as one."""
    return {**agent.skills, **_site(agent.site)}


def _site(site: str | None) -> Mapping[str, int]:
    return {} if site is None else {f"{SITE}{site}": BEST_LEVEL}


def _queue_spec(queue: config.Queue) -> QueueSpec:
    return QueueSpec(
        id=queue.id,
        target_s=queue.target_s,
        max_wait_s=queue.max_wait_s,
        offer_timeout_s=queue.offer_timeout_s,
        ring_timeout_s=queue.ring_timeout_s,
        wrap_up_s=queue.wrap_up_s,
        wrap_up_max_s=queue.wrap_up_max_s,
        max_wait_by_class=dict(queue.max_wait_by_class),
        recipe=tuple(step.spec() for step in queue.recipe),
        min_idle=queue.min_idle,
    )


def _branch(entry: config.Branch) -> Branch:
    return Branch(
        queue=entry.queue,
        skills={**entry.skills, **_site(entry.site)},
        priority=entry.priority,
        prefer_last_agent_s=entry.prefer_last_agent_s,
        prefer_owner_s=entry.prefer_owner_s,
        announcements=dict(entry.announcements),
        callback=entry.callback,
        terms=entry.terms(),
        consent={} if entry.recording is None else dict(entry.recording.consent),
    )
