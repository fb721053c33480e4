"""The breaker against an oracle that reads the whole story each time."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.domain.breaker import Breaker, BreakerState, Ending, Pass

pytestmark = pytest.mark.unit

LIMIT, PAUSE = 3, 10.0


@dataclass
class Try:
    """One that was let through: in which state and turn of it, and how it ended."""

    state: BreakerState
    turn: int


@dataclass
class Story:
    """What has happened, as a list; the state is worked out of it anew, in other terms than the
    breaker's: `turns` holds the times at which it opened (a number) or closed (None)."""

    turns: list[float | None]
    since: list[tuple[Try, Ending]]
    out: list[Try]

    def state(self, now: float) -> BreakerState:
        if not self.turns or self.turns[-1] is None:
            return "closed"
        return "open" if now - self.turns[-1] < PAUSE else "half_open"

    def passes(self, now: float) -> bool:
        state = self.state(now)
        here = [each for each in self.out if each.turn == len(self.turns)]
        return state == "closed" or (state == "half_open" and not here)

    def goes(self, now: float) -> None:
        self.out.append(Try(self.state(now), len(self.turns)))

    def ends(self, which: int, ending: Ending, now: float) -> None:
        attempt = self.out.pop(which)
        if attempt.turn != len(self.turns):
            return
        self.since.append((attempt, ending))
        if attempt.state == "half_open":
            if ending != "neither":
                self._turn(now if ending == "ill" else None)
            return
        told = [end for _, end in self.since if end != "neither"]
        if told[-LIMIT:] == ["ill"] * LIMIT:
            self._turn(now)

    def _turn(self, moment: float | None) -> None:
        self.turns.append(moment)
        self.since.clear()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, 4.0, 9.75, 10.0])),
        st.tuples(st.just("go"), st.just(0.0)),
        st.tuples(st.sampled_from(["well", "ill", "ill", "neither"]), st.floats(0, 0.999)),
    ),
    max_size=60,
)


@given(STEPS)
def test_it_does_what_its_whole_story_says(steps: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(limit=LIMIT, pause_s=PAUSE), 100.0
    story, passes = Story([], [], []), list[Pass]()
    for step, value in steps:
        if step == "wait":
            now += value
        elif step == "go":
            assert breaker.lets_pass(now) == story.passes(now)
            breaker, leave = breaker.admit(now)
            assert (leave is not None) == story.passes(now)
            if leave is not None:
                passes.append(leave)
                story.goes(now)
        elif passes:
            which = int(value * len(passes))
            ending: Ending = "well" if step == "well" else "ill" if step == "ill" else "neither"
            breaker = breaker.ended(passes.pop(which), ending, now)
            story.ends(which, ending, now)
        assert breaker.state(now) == story.state(now)


def test_a_late_failure_does_not_make_the_pause_longer() -> None:
    breaker = Breaker(limit=1, pause_s=PAUSE)
    breaker, first = breaker.admit(0)
    breaker, late = breaker.admit(0)
    assert first is not None
    assert late is not None
    breaker = breaker.ended(first, "ill", 0).ended(late, "ill", 9)
    assert breaker.state(10) == "half_open"


def test_a_late_success_does_not_close_it() -> None:
    breaker = Breaker(limit=1, pause_s=PAUSE)
    breaker, first = breaker.admit(0)
    breaker, late = breaker.admit(0)
    assert first is not None
    assert late is not None
    breaker = breaker.ended(first, "ill", 0).ended(late, "well", 1)
    assert breaker.state(1) == "open"
