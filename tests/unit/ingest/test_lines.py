"""Lines and rows that are read a block at a time are those that come one at a time."""

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from careline_ingest.domain.csv_rows import csv_rows
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.domain.lines import MAX_LINE_CHARS, Lines
from careline_ingest.domain.rows import json_row, ndjson_rows

pytestmark = pytest.mark.unit

TEXTS = st.text(st.sampled_from('ab1;"\r\n \x0b\x85\u2028я'), max_size=60)
SPEC = FeedSpec(source="s", format="csv", columns=(Column(target="external_id", names=("k",)),))


class Dribble(io.StringIO):
    """A text that comes a few characters at a time."""

    def __init__(self, text: str, chars: int) -> None:
        super().__init__(text, newline="")
        self._chars = chars

    def read(self, size: int | None = -1, /) -> str:
        return super().read(self._chars)


@given(TEXTS, st.integers(1, 5))
@example("a\r\nb\rc\n\r\n", 2)
def test_blocks_hold_the_lines_that_python_reads(text: str, chars: int) -> None:
    lines = Lines(Dribble(text, chars))
    found: list[str] = []
    while block := lines.block():
        found += block
    assert found == list(io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline=""))
    assert not lines
    assert list(lines) == []


def one_by_one(text: str, width: int) -> Iterator[tuple[int, list[str] | None]]:
    """The rows of a text by the rule for them, straight from it: a row that cannot be split, or is spread
    over lines and has not the header's shape, is its first line, and reading goes on with the second."""
    lines = io.StringIO(text, newline="").readlines()
    at, number = 1, 1
    while at < len(lines):
        number += 1
        taken = 0

        def next_lines(begin: int = at) -> Iterator[str]:
            nonlocal taken
            for line in lines[begin:]:
                taken += 1
                yield line

        try:
            cells = next(csv.reader(next_lines(), delimiter=";", strict=True))
        except csv.Error:
            yield number, None
            at += 1
            continue
        shaped = len(cells) >= width and not any(cells[width:])
        if any(cells) and not shaped:
            yield number, None
            at += 1
            continue
        at += taken
        if any(cells):
            yield number, cells[:width]


@given(TEXTS, st.integers(1, 40))
@example('1;"a\nb"\n2;x\n', 40)
@example('1;"open\n2;x\n3;"y"\n4;z\n', 9)
@example('1;a\n2;b;c\n"3;d"\n', 40)
def test_rows_of_blocks_are_those_that_come_one_by_one(text: str, chars: int) -> None:
    text = f"k;t\n{text}"
    found = [
        (row.number, None if row.cells is None else list(row.cells.values()))
        for row in csv_rows(Dribble(text, chars), SPEC).rows
    ]
    assert found == list(one_by_one(text, 2))


def test_the_lines_before_one_that_is_too_long_are_given() -> None:
    lines = Lines(io.StringIO("a\nb\n" + "x" * (MAX_LINE_CHARS + 1) + "\nc\n", newline=""))
    assert lines.block() == ["a\n", "b\n"]
    for _ in range(2):
        with pytest.raises(UnreadableFileError, match="longer than"):
            lines.block()


def test_what_is_given_back_comes_first() -> None:
    lines = Lines(io.StringIO("a\nb\nc\n"))
    first, second = next(lines), next(lines)
    lines.give_back([first, second])
    assert list(lines) == ["a\n", "b\n", "c\n"]


def test_rows_of_ndjson_are_numbered_by_their_lines() -> None:
    rows = list(ndjson_rows(io.StringIO('{"k": "1"}\n\n{"k": "2"}\n')))
    assert rows == [json_row(1, {"k": "1"}), json_row(3, {"k": "2"})]
