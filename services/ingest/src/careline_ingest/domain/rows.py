"""Rows of a file as they came, whatever its format, and those of JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.lines import Lines
from careline_ingest.domain.mapping import Binding, Cells
from careline_ingest.domain.normalise import folded


@dataclass(slots=True)  # to freeze it would make it twice as dear to make
class RawRow:
    """A row as it came. `number` counts from the header, which is 1; in JSON and NDJSON, which
    have none, from 1 at the first row. `cells` is None when the row could not be split."""

    number: int
    cells: Cells | None
    fault: Fault | None = None
    raw: str | None = None
    """The text of a row that could not be split."""


@dataclass(frozen=True, slots=True)
class FoundRows:
    """What stands under a header, and which of its columns the targets are taken from."""

    binding: Binding
    header: tuple[str, ...]
    rows: Iterator[RawRow]


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


def ndjson_rows(stream: TextIO) -> Iterator[RawRow]:
    for number, text in enumerate(Lines(stream), 1):
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
