"""A file that nobody has described: what it is, and the columns and rows that it seems to have."""

import csv
import io
import json
import re
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.domain.csv_rows import DELIMITERS
from careline_ingest.domain.decode import candidates, declared_in, foreign_kind
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.normalise import Parsers
from careline_ingest.domain.sheet_rows import HEADER_WITHIN
from careline_ingest.domain.suggesting import Suggestion, by_name, suggest
from careline_ingest.domain.xml_rows import xml_rows

SAMPLE_BYTES = 1 << 20
SAMPLE_ROWS = 200
HEAD_CHARS = 4000
USUAL = ("cp1251", "cp1256", "gb18030", "koi8-r", "cp866")
_APART = re.compile(r"[;,\t|\"{}\[\]:<>]+")
_PK = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(slots=True)
class Unknown:
    """`settings` are those of a source that would read it so."""

    settings: dict[str, Any]
    header: list[str]
    rows: list[dict[str, str]]


def look(path: Path) -> Unknown:
    """Looks at the beginning of a file. Raises `UnreadableFileError`, `OSError`."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise UnreadableFileError("the file is empty")
    if sample.startswith((_PK, _OLE)):
        return _sheet(path)
    kind = foreign_kind(sample)
    if kind is not None:
        raise UnreadableFileError(f"the file is {kind}")
    encoding, text = _decoded(sample)
    settings: dict[str, Any] = {} if encoding.startswith("utf-8") else {"encodings": [encoding]}
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        return _xml(start, settings)
    if start.startswith(("{", "[")):
        return _json(path, start, settings)
    return _csv(text, settings)


def suggested(unknown: Unknown, parsers: Parsers, *, region: str) -> list[Suggestion]:
    return suggest(unknown.header, unknown.rows, parsers, region=region)


def _decoded(sample: bytes) -> tuple[str, str]:
    """By its own marks or as UTF-8; else in the encoding in which most columns have names that are known:
    of a short text a detector knows too little."""
    hint = LibraryReaders().encoding_hint(sample[: 1 << 16])
    listed = (*USUAL, *((hint,) if hint else ()), "utf-16-le", "utf-16-be")
    possible = {
        encoding: text
        for encoding in candidates(sample[:256], listed, declared_in(sample))
        if (text := _text(sample, encoding)) is not None
    }
    if not possible:
        raise UnreadableFileError("the file is in no encoding that is known here")
    first = next(iter(possible))
    if first.startswith("utf-") or declared_in(sample):
        return first, possible[first]
    return max(possible.items(), key=lambda each: _known_names(each[1]))


def _text(sample: bytes, encoding: str) -> str | None:
    try:
        return sample.decode(encoding)
    except UnicodeDecodeError as error:
        if len(sample) == SAMPLE_BYTES and error.start > SAMPLE_BYTES - 8:  # a letter was cut
            return sample[: error.start].decode(encoding)
        return None


def _known_names(text: str) -> int:
    first = text[:HEAD_CHARS].splitlines()[:HEADER_WITHIN]
    return sum(by_name(name) is not None for line in first for name in _APART.split(line))


def _csv(text: str, settings: dict[str, Any]) -> Unknown:
    lines = text.lstrip("\ufeff\r\n").splitlines(keepends=True)
    first = [line for line in lines[:10] if line.strip()]
    delimiter = max(DELIMITERS, key=lambda each: min(line.count(each) for line in first))
    reader = csv.reader(io.StringIO("".join(lines)), delimiter=delimiter)
    header = [name.strip() for name in next(reader)]
    rows = [dict(zip(header, cells, strict=False)) for cells in islice(reader, SAMPLE_ROWS)]
    return Unknown({"format": "csv", **settings, "delimiter": delimiter}, header, rows)


def _sheet(path: Path) -> Unknown:
    """The header is the fullest of the first rows that has text alone in it."""
    with closing(LibraryReaders().spreadsheet(lambda: path.open("rb"))) as book:
        rows = list(islice(book.rows(), SAMPLE_ROWS))
    first = [row for row in rows if row.sheet == rows[0].sheet] if rows else []
    titles = [row for row in first if row.number <= HEADER_WITHIN]
    if not titles:
        raise UnreadableFileError("the spreadsheet is empty")
    head = max(titles, key=lambda row: sum(_is_name(cell) for cell in row.cells))
    header = [str(cell).strip() for cell in head.cells]
    below = [row.cells for row in first if row.number > head.number]
    told = [
        {
            name: cell if isinstance(cell, str) else ""
            for name, cell in zip(header, cells, strict=False)
        }
        for cells in below
    ]
    return Unknown({"format": "xlsx"}, header, told)


def _is_name(cell: object) -> bool:
    return isinstance(cell, str) and bool(cell.strip()) and not any(map(str.isdigit, cell))


def _xml(text: str, settings: dict[str, Any]) -> Unknown:
    """The rows are whatever the root has most of; a long document is looked at as far as it was read."""
    rows: list[dict[str, str]] = []
    try:
        for row in islice(xml_rows(io.StringIO(text), None), SAMPLE_ROWS):
            rows.append({k: v for k, v in (row.cells or {}).items() if isinstance(v, str)})  # noqa: PERF401 - it may break off
    except UnreadableFileError:
        if not rows:
            raise
    header = list(dict.fromkeys(name for row in rows for name in row))
    return Unknown({"format": "xml", **settings}, header, rows)


def _json(path: Path, start: str, settings: dict[str, Any]) -> Unknown:
    try:
        lines = [json.loads(line) for line in start.splitlines()[:SAMPLE_ROWS] if line.strip()]
        form, where, found = "ndjson", None, lines
    except ValueError:
        form, found = "json", None
        where, found = _list_in(json.loads(path.read_bytes()), "")
    if form == "ndjson" and len(lines) == 1:
        form = "json"
        where, found = _list_in(lines[0], "")
    rows = [_texts(row) for row in (found or [])[:SAMPLE_ROWS] if isinstance(row, dict)]
    if not rows:
        raise UnreadableFileError("the JSON has no list of objects")
    header = list(dict.fromkeys(name for row in rows for name in row))
    return Unknown({"format": form, **settings, **({"rows": where} if where else {})}, header, rows)


def _list_in(document: Any, path: str) -> tuple[str, list[Any] | None]:
    """The first list of objects in a document, and the path to it."""
    if isinstance(document, list):
        return path, document
    if isinstance(document, dict):
        for name, inner in document.items():
            found = _list_in(inner, f"{path}.{name}" if path else name)
            if found[1] is not None:
                return found
    return path, None


def _texts(row: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in row.items() if isinstance(value, str | int | float)}
