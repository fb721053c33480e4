"""What a day's record says, in percent and seconds. A figure of nothing is not a number (NaN)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from careline_router.simulation.calls import Call
from careline_router.simulation.record import DayRecord, Fate
from careline_router.simulation.roster import RosterAgent
from careline_router.simulation.scenario import DAY_S, SLOT_S, SLOTS_A_DAY, Scenario

ROUNDING_S = 1e-6
"""An answer at the target is in time, however its moment was rounded."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a number of calls were answered in time."""

    in_time: int
    calls: int

    @property
    def pct(self) -> float:
        return _pct(self.in_time, self.calls)


@dataclass(frozen=True, slots=True)
class HalfHours:
    """Inbound calls by the half hour of the day in which they came: how many, how many of them
    answered in time, how many answered or abandoned, and the sum of these calls' waits in seconds."""

    calls: tuple[int, ...]
    in_time: tuple[int, ...]
    waits: tuple[int, ...]
    waited_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day under one policy. `sl20`: answered within 20 s; `lcr`: abandoned, and callbacks that
    reached nobody; both of all inbound calls offered. Blocked calls never came in and are not
    offered; `blocked` is their share of the calls that were made. `p95` and `p99` are of the waits
    of answered and abandoned calls, `asa` of answered ones."""

    sl20: float
    lcr: float
    asa: float
    p95: float
    p99: float
    occupancy: float
    blocked: float
    callbacks: float
    by_class: dict[str, Share] = field(default_factory=dict)
    by_queue: dict[str, Share] = field(default_factory=dict)
    half_hours: HalfHours = field(default_factory=lambda: HalfHours((), (), (), ()))


def day_figures(
    scenario: Scenario,
    calls: Sequence[Call],
    roster: Sequence[RosterAgent],
    record: DayRecord,
    *,
    warm_up_s: float = 0.0,
) -> DayFigures:
    """The figures of a record. Calls of the first `warm_up_s` seconds count in none of them, except
    in the occupancy, which is of the whole day."""
    arrived = np.array([call[0] for call in calls])
    index = np.array([call[1] for call in calls], dtype=np.intp)
    fates, waits = np.array(record.fates, dtype=np.intp), np.array(record.waits)
    counted = arrived >= warm_up_s
    offered = counted & (fates != Fate.BLOCKED)
    targets = np.array([one.target_s for one in scenario.classes])
    inbound = offered & ~np.array([one.queue.deferrable for one in scenario.classes])[index]
    answered = fates == Fate.ANSWERED
    in_time = answered & (waits <= targets[index] + ROUNDING_S)
    has_wait = inbound & (answered | (fates == Fate.ABANDONED))
    lost = (fates == Fate.ABANDONED) | (fates == Fate.NOT_REACHED)
    called_back = (fates == Fate.CALLED_BACK) | (fates == Fate.NOT_REACHED)
    return DayFigures(
        sl20=_part(in_time, inbound),
        lcr=_part(lost, inbound),
        asa=_mean(waits[inbound & answered]),
        p95=_percentile(waits[has_wait], 95),
        p99=_percentile(waits[has_wait], 99),
        occupancy=occupancy_pct(roster, record),
        blocked=_part(fates == Fate.BLOCKED, counted),
        callbacks=_part(called_back, inbound),
        by_class=_by_class(scenario, index, in_time, offered),
        by_queue=_by_queue(scenario, index, in_time, offered),
        half_hours=_half_hours(arrived, waits, inbound, in_time, has_wait),
    )


def occupancy_pct(roster: Sequence[RosterAgent], record: DayRecord) -> float:
    """Busy time of all agents / their time at work. Whoever talks beyond his interval is at work."""
    planned = sum(end - start for agent in roster for start, end in agent.intervals)
    if not record.busy:
        return 0.0 if planned else np.nan
    busy = np.array(record.busy)
    numbers, starts, ends = busy[:, 0], busy[:, 1], busy[:, 2]
    length = float((ends - starts).sum())
    # One axis for all agents, a stretch longer than any day's end for each; the planned time before a
    # point of it is piecewise linear, so the planned part of a talk is a difference of two look-ups.
    stretch = max(float(ends.max()), *(b for one in roster for _, b in one.intervals))
    bounds = np.array(
        [n * stretch + at for n, one in enumerate(roster) for span in one.intervals for at in span]
    )
    spans = bounds.reshape(-1, 2)
    lengths = spans[:, 1] - spans[:, 0]
    before = np.repeat(np.cumsum(lengths), 2)
    before[0::2] -= lengths
    within = np.interp(numbers * stretch + ends, bounds, before) - np.interp(
        numbers * stretch + starts, bounds, before
    )
    return 100 * length / (planned + length - float(within.sum()))


def _by_class(
    scenario: Scenario, index: NDArray[np.intp], in_time: Flags, offered: Flags
) -> dict[str, Share]:
    """By `queue/payer`; work that waits counts as in time within its own target."""
    size = len(scenario.classes)
    good = np.bincount(index[in_time & offered], minlength=size)
    every = np.bincount(index[offered], minlength=size)
    return {one.name: Share(int(good[i]), int(every[i])) for i, one in enumerate(scenario.classes)}


def _by_queue(
    scenario: Scenario, index: NDArray[np.intp], in_time: Flags, offered: Flags
) -> dict[str, Share]:
    by_class = _by_class(scenario, index, in_time, offered)
    return {
        queue.name: Share(
            sum(by_class[one.name].in_time for one in scenario.classes if one.queue is queue),
            sum(by_class[one.name].calls for one in scenario.classes if one.queue is queue),
        )
        for queue in scenario.queues
    }


def _half_hours(
    arrived: Floats, waits: Floats, inbound: Flags, in_time: Flags, has_wait: Flags
) -> HalfHours:
    slots = (arrived % DAY_S // SLOT_S).astype(np.intp)

    def counts(of: Flags) -> tuple[int, ...]:
        return tuple(np.bincount(slots[of], minlength=SLOTS_A_DAY).tolist())

    waited = np.bincount(slots[has_wait], weights=waits[has_wait], minlength=SLOTS_A_DAY)
    return HalfHours(
        calls=counts(inbound),
        in_time=counts(inbound & in_time),
        waits=counts(has_wait),
        waited_s=tuple(waited.tolist()),
    )


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


def _percentile(values: Floats, percent: float) -> float:
    """Between two values by a straight line."""
    return float(np.percentile(values, percent)) if values.size else float("nan")


def _part(of: Flags, whole: Flags) -> float:
    return _pct(int((of & whole).sum()), int(whole.sum()))


def _pct(part: int, whole: int) -> float:
    return 100 * part / whole if whole else float("nan")
