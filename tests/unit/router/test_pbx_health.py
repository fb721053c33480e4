"""Whether a PBX answers, against the whole of what was heard of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.domain.pbx_health import Patience, PbxHealth

pytestmark = pytest.mark.unit

PATIENCE = Patience(down_after_s=10, up_after_s=5, lost_after_s=60)
BEGIN = 100.0
steps = st.lists(
    st.tuples(
        st.sampled_from((0.0, 1.0, 2.0, 4.0, 9.0, 10.0, 61.0)),
        st.sampled_from(("hear", "hear", "lose", "look", "look")),
    ),
    max_size=40,
)


def by_all_that_was_heard(told: list[tuple[float, str]], now: float, before: str) -> str:
    """The same, from the beginning: when it was last heard, and since when without a gap."""
    heard = [BEGIN, *(at for at, what in told if what == "hear")]
    silent = now - heard[-1] >= 10
    if before == "up":
        return "down" if silent else "up"
    lost_at = max((n for n, (_, what) in enumerate(told) if what == "lose"), default=-1)
    run: list[float] = []
    for at, what in told[lost_at + 1 :]:
        if what == "hear":
            run = [] if run and at - run[-1] >= 10 else run
            run = [*run, at]
    return "up" if run and run[-1] - run[0] >= 5 and not silent else "down"


@given(steps)
def test_it_is_down_after_a_silence_and_up_only_after_it_was_heard_for_a_while(
    told: list[tuple[float, str]],
) -> None:
    health, now, state = PbxHealth(BEGIN), BEGIN, "up"
    happened: list[tuple[float, str]] = []
    for wait, what in told:
        now += wait
        if what == "hear":
            health.hear(now, PATIENCE)
        elif what == "lose":
            health.lose()
        else:
            expected = by_all_that_was_heard(happened, now, state)
            state = health.state(now, PATIENCE, before=state)  # type: ignore[arg-type]
            assert state == expected
        happened.append((now, what))


def test_one_that_comes_and_goes_is_counted_down_once() -> None:
    """Fails when a single sign of life is enough to be up again."""
    health, now, states = PbxHealth(BEGIN), BEGIN, ["up"]
    for _ in range(20):
        for silence in (3.0, 11.0):
            now += silence
            state = health.state(now, PATIENCE, before=states[-1])  # type: ignore[arg-type]
            states += [] if state == states[-1] else [state]
        health.hear(now, PATIENCE)
    assert states == ["up", "down"]


def test_its_calls_are_lost_after_a_longer_silence_or_never() -> None:
    health = PbxHealth(BEGIN)
    assert not health.lost(BEGIN + 59, PATIENCE)
    assert health.lost(BEGIN + 60, PATIENCE)
    forever = Patience(down_after_s=10, up_after_s=5, lost_after_s=None)
    assert not health.lost(BEGIN + 1e9, forever)
