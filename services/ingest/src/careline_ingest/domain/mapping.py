"""From a partner's columns to the fields of a record."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from careline_ingest.domain.faults import UnreadableFileError, ValueRefusedError
from careline_ingest.domain.feed import Column
from careline_ingest.domain.normalise import Parsers, folded

Cells = Mapping[str, object]
"""One row as it came: what stands in which column."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which column of this file each target is taken from; None: the default alone."""

    columns: tuple[tuple[Column, str | None], ...]

    def source_of(self, target: str) -> str | None:
        """The partner's own name of a target's column."""
        return next((name for column, name in self.columns if column.target == target), None)


def matches(columns: Iterable[Column], header: Iterable[str]) -> int:
    """How many of the mapped columns a header has."""
    present = {folded(name) for name in header}
    return sum(any(folded(name) in present for name in column.names) for column in columns)


def bind(columns: Iterable[Column], header: Iterable[str], *, whole: bool = True) -> Binding:
    """Finds the mapped columns in a header, whatever its case and spacing.

    Raises `UnreadableFileError` when a column is missing or stands there twice: an import that
    goes on without it would overwrite what it brought before. Not `whole`, for a single row, a
    column may be missing.
    """
    names = list(header)
    by_fold: dict[str, list[str]] = {}
    for name in names:
        by_fold.setdefault(folded(name), []).append(name)
    bound: list[tuple[Column, str | None]] = []
    missing: list[str] = []
    for column in columns:
        found = next((by_fold[folded(n)] for n in column.names if folded(n) in by_fold), None)
        if whole and found is None and column.names and column.default is None:
            missing.append(f"{column.target} ({' | '.join(column.names)})")
        elif found is not None and len(found) > 1:
            raise UnreadableFileError(
                f"the column of {column.target} ({' | '.join(column.names)}) stands in the header"
                f" {len(found)} times"
            )
        else:
            bound.append((column, found[0] if found else None))
    if missing:
        raise UnreadableFileError(f"the header lacks the columns of: {', '.join(missing)}")
    return Binding(columns=tuple(bound))


def bind_by_name(columns: Iterable[Column]) -> Binding:
    """For formats whose rows name their own fields: each row has what it has."""
    return Binding(columns=tuple((column, None) for column in columns))


def extract(
    binding: Binding, cells: Cells, parsers: Parsers, *, without: Collection[str] = ()
) -> dict[str, str]:
    """The value of every target that has one, as text, by the partner's codes where he has any;
    not of the targets `without` which it is asked for.

    Raises `CellRefusedError` when a cell holds what is no text, or an expression gives none.
    """
    values: dict[str, str] = {}
    for column, name in binding.columns:
        if column.target in without:
            continue
        text = _value(column, name, cells, parsers)
        if text:
            values[column.target] = text
    return values


def extract_one(binding: Binding, target: str, cells: Cells, parsers: Parsers) -> str:
    """The value of one target; raises as `extract` does."""
    for column, name in binding.columns:
        if column.target == target:
            return _value(column, name, cells, parsers)
    return ""


def plain_column(binding: Binding, target: str) -> str | None:
    """The column whose cells are a target's values as they stand; None where there is more to it."""
    for column, name in binding.columns:
        if column.target == target and not (column.values or column.expression or column.default):
            return name
    return None


def _value(column: Column, name: str | None, cells: Cells, parsers: Parsers) -> str:
    found = cells.get(name) if name is not None else _by_any_name(cells, column.names)
    text = found if type(found) is str else _as_text(column.target, found)
    if column.expression is not None:
        try:
            text = parsers.evaluate(column.expression, cells, text)
        except ValueError as error:
            raise CellRefusedError(column.target, "expression", str(error)) from None
    if not text or text.isspace():
        return column.default or ""
    return column.values.get(folded(text), text) if column.values else text


class CellRefusedError(ValueRefusedError):
    """A cell of a target that cannot become text."""

    def __init__(self, target: str, code: str, text: str) -> None:
        super().__init__(code, text)
        self.target = target


INEXACT = "inexact"
"""The key under which spreadsheets hand over a number of more digits than they keep."""


def _as_text(target: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict) and INEXACT in value:
        raise CellRefusedError(
            target,
            "number-digits",
            "a number of more than 15 digits has lost its last ones in the sheet: format the column"
            " as text",
        )
    if isinstance(value, list | dict):
        raise CellRefusedError(
            target, "not-scalar", "the value is a list or an object; it must be text"
        )
    return str(value)


def _by_any_name(cells: Cells, names: tuple[str, ...]) -> object:
    for name in names:
        found = _by_path(cells, name)
        if found is not None:
            return found
    return None


def _by_path(cells: Cells, path: str) -> object:
    """`a.b` and `a/b` are a key, or else `b` of the object under `a`."""
    if path in cells:
        return cells[path]
    below = path.replace(".", "/")
    if below in cells:
        return cells[below]
    head, dot, rest = path.replace("/", ".").partition(".")
    inner = cells.get(head)
    return _by_path(inner, rest) if dot and isinstance(inner, dict) else None
