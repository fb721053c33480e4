"""Who works when. A roster depends on the scenario and the number of agents alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from careline_router.simulation.scenario import DAY_S, Scenario, Shift

GOLDEN = 0.618033988749895
SHIFT_WITH_BREAKS_H = 6.0
BREAKS_H = ((1.25, 1.25, 0.25), (3.25, 1.75, 0.5), (5.9, 1.5, 0.25))
"""A break begins `first + second × phase` hours into the shift and lasts `third` hours; the phase
of the agent, 0 to 1, staggers it."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RosterAgent:
    """An agent: rank by queue (1 best), factor on handle times, and when he is there: seconds from
    the start, ascending and apart."""

    id: str
    ranks: Mapping[str, int]
    speed: float
    intervals: tuple[Interval, ...]


def make_roster(scenario: Scenario, agents: int) -> tuple[RosterAgent, ...]:
    """So many agents, over groups and shifts; their order breaks ties."""
    counts = spread(
        agents,
        [group.share for group in scenario.groups],
        [shift.share for shift in scenario.shifts],
    )
    seats = [
        (group, shift)
        for group, row in enumerate(counts)
        for shift, count in enumerate(row)
        for _ in range(count)
    ]
    speeds = _speeds(scenario, agents)
    in_shift = [0] * len(scenario.shifts)
    roster = []
    for number, (group, shift) in enumerate(seats):
        day = day_intervals(scenario.shifts[shift], in_shift[shift], breaks=scenario.breaks)
        in_shift[shift] += 1
        for outage in scenario.outages:
            if _is_down(number, outage.share):
                day = without(day, (outage.from_h * 3600, outage.to_h * 3600))
        roster.append(
            RosterAgent(
                id=f"{number:05d}",
                ranks=scenario.groups[group].skills,
                speed=speeds[number],
                intervals=_every_day(day, scenario.horizon_s),
            )
        )
    return tuple(roster)


def pooled(roster: Sequence[RosterAgent], queues: Sequence[str]) -> tuple[RosterAgent, ...]:
    """The same agents, each with every queue as his own skill."""
    ranks = dict.fromkeys(queues, 1)
    return tuple(RosterAgent(one.id, ranks, one.speed, one.intervals) for one in roster)


# -- spreading -------------------------------------------------------------------------------------


def largest_remainder(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the shares, summing to `total`; ties go to the first."""
    whole = sum(shares)
    exact = [total * share / whole for share in shares]
    counts = [math.floor(one) for one in exact]
    order = sorted(range(len(shares)), key=lambda i: counts[i] - exact[i])
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


def spread(total: int, rows: Sequence[float], columns: Sequence[float]) -> list[list[int]]:
    """A table of whole numbers near the product of its margins, both by largest remainder.

    Seat by seat, row after row, the column gets it that lacks most of its share of the seats so far:
    so each row is spread over the columns as all are, small rows too.
    """
    by_column = largest_remainder(total, columns)
    given, seats, table = [0] * len(by_column), 0, []
    for count in largest_remainder(total, rows):
        row = [0] * len(by_column)
        for _ in range(count):
            seats += 1
            lacks = [
                share * seats / total - has for share, has in zip(by_column, given, strict=True)
            ]
            column = lacks.index(max(lacks))
            row[column] += 1
            given[column] += 1
        table.append(row)
    return table


def _speeds(scenario: Scenario, agents: int) -> list[float]:
    """Lognormal factors with mean 1 over these agents."""
    chance = Random(f"{scenario.salt} speeds")  # noqa: S311 - no secret
    drawn = [math.exp(scenario.speed_sd * chance.gauss(0, 1)) for _ in range(agents)]
    mean = math.fsum(drawn) / agents
    return [one / mean for one in drawn]


def _is_down(number: int, share: float) -> bool:
    """Whether an outage of this share takes the agent: evenly over the roster, so that every group
    and shift loses its part."""
    return math.floor((number + 1) * share + 1e-9) > math.floor(number * share + 1e-9)


# -- intervals -------------------------------------------------------------------------------------


def day_intervals(shift: Shift, index: int, *, breaks: bool) -> list[Interval]:
    """When the `index`-th agent of a shift is there, in seconds of the day. What goes past midnight
    stands at the start of the day: he came the evening before."""
    start, end = shift.start * 3600, (shift.start + shift.hours) * 3600
    intervals = [(start, end)]
    if breaks and shift.hours >= SHIFT_WITH_BREAKS_H:
        phase = index * GOLDEN % 1
        for first, spread_h, length in BREAKS_H:
            begin = start + (first + spread_h * phase) * 3600
            intervals = without(intervals, (begin, begin + length * 3600))
    within = [(a, min(b, DAY_S)) for a, b in intervals if a < DAY_S]
    wrapped = [(max(a, DAY_S) - DAY_S, b - DAY_S) for a, b in intervals if b > DAY_S]
    return _joined(sorted(within + wrapped))


def without(intervals: Sequence[Interval], hole: Interval) -> list[Interval]:
    """The intervals, less the hole."""
    left = [(a, min(b, hole[0])) for a, b in intervals if a < hole[0]]
    right = [(max(a, hole[1]), b) for a, b in intervals if b > hole[1]]
    return sorted(left + right)


def _every_day(day: Sequence[Interval], horizon_s: float) -> tuple[Interval, ...]:
    """The day's intervals, day after day until the horizon."""
    days = math.ceil(horizon_s / DAY_S)
    every = [(a + n * DAY_S, min(b + n * DAY_S, horizon_s)) for n in range(days) for a, b in day]
    return tuple(_joined([one for one in every if one[0] < horizon_s]))


def _joined(intervals: Sequence[Interval]) -> list[Interval]:
    """Intervals that touch, made one."""
    joined: list[Interval] = []
    for a, b in intervals:
        if joined and a <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return joined
