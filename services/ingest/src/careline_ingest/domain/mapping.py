"""From a partner's columns to the fields of a record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from careline_ingest.domain.faults import UnreadableFileError, ValueRefusedError
from careline_ingest.domain.feed import Column
from careline_ingest.domain.normalise import folded

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


def extract(binding: Binding, cells: Cells) -> dict[str, str]:
    """The value of every target that has one, as text, by the partner's codes where he has any.

    Raises `CellRefusedError` when a cell holds a list or an object.
    """
    values: dict[str, str] = {}
    for column, name in binding.columns:
        found = cells.get(name) if name is not None else _by_any_name(cells, column.names)
        text = _as_text(column.target, found)
        if not text or text.isspace():
            text = column.default or ""
        elif column.values:
            text = column.values.get(folded(text), text)
        if text:
            values[column.target] = text
    return values


class CellRefusedError(ValueRefusedError):
    """A cell of a target that cannot become text."""

    def __init__(self, target: str) -> None:
        super().__init__("not-scalar", "the value is a list or an object; it must be text")
        self.target = target


def _as_text(target: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        raise CellRefusedError(target)
    return str(value)


def _by_any_name(cells: Cells, names: tuple[str, ...]) -> object:
    for name in names:
        found = _by_path(cells, name)
        if found is not None:
            return found
    return None


def _by_path(cells: Cells, path: str) -> object:
    """`a.b` is the key `a.b`, or else `b` of the object under `a`."""
    if path in cells:
        return cells[path]
    head, dot, rest = path.partition(".")
    inner = cells.get(head)
    return _by_path(inner, rest) if dot and isinstance(inner, dict) else None
