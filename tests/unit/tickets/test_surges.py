"""Bursts are found in two days, and quiet series stay quiet, in simulated journals."""

import random
from datetime import date, timedelta

import pytest
from arrivals import HOLIDAYS, START, Days, World, arrivals, poisson, rates, with_burst
from hypothesis import given
from hypothesis import strategies as st

from careline_tickets.domain.surges.alarms import Alert
from careline_tickets.domain.surges.series import Key
from careline_tickets.domain.surges.watch import Watch

pytestmark = pytest.mark.unit

CELL = Key("h0", "refusal", "46")


def watched(
    days: Days, *, since: date = START, known: dict[Key, date] | None = None
) -> list[Alert]:
    return Watch(days, since=since, quiet=HOLIDAYS, known=known).run(max(days))


def steady(mean: float, days: int, seed: int = 1, key: Key = CELL) -> Days:
    rng = random.Random(seed)
    return {START + timedelta(days=n): {key: poisson(rng, mean)} for n in range(days)}


def joined(*parts: Days) -> Days:
    out: Days = {}
    for part in parts:
        for day, cells in part.items():
            out[day] = {**out.get(day, {}), **cells}
    return out


def test_a_year_of_many_quiet_series_brings_no_alert() -> None:
    world = World(organisations=8, days=200)
    for seed in range(2):
        rng = random.Random(seed)
        assert watched(arrivals(world, rates(world, rng), rng)) == []


@pytest.mark.parametrize(("size", "mean"), [(2, 40.0), (3, 10.0), (5, 4.0)])
def test_a_burst_is_found_by_its_second_day_and_closes_by_itself(size: int, mean: float) -> None:
    first = START + timedelta(days=70)
    for seed in range(8):
        days = with_burst(steady(mean, 100, seed), CELL, first, 5, size)
        (alert,) = watched(days)
        assert alert.key == CELL
        assert first <= alert.opened <= first + timedelta(days=1)
        assert alert.closed is not None
        assert alert.closed <= first + timedelta(days=5 + 4)
        assert alert.observed > 1.5 * alert.expected


def test_a_burst_that_begins_at_a_weekend_is_found_by_its_second_day() -> None:
    """Fails when a dense series is charged for the clumping of sparse ones, which a quiet day makes large."""
    world = World(organisations=6, subjects=2, mean=30.0, variation=0.02, days=130)
    rng = random.Random(11)
    days = arrivals(world, dict.fromkeys(rates(world, rng), 30.0), rng)
    saturday = START + timedelta(days=12 * 7 + 5)
    cell = Key("h1", "s0", "t1")
    (alert,) = watched(with_burst(days, cell, saturday, 5, 5))
    assert alert.key == cell
    assert (alert.opened - saturday).days <= 1


def test_the_alert_names_the_organisation_that_the_burst_is_about_and_no_second_one() -> None:
    cells = [
        steady(6, 100, seed=10 * org + sub, key=Key(f"h{org}", f"s{sub}", f"t{org % 2}"))
        for org in range(4)
        for sub in range(3)
    ]
    first = START + timedelta(days=80)
    whole = Key("h1", None, "t1")
    (alert,) = watched(with_burst(joined(*cells), whole, first, 4, 4))
    assert alert.key == whole
    part = Key("h1", "s2", "t1")
    (alert,) = watched(with_burst(joined(*cells), part, first, 4, 5))
    assert alert.key == part


def test_two_bursts_at_once_are_two_alerts() -> None:
    cells = [steady(8, 100, seed=n, key=Key(f"h{n}", "s", "t")) for n in range(6)]
    first = START + timedelta(days=80)
    days = with_burst(joined(*cells), Key("h1"), first, 4, 4)
    days = with_burst(days, Key("h4"), first, 4, 4)
    assert {alert.key.organisation for alert in watched(days)} == {"h1", "h4"}


