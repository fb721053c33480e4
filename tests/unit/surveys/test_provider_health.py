"""When messages leave a provider, and when they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain.health import (
    FIRST_PAUSE_S,
    FIRST_REST_S,
    LEAST,
    LONGEST_PAUSE_S,
    STRIKES,
    TRIAL,
    Breaker,
    Deliveries,
    DeliveryWatch,
)

pytestmark = pytest.mark.unit


@given(st.lists(st.booleans(), max_size=60))
def test_it_opens_after_so_many_bad_answers_in_a_row_and_not_before(answers) -> None:
    breaker = Breaker()
    run = 0
    for well in answers:
        breaker.note(well=well, now=0.0)
        run = 0 if well else run + 1
        assert breaker.tripped == (run >= STRIKES)
        assert breaker.closed(0.0) == (run < STRIKES)


def test_each_trial_that_fails_makes_the_pause_longer_up_to_an_end() -> None:
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(STRIKES):
        breaker.note(well=False, now=now)
    for _ in range(8):
        start = now
        while not breaker.closed(now):
            now += 1.0
        pauses.append(now - start)
        breaker.note(well=False, now=now)
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    breaker.note(well=True, now=now)
    assert breaker.closed(now)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.floats(1, 100))
def test_it_rests_exactly_when_enough_is_measured_and_the_share_is_too_small(
    delivered, failed, silent, least
) -> None:
    watch = DeliveryWatch(least)
    measured = Deliveries(delivered, delivered + failed, delivered + failed + silent)
    watch.judge(measured, 0.0)
    enough = measured.all >= LEAST and measured.told > 0
    assert watch.takes(0.0) == (not enough or 100 * delivered / measured.all >= least)


def test_after_a_rest_it_gets_so_many_messages_and_waits_to_be_judged() -> None:
    watch = DeliveryWatch(50)
    watch.judge(Deliveries(0, 20, 20), 0.0)
    assert not watch.takes(FIRST_REST_S - 1)
    assert watch.takes(FIRST_REST_S)
    assert (watch.most(), watch.since) == (TRIAL, FIRST_REST_S)
    watch.handed(TRIAL)
    assert not watch.takes(FIRST_REST_S + 1)
    watch.judge(Deliveries(0, 0, TRIAL), FIRST_REST_S + 700)  # silence is no proof that it delivers
    assert not watch.takes(FIRST_REST_S + 700)
    again = 3 * FIRST_REST_S + 700
    assert watch.takes(again)
    watch.judge(Deliveries(TRIAL, TRIAL, TRIAL), again + 60)
    assert watch.takes(again + 60)
    assert (watch.most(), watch.since) == (None, again)


def test_a_trial_whose_messages_never_come_to_an_end_is_tried_anew() -> None:
    watch = DeliveryWatch(50)
    watch.judge(Deliveries(0, 20, 20), 1.0)
    assert watch.takes(FIRST_REST_S + 1)
    watch.handed(TRIAL)
    assert watch.takes(FIRST_REST_S + 1 + 7201)


def test_zero_percent_turns_the_watch_off() -> None:
    watch = DeliveryWatch(0)
    watch.judge(Deliveries(0, 50, 50), 0.0)
    assert watch.takes(0.0)
