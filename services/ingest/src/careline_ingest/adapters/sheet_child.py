"""Reads the spreadsheet on its standard input and writes its rows, as JSON, one a line.

Excel keeps every number as a binary fraction: a whole one is written without its point, and one of more
digits than it can have kept is marked, so that nobody takes it for an id.
"""

import json
import resource
import sys
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

MEMORY_BYTES = 1 << 30
CPU_S = 300
EXACT = 10**15
"""From here on not every whole number of sixteen digits can be told from its neighbour."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _write()
    except PasswordError:
        _say({"error": "the spreadsheet has a password: send it without"})
    except CalamineError as error:
        _say({"error": f"the file is no spreadsheet that can be read: {error}"})
    except MemoryError:
        return  # the parent says what that means
    else:
        _say({"end": True})


def _write() -> None:
    book = CalamineWorkbook.from_filelike(sys.stdin.buffer)
    for number, name in enumerate(book.sheet_names):
        try:
            sheet = book.get_sheet_by_name(name)
        except CalamineError:
            continue  # a chart has a name too
        _write_rows(number, sheet)


def _write_rows(number: int, sheet: CalamineSheet) -> None:
    for row, cells in enumerate(sheet.iter_rows(), 1):
        told = [_cell(cell) for cell in cells]
        if any(told):
            _say({"sheet": number, "row": row, "cells": told})


def _cell(cell: Any) -> Any:
    """As text; a number that has lost digits as `{"inexact": …}`."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float | int):
        return _number(float(cell))
    if isinstance(cell, datetime):
        return _moment(cell)
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _number(value: float) -> Any:
    if value.is_integer():
        return str(int(value)) if abs(value) < EXACT else {"inexact": repr(value)}
    return repr(value)


def _moment(value: datetime) -> str:
    """To the nearest second: a sheet keeps times as parts of a day in binary."""
    rounded = (value + timedelta(milliseconds=500)).replace(microsecond=0)
    return rounded.isoformat(sep=" ")


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