def test_a_new_organisation_is_no_surge_neither_by_itself_nor_in_the_whole() -> None:
    old = [steady(10, 160, seed=n, key=Key(f"h{n}", "s", "t")) for n in range(2)]
    new = {
        day: cells
        for day, cells in steady(30, 160, seed=9, key=Key("new", "s", "t")).items()
        if day >= START + timedelta(days=70)
    }
    assert watched(joined(*old, new)) == []


def with_pile(days: Days, at: int, more: int) -> Days:
    """The same with letters that were entered on one day between two usual ones."""
    before, day, after = (START + timedelta(days=at + each) for each in (-1, 0, 1))
    usual = sum(cells.get(CELL, 0) for cells in days.values()) // len(days)
    return {**days, before: {CELL: usual}, day: {CELL: usual + more}, after: {CELL: usual}}


def test_a_pile_of_letters_is_an_alert_at_most_once() -> None:
    """Fails when a journal does not remember that single days jump in it."""
    days = steady(6, 300)
    for at in (60, 130, 210, 270):
        days = with_pile(days, at, 50)
    assert [alert.opened for alert in watched(days)] == [START + timedelta(days=60)]
    first = START + timedelta(days=240)
    found = watched(with_burst(days, CELL, first, 5, 5))[1:]
    assert [alert.opened for alert in found] == [first + timedelta(days=1)]


def test_two_days_are_no_surge_when_only_one_of_them_stands_out() -> None:
    """Fails when a window is judged by its sum alone: so many in two days are beyond chance."""
    days = with_pile(steady(10, 140), 60, 60)
    for at in (90, 120):
        days = with_pile(days, at, 30)
    assert [alert.opened for alert in watched(days)] == [START + timedelta(days=60)]


def test_days_without_any_appeal_teach_nothing() -> None:
    days = steady(20, 140)
    for gap in (*range(60, 66), 90, 91):
        days[START + timedelta(days=gap)] = {}
    assert watched(days) == []
    first = START + timedelta(days=70)
    (alert,) = watched(with_burst(days, CELL, first, 4, 3))
    assert (alert.opened - first).days <= 1


def test_a_burst_that_does_not_end_becomes_the_usual() -> None:
    rng = random.Random(5)
    days = {
        START + timedelta(days=n): {CELL: poisson(rng, 10 if n < 70 else 40)} for n in range(200)
    }
    (alert,) = watched(days)
    assert alert.closed is not None
    assert (alert.closed - alert.opened).days == 28


def test_the_first_weeks_of_a_journal_open_nothing() -> None:
    days = with_burst(steady(10, 20), CELL, START + timedelta(days=12), 4, 5)
    assert watched(days) == []


def test_a_known_alert_is_not_opened_again_and_closes() -> None:
    first = START + timedelta(days=70)
    days = with_burst(steady(10, 100), CELL, first, 4, 5)
    (alert,) = watched(days, known={CELL: first})
    assert alert.opened == first
    assert alert.closed is not None


@given(counts=st.lists(st.integers(0, 60), min_size=1, max_size=80), seed=st.integers(0, 9))
def test_whatever_comes_a_series_has_one_open_alert_and_days_in_order(
    counts: list[int], seed: int
) -> None:
    rng = random.Random(seed)
    days = {
        START + timedelta(days=n): {Key(f"h{rng.randrange(3)}", "s", None): count}
        for n, count in enumerate([10] * 30 + counts)
    }
    open_until: dict[Key, date] = {}
    for alert in watched(days):
        assert alert.closed is None or alert.closed >= alert.opened
        assert alert.opened >= open_until.get(alert.key, START)
        open_until[alert.key] = alert.closed or date.max


def test_a_day_judged_as_the_present_is_not_changed_by_what_came_later() -> None:
    first = START + timedelta(days=70)
    days = with_burst(steady(10, 120), CELL, first, 4, 4)
    whole = [(alert.key, alert.opened) for alert in watched(days)]
    until = {day: cells for day, cells in days.items() if day <= first + timedelta(days=1)}
    assert [(alert.key, alert.opened) for alert in watched(until)] == whole
