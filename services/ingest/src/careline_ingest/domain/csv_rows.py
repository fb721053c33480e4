"""Rows of CSV, a block of lines at a time, however long the file is.

A broken row costs that row only: an open quote that runs into the rows after it is closed at the
end of its own line, and reading goes on with the next line. A block in which nothing is broken is
split at once; any other row by row.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.domain.lines import Lines
from careline_ingest.domain.mapping import bind, matches
from careline_ingest.domain.rows import FoundRows, RawRow, check_columns

MAX_FIELD_CHARS = 1 << 17
"""A quoted field that is longer is taken for a quote that was never closed."""
DELIMITERS = (";", ",", "\t", "|")


def csv_rows(stream: TextIO, spec: FeedSpec) -> FoundRows:
    """Finds the header and gives the rows after it; raises `UnreadableFileError`."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    lines = Lines(stream)
    first, above = _first_line(lines)
    delimiter = spec.delimiter or delimiter_of(first, spec.columns)
    lines.give_back([first])
    try:
        names = next(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UnreadableFileError(f"the header is not CSV: {error}") from None
    header = [name.strip("\ufeff \t") for name in names]
    binding = bind(spec.columns, header)
    check_columns(spec, header)
    rows = _Below(lines, delimiter, header, above + 1).rows()
    return FoundRows(binding, tuple(header), rows)


def _first_line(lines: Lines) -> tuple[str, int]:
    """The first line that is not blank, and how many blank ones stand above it."""
    for above, text in enumerate(lines):
        if text.strip("\ufeff \t\r\n"):
            return text.lstrip("\ufeff"), above
    raise UnreadableFileError("the file is empty")


def delimiter_of(header: str, columns: Sequence[Column]) -> str:
    """The one that makes most of the mapped columns appear."""

    def found(delimiter: str) -> int:
        return matches(columns, next(csv.reader([header], delimiter=delimiter), []))

    return max(DELIMITERS, key=found)


class _OneRow:
    """The lines of one row, as it takes them."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> str:
        """Returns the first line; what followed it will be read again."""
        first, *rest = self.taken
        self._lines.give_back(rest)
        return first


class _Below:
    """The rows under a header that stands in row `number`."""

    def __init__(self, lines: Lines, delimiter: str, header: list[str], number: int) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._header = header
        self._width = len(header)
        self._needed = max((i for i, name in enumerate(header, 1) if name), default=0)
        self._number = number

    def rows(self) -> Iterator[RawRow]:
        while block := self._lines.block():
            split = self._split(block)
            if split is None:
                self._lines.give_back(block)
                yield from self._one_by_one()
                continue
            for cells in split:
                self._number += 1
                if any(cells):
                    yield self._shaped(cells)

    def _split(self, block: list[str]) -> list[list[str]] | None:
        """The rows of a block, as they would come one by one; None where a quote is in doubt."""
        try:
            rows = list(csv.reader(block, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None
        spread = len(rows) != len(block)
        if spread and not all(self._has_shape(cells) for cells in rows if any(cells)):
            return None
        return rows

    def _one_by_one(self) -> Iterator[RawRow]:
        """Until no line waits."""
        while self._lines:
            self._number += 1
            lines = _OneRow(self._lines)
            try:
                cells = next(csv.reader(lines, delimiter=self._delimiter, strict=True))
            except csv.Error as error:
                text = lines.give_back_all_but_first()
                yield RawRow(self._number, None, _quoting_fault(error), text)
                continue
            if not any(cells):
                continue
            if len(lines.taken) > 1 and not self._has_shape(cells):
                text = lines.give_back_all_but_first()
                yield RawRow(self._number, None, _quoting_fault("a quote is not closed"), text)
                continue
            yield self._shaped(cells)

    def _has_shape(self, cells: Sequence[str]) -> bool:
        return self._needed <= len(cells) and not any(cells[self._width :])

    def _shaped(self, cells: list[str]) -> RawRow:
        if len(cells) == self._width or self._has_shape(cells):
            return RawRow(self._number, dict(zip(self._header, cells, strict=False)))
        fault = _shape_fault(len(cells), self._width)
        return RawRow(self._number, None, fault, self._delimiter.join(cells))


def _quoting_fault(reason: object) -> Fault:
    return Fault(field=None, code="quoting", text=f"the quotes of this row do not match: {reason}")


def _shape_fault(cells: int, width: int) -> Fault:
    return Fault(
        field=None,
        code="row-shape",
        text=f"the row has {cells} cells and the header {width}; a cell with the delimiter in it"
        " needs quotes",
    )
