"""A flow tried before it is published: one call, explained; and a day that has been."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import ValidationError

from careline_common.clock import Clock
from careline_common.config.calendar import zone_of
from careline_common.config.entries import Configuration, Entry
from careline_common.config.models import Line
from careline_common.config.store import ConfigStore
from careline_common.db.engine import Database
from careline_common.http.problem import Conflict, InvalidInput, NotFound, invalid
from careline_router.adapters.cel_conditions import CelCondition, compile_condition
from careline_router.config import SECTIONS, Flow
from careline_router.db.past import days, read_past
from careline_router.domain.conditions import sight
from careline_router.domain.flows import Branch, preferred_agent, priority_of
from careline_router.domain.flows import Flow as DomainFlow
from careline_router.domain.prompts import prompt_in
from careline_router.domain.self_service import Caller, Step, Walk
from careline_router.domain.specs import QueueSpec
from careline_router.domain.terms import due_after, recipe_of, target_of
from careline_router.domain.words import LineState
from careline_router.floorplan import FloorPlan, flow_of
from careline_router.intake import NO_APPEALS, NO_SURGES, facts_of, hears_of
from careline_router.ports import Appeals, CrmProfile, Surges
from careline_router.runtime.codec import decode
from careline_router.runtime.floor_actor import FLOOR
from careline_router.simulation.drawing import NothingHandledError
from careline_router.simulation.history import read_day
from careline_router.simulation.past import LEAD_S, READ_ON_S, Window
from careline_router.simulation.policies import CONTENDERS
from careline_router.simulation.rerouting import Changed

NOBODY = CrmProfile(status="unknown", reason="not_configured")


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedCall:
    """A call as it is made up for a dry run; what is None is taken from the line, or is now."""

    line: str | None = None
    language: str | None = None
    at: datetime | None = None
    opening: LineState | None = None
    profile: CrmProfile = NOBODY
    ivr: Mapping[str, Any] = field(default_factory=dict)
    load: Mapping[str, Any] = field(default_factory=dict)
    keys: Sequence[str] = ()
    """What the caller presses, one text for each time that he is asked; an empty one is silence."""
    appeals: Appeals = NO_APPEALS
    surges: Surges = NO_SURGES


class FlowTrials:
    """Dry runs and simulations. They change nothing and ask no CRM."""

    def __init__(self, *, store: ConfigStore, database: Database, clock: Clock) -> None:
        self._store = store
        self._database = database
        self._clock = clock
        self._simulating = asyncio.Lock()

    def dry_run(self, flow: Flow, call: TriedCall) -> dict[str, Any]:
        """Where a call would go, and why: every condition asked, its parts, what they saw."""
        plan = FloorPlan.of(self._store.current)
        line = self._line(plan, flow, call)
        at = call.at or self._clock.now()
        opening = call.opening or _opening(plan, line, at)
        compiled = flow_of(flow, 0)
        path: list[dict[str, Any]] = []
        step = _served(compiled, call, line, at, opening)
        facts = facts_of(
            line,
            call.profile,
            {**call.ivr, **step.inputs},
            at=at,
            opening=opening,
            load=call.load,
            appeals=call.appeals,
            surges=call.surges,
        )
        path += [{"path": f"self_service.nodes.{node}", "input": what} for node, what in step.path]
        if step.end != "human":
            return {"facts": facts, "path": path, **_still_served(step)}
        branch: Branch | None = None
        for place, rule in enumerate(compiled.rules):
            asked = opening == "open" or rule.sees_calendar
            text = flow.rules[place].when
            holds = asked and rule.holds(facts)
            path.append({"path": f"rules[{place}]", **_seen(text, facts, asked=asked, holds=holds)})
            if holds:
                branch = rule.branch
                break
        if branch is None and opening == "open":
            branch = compiled.default
            path.append({"path": "default", "holds": True, "why": "no rule before it holds"})
        facts["time"]["at"] = at
        hears = hears_of(compiled, line, call.profile, at)
        to = _destination(branch, line, call.profile, opening, hears)
        if branch is not None:
            to["skills"] = compiled.skills_for(branch, call.profile.needs)
            to |= _terms(branch, plan.queue_spec(branch.queue), hears)
        return {"facts": facts, "path": path, "media": list(step.media), **to}

    def _line(self, plan: FloorPlan, flow: Flow, call: TriedCall) -> Line:
        """The line that was called: the one named, else the first of the flow, else one that is made up."""
        if call.line is not None:
            found = plan.line(call.line)
            if found is None:
                raise invalid("line", f"there is no line {call.line!r}")
        else:
            own = (line for line in plan.lines.values() if line.flow == flow.id)
            found = next(own, Line.model_construct(number="", flow=flow.id))
        return (
            found if call.language is None else found.model_copy(update={"language": call.language})
        )

    async def simulate(
        self, flow: Flow, *, day: date | None, zone: str, policies: Sequence[str]
    ) -> dict[str, Any]:
        """A past day (yesterday, when none is named) with this flow in place of its own, beside itself.

        404 `no-such-day` when nobody called then, 409 `simulating` while another day is being played.
        """
        unknown = [name for name in policies if name not in CONTENDERS]
        if unknown:
            raise invalid("policies", f"no policy {unknown[0]!r}: {', '.join(CONTENDERS)}")
        if self._simulating.locked():
            raise Conflict("another simulation is under way: ask again later", type="simulating")
        local = zone_of(zone)
        day = day or (self._clock.now().astimezone(local) - timedelta(days=1)).date()
        begins = datetime.combine(day, time(), local)
        window = Window(
            begins.timestamp(), datetime.combine(day + timedelta(days=1), time(), local).timestamp()
        )
        async with self._simulating:
            rows = await self._rows(window, zone, day)
            report = await asyncio.to_thread(
                _played, rows, window, tuple(policies), self._changed(flow)
            )
        return {
            "day": day.isoformat(),
            "from": begins.astimezone(UTC),
            "to": datetime.fromtimestamp(window.until, UTC),
            **report,
        }

    async def _rows(self, window: Window, zone: str, day: date) -> list[tuple[str, str]]:
        since, until = window.since - LEAD_S, window.until + READ_ON_S
        async with self._database.read() as connection:
            known = await days(connection, FLOOR, zone)
            if all(each.day != day for each in known):
                last = ", ".join(str(each.day) for each in known[-10:]) or "none"
                raise NotFound(
                    f"nobody called on {day}; the journal has {last}", type="no-such-day"
                )
            return [row async for row in read_past(connection, FLOOR, since=since, until=until)]

    def _changed(self, flow: Flow) -> Changed:
        current = self._store.current
        kept = [entry for section in SECTIONS for entry in current.entries(section.name)]
        return Changed(
            plan=FloorPlan.of(Configuration([*kept, Entry("flows", flow.id, flow, 0)])),
            named={"flows": frozenset({flow.id})},
        )


def _played(
    rows: list[tuple[str, str]], window: Window, policies: tuple[str, ...], changed: Changed
) -> dict[str, Any]:
    """In a thread: it takes seconds, and the floor goes on meanwhile. NumPy and SciPy are loaded here and not
    at every start of a router."""
    from careline_router.simulation.replay_report import Question, answer

    try:
        past, was = read_day((decode(kind, data) for kind, data in rows), window)
        return answer(past, was, Question(policies=policies, changed=changed)).report
    except NothingHandledError as error:
        raise Conflict(
            "nobody was answered on that day, so there is nothing to play it from",
            type="nothing-handled",
        ) from error
    except (KeyError, ValidationError) as error:
        raise InvalidInput(
            "the journal of that day was written by another version", type="unreadable-day"
        ) from error


def _served(
    flow: DomainFlow, call: TriedCall, line: Line, at: datetime, opening: LineState
) -> Step:
    """The caller through the self-service, as far as his keys reach."""
    service, profile = flow.self_service, call.profile
    needs, age = frozenset(profile.needs), profile.age(at.date())
    if service is None or opening == "emergency" or service.skips(needs, age):
        return Step(end="human")
    caller = Caller(
        hears=hears_of(flow, line, profile, at),
        opening=opening,
        appeal=call.appeals.last,
        checks=profile.checks(),
    )
    step = Walk(service, caller).enter()
    inputs, way = dict(step.inputs), step.path
    for keys in call.keys:
        if step.at is None:
            break
        walk = Walk(service, caller)
        step = walk.press(step.at, keys) if keys else walk.silence(step.at)
        inputs |= step.inputs
        way += step.path
    return replace(step, inputs=inputs, path=way)


def _still_served(step: Step) -> dict[str, Any]:
    """He is asked something, or needs nobody."""
    return {
        "action": "asks" if step.at is not None else step.end,
        "node": None if step.at is None else step.at.node,
        "queue": None,
        "media": list(step.media),
        "endpoint": step.endpoint,
    }


def _terms(branch: Branch, queue: QueueSpec, hears: str | None) -> dict[str, Any]:
    """What holds for the call while it waits and after: its branch's, else its queue's."""
    terms, priority = branch.terms, branch.priority or "insured"
    consent = prompt_in(branch.consent, hears)
    return {
        "target_s": target_of(terms, queue),
        "wrap_up_s": queue.wrap_up_s if terms.wrap_up_s is None else terms.wrap_up_s,
        "recipe": [asdict(step) for step in recipe_of(terms, queue)],
        "survey": terms.survey,
        "recording": {"on": terms.records, "consent": consent, "refuse_key": terms.refuse_key},
        "ways_out": [
            {
                "to": way.to,
                "after_s": due_after(way, queue, priority),
                "key": way.key,
                "endpoint": way.endpoint,
                "media": prompt_in(way.media, hears),
            }
            for way in terms.ways_out
        ],
    }


def _opening(plan: FloorPlan, line: Line, at: datetime) -> LineState:
    calendar = plan.calendars.get(line.calendar or "")
    return "open" if calendar is None else calendar.opening(at)


def _seen(text: str, facts: Mapping[str, Any], *, asked: bool, holds: bool) -> dict[str, Any]:
    """A condition as it was asked."""
    if not asked:
        why = "not asked: the line is not open, and it does not look at calendar.state"
        return {"when": text, "holds": False, "why": why, "parts": []}
    condition = compile_condition(text)
    return {
        "when": text,
        "holds": holds,
        "why": _why(condition, facts),
        "parts": [
            {"when": part.text, "holds": part.holds(facts), "why": _why(part, facts)}
            for part in condition.parts()
        ],
    }


def _why(condition: CelCondition, facts: Mapping[str, Any]) -> str:
    """What a condition saw of the call."""
    return ", ".join(
        f"{'.'.join(path)} is {_shown(facts, path)}" for path in sight(condition.text).literals
    )


def _shown(facts: Mapping[str, Any], path: Sequence[str]) -> str:
    value: Any = facts
    for word in path:
        if not isinstance(value, Mapping) or word not in value:
            return "not there"
        value = value[word]
    return repr(value)


def _destination(
    branch: Branch | None,
    line: Line,
    profile: CrmProfile,
    opening: LineState,
    hears: str | None,
) -> dict[str, Any]:
    if branch is None:
        return {
            "action": "closed",
            "queue": None,
            "announcement": None
            if opening == "open"
            else prompt_in(line.announcements.get(opening, {}), hears),
        }
    agent, seconds = preferred_agent(branch, owner=profile.owner, last_agent=profile.last_agent)
    return {
        "action": "queue",
        "queue": branch.queue,
        "skills": dict(branch.skills),
        "priority": priority_of(branch, profile.payer),
        "announcement": prompt_in(branch.announcements, hears),
        "callback": branch.callback,
        "preferred": None if agent is None else {"agent": agent, "for_s": seconds},
    }
