"""What a feed brings against what it should, by weekday."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_ingest.domain.volume import (
    WEEKDAYS,
    Day,
    Expectation,
    by_date,
    drifts,
    expected_on,
    judge,
    problems_of,
)

pytestmark = pytest.mark.unit

TODAY = date(2026, 3, 2)
"""A Monday."""


def feed(*rows: int | None, until: date = TODAY) -> dict[date, Day]:
    """Rows of the days up to a day, oldest first; None: no file came."""
    first = until - timedelta(days=len(rows) - 1)
    days = [(first + timedelta(days=n), count) for n, count in enumerate(rows)]
    return by_date([Day(date=at, files=1, rows=n) for at, n in days if n is not None])


def test_what_was_said_for_a_weekday_stands_over_what_was_said_for_all() -> None:
    said = Expectation(rows=100, weekdays={"sun": 0, "sat": 20})
    sunday = TODAY - timedelta(days=1)
    assert expected_on(said, {}, TODAY) == 100
    assert expected_on(said, {}, sunday) == 0
    assert judge(said, {}, sunday, over=True).problems == frozenset()
    assert judge(said, {}, TODAY, over=True).problems == {"missing"}


@given(weeks=st.lists(st.integers(0, 500), min_size=3, max_size=8))
def test_the_usual_is_the_median_of_the_same_weekday(weeks: list[int]) -> None:
    """Whatever the other days bring: here each a thousand."""
    days = {
        TODAY - timedelta(days=back): Day(date=TODAY - timedelta(days=back), files=1, rows=1000)
        for back in range(1, 7 * len(weeks) + 1)
    }
    for week, rows in enumerate(weeks, 1):
        at = TODAY - timedelta(weeks=week)
        days[at] = Day(date=at, files=1, rows=rows)
    ordered, middle = sorted(weeks), len(weeks) // 2
    even = (ordered[middle - 1] + ordered[middle]) / 2
    assert expected_on(Expectation(), days, TODAY) == (ordered[middle] if len(weeks) % 2 else even)


def test_nothing_is_expected_of_a_feed_that_is_young() -> None:
    assert expected_on(Expectation(), feed(*[9] * 20), TODAY) is None
    assert problems_of(Expectation(), {}, TODAY, time(12)) == frozenset()


@pytest.mark.parametrize(
    ("rows", "problems"),
    [(None, {"missing"}), (0, {"short"}), (49, {"short"}), (50, set()), (180, set()),
     (181, {"doubled"}), (200, {"doubled"})],
)  # fmt: skip
def test_a_day_is_missing_short_or_doubled(rows: int | None, problems: set[str]) -> None:
    days = feed(rows, None)
    yesterday = TODAY - timedelta(days=1)
    assert judge(Expectation(rows=100), days, yesterday, over=True).problems == problems


def test_a_few_rows_more_or_fewer_are_chance() -> None:
    yesterday = TODAY - timedelta(days=1)
    for rows in (1, 7):
        assert not judge(Expectation(rows=3), feed(rows, None), yesterday, over=True).problems


def test_today_is_missing_once_its_time_has_come_and_doubled_at_once() -> None:
    said = Expectation(rows=100, by=time(9, 30))
    days = feed(*[100] * 20, None)
    assert problems_of(said, days, TODAY, time(9, 29)) == frozenset()
    assert problems_of(said, days, TODAY, time(9, 30)) == {"missing"}
    assert "doubled" in problems_of(said, feed(*[100] * 20, 300), TODAY, time(1))


def test_a_feed_drifts_when_two_weeks_are_off_and_no_day_is() -> None:
    said = Expectation(rows=100)
    assert not drifts(said, feed(*[75] * 20, None), TODAY)
    assert drifts(said, feed(*[65] * 20, None), TODAY)
    assert problems_of(said, feed(*[65] * 20, None), TODAY, time(12)) == {"drifting"}
    assert drifts(Expectation(), feed(*[100] * 56, *[60] * 14, None), TODAY)
    assert not drifts(Expectation(), feed(*[100] * 70, None), TODAY)


@given(rows=st.lists(st.integers(80, 120), min_size=70, max_size=71))
def test_a_feed_within_a_fifth_of_its_usual_is_never_wrong(rows: list[int]) -> None:
    assert problems_of(Expectation(), feed(*rows, None), TODAY, time(12)) == frozenset()


def test_weekdays_are_those_of_dates() -> None:
    assert WEEKDAYS[TODAY.weekday()] == "mon"
