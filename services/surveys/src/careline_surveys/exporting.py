"""Scores as tables for spreadsheets."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from careline_surveys.reporting import ScoreLine

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

COLUMNS = (
    "key", "metric", "period", "value", "n", "low", "high", "response_rate_pct", "hidden",
    "repeat_value", "repeat_n", "repeat_low", "repeat_high",
)  # fmt: skip


def _rows(lines: Sequence[ScoreLine]) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        score, repeat = line.score, line.repeat
        told = (None,) * 4 if repeat is None else (repeat.value, repeat.n, repeat.low, repeat.high)
        yield (
            line.key, score.metric, line.period, score.value, score.n, score.low, score.high,
            line.response_rate_pct, score.hidden, *told,
        )  # fmt: skip


def as_csv(lines: Sequence[ScoreLine]) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for key, *others in _rows(lines):
        writer.writerow([f"'{key}" if key[:1] in "=+-@\t\r" else key, *others])
    return out.getvalue()


def as_xlsx(lines: Sequence[ScoreLine], definitions: Mapping[str, str]) -> bytes:
    """A workbook: the scores, and on a second sheet what each figure is."""
    from xlsxwriter import Workbook  # for those alone who export

    out = io.BytesIO()
    with Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        head = book.add_format({"bold": True})
        sheet = book.add_worksheet("scores")
        sheet.write_row(0, 0, COLUMNS, head)
        for number, row in enumerate(_rows(lines), start=1):
            for column, cell in enumerate(row):
                if COLUMNS[column] == "period" and cell is not None:
                    sheet.write_datetime(number, column, cell, day)
                else:
                    sheet.write(number, column, cell)
        sheet.freeze_panes(1, 0)
        about = book.add_worksheet("definitions")
        about.write_row(0, 0, ("figure", "definition"), head)
        for number, pair in enumerate(definitions.items(), start=1):
            about.write_row(number, 0, pair)
    return out.getvalue()
