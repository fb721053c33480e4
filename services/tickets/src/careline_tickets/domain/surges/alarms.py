"""Alarms of single series, and which of them tell best what happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from math import log

from careline_tickets.domain.surges.series import Key

FEWER = 3.0
"""What an alert more must add to the likelihood's logarithm, to be worth telling."""


@dataclass(slots=True, kw_only=True)
class Alert:
    """A surge; `observed` and `expected` are of the days by which it was found."""

    key: Key
    opened: date
    closed: date | None = None
    observed: int
    expected: float
    window: int
    before: list[Key] = field(default_factory=list)
    """Names that it had before more was known."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A series beyond its limit in one window."""

    key: Key
    window: int
    observed: int
    expected: float
    chance: float
    limit: float

    @property
    def gain(self) -> float:
        """How much likelier the arrivals are with a surge in this series than without (Kulldorff,
        *Communications in Statistics* 26, 1997): the logarithm of the ratio, for Poisson counts."""
        if self.observed <= self.expected:
            return 0.0
        return self.observed * log(self.observed / self.expected) - self.observed + self.expected


def best_told(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Those that tell best what happened, the surest first: an organisation instead of its subjects
    when they all rose, one subject instead of the organisation when the others did not."""
    chosen: list[Alarm] = []
    for alarm in sorted(alarms, key=lambda one: one.key.width):
        parts = [one for one in chosen if alarm.key.meets(one.key) == one.key]
        told_by_parts = sum(part.gain for part in parts) - FEWER * (len(parts) - 1)
        if not parts or alarm.gain > told_by_parts:
            chosen = [one for one in chosen if one not in parts] + [alarm]
    return sorted(chosen, key=lambda one: (-one.gain, one.key.width))
