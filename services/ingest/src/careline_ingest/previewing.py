"""A file tried without being taken: how it would be read, and what would become of its first rows."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.domain.faults import Fault
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.normalise import folded
from careline_ingest.domain.reading import open_file
from careline_ingest.domain.record import Fields, read_record

LOOKED_AT = 1000
"""Rows of a file that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """What would become of a row: the fields of a record, or the fault."""

    row: int
    fields: Fields | None
    fault: Fault | None


@dataclass(slots=True, kw_only=True)
class Preview:
    """`columns` says for each target which column of the file it is taken from; `unused` are columns that
    nothing is taken from. `faults` counts those of the rows tried, by field and code."""

    encoding: str | None
    columns: dict[str, str | None]
    unused: list[str]
    tried: int = 0
    good: int = 0
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: list[PreviewRow] = field(default_factory=list)


def preview(path: Path, spec: FeedSpec, *, now: datetime, shown: int) -> Preview:
    """Reads at most `LOOKED_AT` rows and shows the first. Raises `UnreadableFileError`."""
    file = open_file(lambda: path.open("rb"), spec, LibraryReaders())
    with closing(file), closing(LibraryParsers()) as parsers:
        used = {folded(name) for column in spec.columns for name in column.names}
        found = Preview(
            encoding=file.encoding,
            columns={column.target: name for column, name in file.binding.columns},
            unused=[name for name in file.header if name and folded(name) not in used],
        )
        for raw in islice(file.rows, LOOKED_AT):
            read = raw.fault or read_record(
                raw.cells or {}, file.binding, spec, parsers=parsers, now=now
            )
            found.tried += 1
            fault = read if isinstance(read, Fault) else None
            if fault is None:
                found.good += 1
            else:
                found.faults[fault.field or "row", fault.code] += 1
            if len(found.rows) < shown:
                fields = None if isinstance(read, Fault) else read
                found.rows.append(PreviewRow(row=raw.number, fields=fields, fault=fault))
    return found
