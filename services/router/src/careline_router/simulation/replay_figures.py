"""What replays of a day say beside the day itself, in percent and seconds; None: of nothing.

The service level is that of each queue's own target as it was on the day. Lost are those who gave up
and those whom a callback never reached; all figures are of the calls that came within the window.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from careline_router.domain.specs import QueueSpec
from careline_router.simulation.comparison import DECIMALS
from careline_router.simulation.figures import ROUNDING_S, HalfHours, occupancy_pct
from careline_router.simulation.past import PastCall, PastDay, Window
from careline_router.simulation.record import DayRecord, Fate
from careline_router.simulation.roster import Interval, RosterAgent
from careline_router.simulation.scenario import DAY_S, SLOT_S, SLOTS_A_DAY

LOST = frozenset({Fate.ABANDONED, Fate.NOT_REACHED})
TAKEN_BACK = frozenset({Fate.CALLED_BACK, Fate.NOT_REACHED})
FIGURES = ("sl", "lcr", "asa", "p95", "p99", "callbacks", "occupancy")

Figures = dict[str, Any]
Outcome = tuple[PastCall, int, float]
"""A call, its fate and its wait."""


def figures(day: PastDay, record: DayRecord, targets: Mapping[str, QueueSpec]) -> Figures:
    """Of all inbound calls of the day, and of each queue's under `by_queue`."""
    outcomes = _inbound(day, record)
    by_queue: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_queue.setdefault(outcome[0].request.queue, []).append(outcome)
    return {
        **_of_calls(outcomes, targets),
        "occupancy": _or_none(_occupancy(day, record)),
        "by_queue": {name: _of_calls(by_queue[name], targets) for name in sorted(by_queue)},
    }


def difference(one: Figures, other: Figures) -> Figures:
    """What `one` has more than `other`, figure by figure."""
    return {
        name: None
        if one.get(name) is None or other.get(name) is None
        else round(one[name] - other[name], DECIMALS) + 0.0
        for name in FIGURES
    }


def half_hours(
    day: PastDay, record: DayRecord, targets: Mapping[str, QueueSpec], *, utc_offset_s: float
) -> HalfHours:
    """By the half hour of the local day in which the calls came."""
    calls, in_time, waits = ([0] * SLOTS_A_DAY for _ in range(3))
    waited_s = [0.0] * SLOTS_A_DAY
    for outcome in _inbound(day, record):
        call, fate, wait = outcome
        slot = int((call.at + utc_offset_s) % DAY_S // SLOT_S)
        calls[slot] += 1
        in_time[slot] += _in_time(outcome, targets)
        if fate not in TAKEN_BACK:
            waits[slot] += 1
            waited_s[slot] += wait
    return HalfHours(
        calls=tuple(calls), in_time=tuple(in_time), waits=tuple(waits), waited_s=tuple(waited_s)
    )


def _inbound(day: PastDay, record: DayRecord) -> list[Outcome]:
    return [
        (call, fate, wait)
        for call, fate, wait in zip(day.calls, record.fates, record.waits, strict=True)
        if call.inbound and day.counts(call)
    ]


def _of_calls(outcomes: Sequence[Outcome], targets: Mapping[str, QueueSpec]) -> Figures:
    answered = [wait for _, fate, wait in outcomes if fate == Fate.ANSWERED]
    waited = [wait for _, fate, wait in outcomes if fate not in TAKEN_BACK]
    every = len(outcomes)
    return {
        "calls": every,
        "sl": _pct(sum(_in_time(one, targets) for one in outcomes), every),
        "lcr": _pct(sum(fate in LOST for _, fate, _ in outcomes), every),
        "asa": _or_none(float(np.mean(answered))) if answered else None,
        "p95": _or_none(float(np.percentile(waited, 95))) if waited else None,
        "p99": _or_none(float(np.percentile(waited, 99))) if waited else None,
        "callbacks": _pct(sum(fate in TAKEN_BACK for _, fate, _ in outcomes), every),
    }


def _in_time(outcome: Outcome, targets: Mapping[str, QueueSpec]) -> bool:
    call, fate, wait = outcome
    target_s = targets[call.request.queue].target_of(call.request.priority)
    return fate == Fate.ANSWERED and wait <= target_s + ROUNDING_S


def _occupancy(day: PastDay, record: DayRecord) -> float:
    """Within the window; an agent's wrap-up is work."""
    window = day.window
    roster = [
        RosterAgent(agent.id, {}, 1.0, tuple(_within(window, agent.presence)))
        for agent in day.agents
    ]
    if not any(agent.intervals for agent in roster):
        return math.nan
    clipped = DayRecord.empty(0)
    clipped.busy = [
        (agent, *span)
        for agent, start, end in record.busy
        for span in _within(window, [(start, end)])
    ]
    return occupancy_pct(roster, clipped)


def _within(window: Window, intervals: Sequence[Interval]) -> list[Interval]:
    clipped = [(max(a, window.start), min(b, window.end)) for a, b in intervals]
    return [(a, b) for a, b in clipped if a < b]


def _pct(part: int, whole: int) -> float | None:
    return _or_none(100 * part / whole) if whole else None


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DECIMALS) + 0.0
