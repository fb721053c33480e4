"""A simulated day as the router would have kept it: the floor's events as rows of its journal."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.runtime.codec import decode, encode
from careline_router.simulation.calls import Call
from careline_router.simulation.past import Window
from careline_router.simulation.policies import CONTENDERS
from careline_router.simulation.record import DayRecord
from careline_router.simulation.roster import RosterAgent
from careline_router.simulation.runner import Conduct, _Day
from careline_router.simulation.scenario import DAY_S, Scenario

MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC).timestamp()
WINDOW = Window(MIDNIGHT, MIDNIGHT + DAY_S)
Row = tuple[str, str]


class _Kept(Floor):
    """A floor whose events are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[ev.Event] = []

    def _emit(self, event: ev.Event) -> None:
        super()._emit(event)
        self.events.append(event)


def lived(
    scenario: Scenario,
    calls: Sequence[Call],
    roster: Sequence[RosterAgent],
    policy: str,
    *,
    conduct: Conduct | None = None,
) -> tuple[DayRecord, list[Row]]:
    """The record of the day, and the kind and data of its journal's rows."""
    day, floor = _Day(scenario, calls, roster, conduct=conduct or Conduct(), seed=1), _Kept()
    day._floor = floor
    day.open(CONTENDERS[policy], 1)
    day.play()
    return day.record, [encode(_at_midnight(event)) for event in floor.events]


def events(rows: Sequence[Row]) -> list[ev.Event]:
    return [decode(kind, data) for kind, data in rows]


def _at_midnight(event: ev.Event) -> ev.Event:
    """The event on the 25th of November; what else is a moment in it moves along."""
    moments = {"at": event.at + MIDNIGHT}
    for name in ("deadline", "until", "promise_due", "place", "not_before"):
        value = getattr(event, name, None)
        if value is not None:
            moments[name] = value + MIDNIGHT
    return replace(event, **moments)
