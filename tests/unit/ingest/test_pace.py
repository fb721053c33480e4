"""The limit on rows a second, whatever the sizes and moments of batches."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_common.clock import ManualClock
from careline_ingest.pace import Pace

pytestmark = pytest.mark.unit

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@given(
    batches=st.lists(st.tuples(st.integers(1, 500), st.floats(0, 2)), min_size=1, max_size=40),
    limit=st.sampled_from([10.0, 100.0, 1000.0]),
)
def test_no_stretch_of_time_has_more_rows_than_the_limit(
    batches: list[tuple[int, float]], limit: float
) -> None:
    """Each caller waits as it is told, and then idles or works for a while."""
    clock = ManualClock(BEGIN)
    pace = Pace(limit, clock)
    written: list[tuple[float, int]] = []
    for rows, idle in batches:
        written.append((clock.monotonic(), rows))
        clock.advance(pace.due_in_s(rows) + idle)
    for first, (start, _) in enumerate(written):
        for last in range(first + 1, len(written)):
            rows = sum(count for _, count in written[first:last])
            assert rows <= limit * (written[last][0] - start) + 1e-6 * rows + 1e-3


def test_two_who_write_at_once_wait_one_after_the_other_and_without_a_limit_nobody() -> None:
    clock = ManualClock(BEGIN)
    pace = Pace(100, clock)
    assert [pace.due_in_s(100), pace.due_in_s(50)] == [1.0, 1.5]
    assert Pace(None, clock).due_in_s(10**9) == 0.0


@given(st.floats(0.1, 1e6), st.integers(1, 5000))
def test_a_batch_under_a_limit_is_small_and_never_empty(limit: float, most: int) -> None:
    rows = Pace(limit, ManualClock(BEGIN)).batch_rows(most)
    assert 1 <= rows <= most
    assert rows == 1 or rows <= limit / 4
    assert Pace(None, ManualClock(BEGIN)).batch_rows(most) == most
