"""When each event of a history arrives: late, repeated, overtaken, or long after all the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from event_order.histories import Fact, Names, Story, day

LONG_LOST = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """The fact with this index happens (`delivered` False), or its event arrives once more."""

    at: int
    delivered: bool
    fact: int


@dataclass(frozen=True, slots=True)
class History:
    """Stories told at the same time, and for each of their facts how late its copies arrive."""

    told: Sequence[Story]
    turns: Sequence[int]
    """Which story goes on next; when they run out, the rest follows story by story."""
    delays: Sequence[Sequence[int]]
    batch: int
    """At most so many messages reach a consumer at once when the delivery is disturbed."""

    def facts(self, names: Names) -> list[Fact]:
        left = [story(names, number) for number, story in enumerate(self.told)]
        going_on = (left[turn % len(left)] for turn in self.turns)
        facts = [story.pop(0) for story in going_on if story]
        return facts + [fact for rest in left for fact in rest]

    def in_order(self, count: int) -> list[Step]:
        """Each event arrives once, as soon as it has happened."""
        return self._steps([[0]] * count)

    def disturbed(self, count: int) -> list[Step]:
        given = len(self.delays)
        return self._steps([self.delays[fact % given] for fact in range(count)])

    def _steps(self, delays: Sequence[Sequence[int]]) -> list[Step]:
        steps = []
        for fact, copies in enumerate(delays):
            steps.append(Step(fact, False, fact))
            steps += [Step(fact + late, True, fact) for late in copies]
        return sorted(steps, key=lambda step: (step.at, step.delivered, step.fact))


_late = st.integers(0, 20) | st.just(LONG_LOST)


@st.composite
def histories(draw: st.DrawFn) -> History:
    told = draw(day)
    turns = draw(st.lists(st.integers(0, len(told) - 1), max_size=40))
    delays = draw(st.lists(st.lists(_late, min_size=1, max_size=3), min_size=8, max_size=24))
    return History(told, turns, delays, draw(st.integers(1, 5)))
