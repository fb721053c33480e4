"""What a changed configuration makes of a day that has been, before it is published.

As with `careline apply`, entries of the file take the place of those with the same id and the rest
stays. Calls whose line or flow the file names are sent where their flow sends them now, by what was
recorded of them: line, language, the CRM's facts and the time. Of the keys that a caller pressed
(`ivr`) and of his needs (`crm.needs`) nothing is kept, so no condition on these holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from careline_common.config.models import Line
from careline_common.observability.metrics import MetricsRegistry
from careline_router.domain import commands as cmd
from careline_router.floorplan import FloorPlan
from careline_router.intake import Intake
from careline_router.metrics import RouterMetrics
from careline_router.ports import CrmProfile
from careline_router.simulation.past import PastCall, PastDay

PROFILE = frozenset(each.name for each in fields(CrmProfile))


@dataclass(frozen=True, slots=True)
class Changed:
    """The configuration as it would be, and which entries the file names, by section."""

    plan: FloorPlan
    named: Mapping[str, frozenset[str]]

    def names(self, section: str, entry: str) -> bool:
        return entry in self.named.get(section, ())


def with_configuration(day: PastDay, changed: Changed) -> PastDay:
    """The day with what the file names as the file has it, from the day's start on."""
    plan = changed.plan
    queues = {one.id: one for one in plan.queue_specs()}
    named = {name: one for name, one in queues.items() if changed.names("queues", name)}
    agents = {one.id: one for one in plan.agent_specs() if changed.names("agents", one.id)}
    routes = _Routes(day, changed)
    return replace(
        day,
        floor=plan.floor_spec() if changed.names("floor", "floor") else day.floor,
        queues={**queues, **day.queues, **named},
        agent_specs={**day.agent_specs, **agents},
        changes=tuple((at, order, _less(one, changed)) for at, order, one in day.changes),
        calls=tuple(map(routes.anew, day.calls)),
    )


def _less(command: cmd.Command, changed: Changed) -> cmd.Command:
    """What was configured on the day itself, less what the file decides."""
    match command:
        case cmd.ConfigureFloor() if changed.names("floor", "floor"):
            return cmd.Tick()
        case cmd.ConfigureQueues(queues=queues):
            left = tuple(one for one in queues if not changed.names("queues", one.id))
            return cmd.ConfigureQueues(queues=left)
        case cmd.ConfigureAgents(agents=agents):
            kept = tuple(one for one in agents if not changed.names("agents", one.id))
            return cmd.ConfigureAgents(agents=kept)
        case _:
            return command


class _Then:
    """The clock that stood when a call came."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at


class _Routes:
    """Sends calls by the changed flows, in the way in which calls come in."""

    def __init__(self, day: PastDay, changed: Changed) -> None:
        self._changed = changed
        self._origin = day.window.origin
        self._clock = _Then()
        metrics = RouterMetrics(MetricsRegistry("router"))
        self._intake = Intake(clock=self._clock, metrics=metrics)

    def anew(self, call: PastCall) -> PastCall:
        request = call.request
        line = self._line(call)
        if line is None or not isinstance(request, cmd.QueueCall):
            return call
        self._clock.at = self._origin + call.at
        anew = self._intake.destination(
            self._changed.plan, line, call.id, _profile(request), {}, person=request.person
        )
        assert anew is not None  # who came was put through, so the line counts as open
        # nobody knows who would have taken a way out that was not there
        terms = replace(anew.terms, ways_out=())
        return replace(call, request=replace(anew, due_at=request.due_at, terms=terms))

    def _line(self, call: PastCall) -> Line | None:
        """The call's line, when the file names it or its flow."""
        line = self._changed.plan.line(call.line)
        if line is None:
            return None
        names = self._changed.names
        return line if names("lines", line.number) or names("flows", line.flow) else None


def _profile(request: cmd.QueueCall) -> CrmProfile:
    """What the CRM said of the caller, as far as it was kept."""
    kept = {name: value for name, value in request.crm.items() if name in PROFILE}
    return CrmProfile(**{"status": "unknown", "payer": request.payer, **kept})
