"""Rows out of a text stream, one at a time, however long the file is.

A broken row costs that row only: an open quote that runs into the rows after it is closed at the
end of its own line, and reading goes on with the next line.
"""

import csv
import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.domain.mapping import Binding, Cells, bind, matches
from careline_ingest.domain.normalise import folded

MAX_LINE_CHARS = 1 << 20
MAX_FIELD_CHARS = 1 << 17
"""A quoted field that is longer is taken for a quote that was never closed."""
DELIMITERS = (";", ",", "\t", "|")


@dataclass(slots=True)  # to freeze it would make it twice as dear to make
class RawRow:
    """A row as it came. `number` counts from the header, which is 1; in JSON and NDJSON, which
    have none, from 1 at the first row. `cells` is None when the row could not be split."""

    number: int
    cells: Cells | None
    fault: Fault | None = None
    raw: str | None = None
    """The text of a row that could not be split."""


class _Lines:
    """Physical lines of a stream, which can be given back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._back: deque[str] = deque()
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        taken = self._back.popleft() if self._back else self._stream.readline(MAX_LINE_CHARS + 1)
        if not taken:
            raise StopIteration
        if len(taken) > MAX_LINE_CHARS:
            raise UnreadableFileError(f"a line is longer than {MAX_LINE_CHARS} characters")
        self._taken.append(taken)
        return taken

    def next_row(self) -> None:
        self._taken.clear()

    def give_back_all_but_first(self) -> str:
        """Returns the first line of the row; what followed it will be read again."""
        first = self._taken[0]
        self._back.extendleft(reversed(self._taken[1:]))
        self._taken.clear()
        return first

    @property
    def spread(self) -> bool:
        return len(self._taken) > 1


@dataclass(frozen=True, slots=True)
class FoundRows:
    """What stands under a header, and which of its columns the targets are taken from."""

    binding: Binding
    header: tuple[str, ...]
    rows: Iterator[RawRow]


def csv_rows(stream: TextIO, spec: FeedSpec) -> FoundRows:
    """Finds the header and gives the rows after it; raises `UnreadableFileError`."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    lines = _Lines(stream)
    first, above = _first_line(lines)
    delimiter = spec.delimiter or delimiter_of(first, spec.columns)
    reader = csv.reader(_Header(first, lines), delimiter=delimiter, strict=True)
    try:
        header = [name.strip("\ufeff \t") for name in next(reader)]
    except csv.Error as error:
        raise UnreadableFileError(f"the header is not CSV: {error}") from None
    binding = bind(spec.columns, header)
    check_columns(spec, header)
    rows = _csv_rows(reader, delimiter, lines, header, above + 1)
    return FoundRows(binding, tuple(header), rows)


def check_columns(spec: FeedSpec, header: Sequence[str]) -> None:
    """Raises `UnreadableFileError` where the contract freezes the columns and there is a new one."""
    if spec.contract.get("columns") != "freeze":
        return
    mapped = {folded(name) for column in spec.columns for name in column.names}
    new = [name for name in header if name and folded(name) not in mapped]
    if new:
        raise UnreadableFileError(
            f"columns are frozen by the source's contract, and there are new ones: {', '.join(new)}"
        )


def _first_line(lines: _Lines) -> tuple[str, int]:
    """The first line that is not blank, and how many blank ones stand above it."""
    for above, text in enumerate(lines):
        if text.strip("\ufeff \t\r\n"):
            return text.lstrip("\ufeff"), above
    raise UnreadableFileError("the file is empty")


class _Header:
    """The header's line before the others."""

    def __init__(self, first: str, rest: _Lines) -> None:
        self._first: str | None = first
        self._rest = rest

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        first, self._first = self._first, None
        return next(self._rest) if first is None else first


def delimiter_of(header: str, columns: Sequence[Column]) -> str:
    """The one that makes most of the mapped columns appear."""

    def found(delimiter: str) -> int:
        return matches(columns, next(csv.reader([header], delimiter=delimiter), []))

    return max(DELIMITERS, key=found)


def _csv_rows(
    reader: Iterator[list[str]], delimiter: str, lines: _Lines, header: list[str], number: int
) -> Iterator[RawRow]:
    width = len(header)
    needed = max((i for i, name in enumerate(header, 1) if name), default=0)
    while True:
        lines.next_row()
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            text = lines.give_back_all_but_first()
            yield RawRow(number, None, _quoting_fault(error), text)
            continue
        if not any(cells):
            continue
        if needed <= len(cells) and not any(cells[width:]):
            yield RawRow(number, dict(zip(header, cells, strict=False)))
        elif lines.spread:
            text = lines.give_back_all_but_first()
            yield RawRow(number, None, _quoting_fault("a quote is not closed"), text)
        else:
            yield RawRow(number, None, _shape_fault(len(cells), width), delimiter.join(cells))


def _quoting_fault(reason: object) -> Fault:
    return Fault(field=None, code="quoting", text=f"the quotes of this row do not match: {reason}")


def _shape_fault(cells: int, width: int) -> Fault:
    return Fault(
        field=None,
        code="row-shape",
        text=f"the row has {cells} cells and the header {width}; a cell with the delimiter in it"
        " needs quotes",
    )


def ndjson_rows(stream: TextIO) -> Iterator[RawRow]:
    for number, text in enumerate(_Lines(stream), 1):
        stripped = text.strip("\ufeff \t\r\n")
        if not stripped:
            continue
        try:
            row = _parse(stripped)
        except (ValueError, RecursionError) as error:
            fault = Fault(field=None, code="not-json", text=f"this line is not JSON: {error}")
            yield RawRow(number, None, fault, stripped)
            continue
        yield json_row(number, row)


def json_row(number: int, row: object) -> RawRow:
    if isinstance(row, dict):
        return RawRow(number, row)
    fault = Fault(field=None, code="not-json", text="the row is not a JSON object")
    return RawRow(number, None, fault, json.dumps(row, ensure_ascii=False))


def _parse(text: str) -> object:
    """Numbers stay as they are written: a policy number is no quantity."""
    result: object = json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    return result


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
