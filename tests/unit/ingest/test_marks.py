"""Two rows of a file have one mark just where the same stands in them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from careline_ingest.domain.rows import RawRow
from careline_ingest.marks import Marks

pytestmark = pytest.mark.unit

KEY = b"k" * 32
TEXT = st.text(st.sampled_from('a\x1f"[],\ud800'), max_size=3)
CELL = TEXT | st.none() | st.dictionaries(st.just("inexact"), TEXT)
ROW = st.tuples(CELL, CELL, CELL)


def mark(cells: tuple[object, ...], *, columns: bool = True, key: bytes = KEY) -> bytes:
    raw = RawRow(2, dict(zip("xyz", cells, strict=False)))
    return Marks(key, columns=columns).of(raw)[1]


@given(ROW, ROW, st.booleans())
@example(("a\x1f", "a", ""), ("a", "\x1fa", ""), True)
@example(('["a","",""]', "", ""), ("a", "", ""), True)
def test_a_mark_tells_rows_apart(
    one: tuple[object, ...], other: tuple[object, ...], columns: bool
) -> None:
    same = mark(one, columns=columns) == mark(other, columns=columns)
    assert same == (one == other)
    assert mark(one, columns=columns) != mark(one, columns=columns, key=b"l" * 32)


@given(ROW, st.integers(0, 3))
def test_a_row_that_ends_early_is_not_one_with_empty_cells(
    cells: tuple[object, ...], length: int
) -> None:
    assert (mark(cells[:length]) == mark(cells)) == (length == len(cells))


def test_what_cells_are_called_counts_where_each_row_says_it_anew() -> None:
    marks = Marks(KEY, columns=False)
    assert marks.of(RawRow(1, {"a": "1"}))[1] != marks.of(RawRow(1, {"b": "1"}))[1]


def test_a_row_that_could_not_be_split_has_the_mark_of_its_text() -> None:
    marks = Marks(KEY, columns=True)
    size, one = marks.of(RawRow(2, None, raw='a;"b'))
    assert size >= 4
    assert one != marks.of(RawRow(2, None, raw="a;b"))[1]
