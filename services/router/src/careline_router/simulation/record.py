"""What is kept of a simulated day: enough to compute every figure from it."""

from dataclasses import dataclass, field
from enum import IntEnum


class Fate(IntEnum):
    """What became of a call. Who still waits when the day ends has abandoned."""

    ABANDONED = 0
    ANSWERED = 1
    CALLED_BACK = 2
    """Took a callback and was reached by it."""
    NOT_REACHED = 3
    """Took a callback and never spoke to anybody."""
    BLOCKED = 4
    """All lines were taken."""


@dataclass(slots=True)
class DayRecord:
    """By place in the list of calls: `fates`, `waits` (seconds to the answer or to giving up; of
    callbacks to accepting one), `agents` (number in the roster, -1 for nobody).

    `busy`: agent, start and end in seconds of each talk, a callback's dialling included.
    """

    fates: list[int]
    waits: list[float]
    agents: list[int]
    busy: list[tuple[int, float, float]] = field(default_factory=list)

    @classmethod
    def empty(cls, calls: int) -> "DayRecord":
        return cls(fates=[Fate.ABANDONED] * calls, waits=[0.0] * calls, agents=[-1] * calls)
