"""Reports as spreadsheets: the rows of a report as CSV or XLSX, when the client asks for one."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from fastapi import Response
from pydantic import BaseModel

JSON = "application/json"
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCUMENTED: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {}, XLSX: {}}}}
"""`responses=` of a route that gives sheets besides JSON."""
FORMULA = "=+-@\t\r"
"""A text that begins so is a formula to a spreadsheet."""


def sheet(accept: str, kind: type[BaseModel], rows: Sequence[BaseModel]) -> Response | None:
    """The rows of this kind in the form that `Accept` names first; None when that is JSON, or nothing
    that we have. Columns are the fields of the kind, under their aliases."""
    form = _wanted(accept)
    if form == CSV:
        return Response(_csv(kind, rows), media_type=f"{CSV}; charset=utf-8")
    if form == XLSX:
        return Response(_xlsx(kind, rows), media_type=XLSX)
    return None


def _wanted(accept: str) -> str:
    """By weight, then by order (RFC 9110 §12.5.1); wildcards are for JSON."""
    weighed = []
    for place, part in enumerate(accept.split(",")):
        form, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if form in {CSV, XLSX, JSON}:
            weighed.append((-_weight(parameters), place, form))
    return min(weighed)[2] if weighed else JSON


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _columns(kind: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in kind.model_fields.items()]


def _cells(rows: Sequence[BaseModel]) -> Iterator[list[Any]]:
    for row in rows:
        values = (getattr(row, name) for name in type(row).model_fields)
        yield [each.isoformat() if isinstance(each, datetime) else each for each in values]


def _csv(kind: type[BaseModel], rows: Sequence[BaseModel]) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_columns(kind))
    for cells in _cells(rows):
        writer.writerow([f"'{each}" if _is_formula(each) else each for each in cells])
    return out.getvalue()


def _is_formula(cell: Any) -> bool:
    return isinstance(cell, str) and cell[:1] != "" and cell[0] in FORMULA


def _xlsx(kind: type[BaseModel], rows: Sequence[BaseModel]) -> bytes:
    """Every text is a text there, whatever it begins with; what XML cannot hold is left out."""
    from openpyxl import Workbook  # takes a while to load, and most processes never write one
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    page = book.create_sheet("report")
    page.append(_columns(kind))
    for cells in _cells(rows):
        line = []
        for value in cells:
            is_text = isinstance(value, str)
            told = ILLEGAL_CHARACTERS_RE.sub("", value) if is_text else value
            cell = WriteOnlyCell(page, value=told)
            if is_text:
                cell.data_type = "s"
            line.append(cell)
        page.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
