"""Rows out of a spreadsheet: its header stands somewhere among the first rows of one of its sheets."""

from collections.abc import Iterator
from dataclasses import dataclass

from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.mapping import bind, matches
from careline_ingest.domain.rows import FoundRows, RawRow, check_columns

HEADER_WITHIN = 20
"""Titles, dates and merged cells stand above the header, but not for longer."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that has something in it; `number` is what the sender sees beside it, from 1."""

    sheet: int
    number: int
    cells: list[object]


def sheet_rows(rows: Iterator[SheetRow], spec: FeedSpec) -> FoundRows:
    """Finds the header by the names of the mapped columns, in the first sheet that has it. Raises
    `UnreadableFileError`, saying what the row lacks that comes nearest."""
    nearest, why = (
        0,
        UnreadableFileError(f"no sheet has the mapped columns in its first {HEADER_WITHIN} rows"),
    )
    for row in rows:
        if row.number > HEADER_WITHIN:
            continue
        header = [_name(cell) for cell in row.cells]
        found = matches(spec.columns, header)
        if found == 0:
            continue
        try:
            binding = bind(spec.columns, header)
        except UnreadableFileError as error:
            if found > nearest:
                nearest, why = found, error
            continue
        check_columns(spec, header)
        return FoundRows(binding, tuple(header), _below(rows, row, header))
    raise why


def _below(rows: Iterator[SheetRow], head: SheetRow, header: list[str]) -> Iterator[RawRow]:
    for row in rows:
        if row.sheet != head.sheet:
            return
        cells = {name: cell for name, cell in zip(header, row.cells, strict=False) if name}
        if any(cells.values()):
            yield RawRow(row.number, cells)


def _name(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else ""
