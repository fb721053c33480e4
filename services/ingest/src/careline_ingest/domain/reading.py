"""Opens a file: its encoding, its header, its rows."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TextIO

from careline_ingest.domain.csv_rows import csv_rows
from careline_ingest.domain.decode import candidates, declared_in, foreign_kind, undecodable_byte
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.mapping import Binding, bind_by_name
from careline_ingest.domain.rows import RawRow, json_row, ndjson_rows
from careline_ingest.domain.sheet_rows import SheetRow, sheet_rows
from careline_ingest.domain.xml_rows import check_xml, xml_rows

CHUNK_BYTES = 1 << 18
HEAD_BYTES = 256
HINT_BYTES = 1 << 16

Opener = Callable[[], BinaryIO]
"""Opens the file anew, at its first byte."""


class SheetStream(Protocol):
    """A spreadsheet that is being read by somebody else."""

    def rows(self) -> Iterator[SheetRow]:
        """Raises `UnreadableFileError`."""
        ...

    def close(self) -> None: ...


class Readers(Protocol):
    """What only libraries read."""

    def spreadsheet(self, opener: Opener) -> SheetStream:
        """XLSX, XLS or ODS; raises `UnreadableFileError`."""
        ...

    def check_json(self, stream: TextIO, path: str | None) -> None:
        """Reads a whole document; raises `UnreadableFileError` where it is none, or has no list of
        rows under the dotted `path`."""
        ...

    def json_rows(self, stream: TextIO, path: str | None) -> Iterator[object]:
        """The items of the list under the dotted `path`, numbers as they are written."""
        ...

    def encoding_hint(self, sample: bytes) -> str | None:
        """The encoding that a text seems to be in: for people to look at, never to read by."""
        ...


@dataclass(frozen=True, slots=True)
class OpenFile:
    """`header` is the columns' names where they stand once for all rows; `close` is to be called by
    whoever has read enough."""

    encoding: str | None
    binding: Binding
    header: tuple[str, ...]
    rows: Iterator[RawRow]
    close: Callable[[], None]


def open_file(opener: Opener, spec: FeedSpec, readers: Readers) -> OpenFile:
    """Decides the encoding and finds the header; raises `UnreadableFileError`.

    The whole file is decoded once before the first row is given, and JSON and XML are parsed once, so
    that a file that cannot be read leaves nothing behind. Of the encodings that decode it, the first
    holds under which the mapped columns appear.
    """
    with opener() as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise UnreadableFileError("the file is empty")
    if spec.format == "xlsx":
        return _open_sheet(opener, spec, readers)
    kind = foreign_kind(head)
    if kind is not None:
        raise UnreadableFileError(f"the file is {kind}, not {spec.format}")
    declared = declared_in(head) if spec.format == "xml" else None
    refusals: list[str] = []
    unbound: UnreadableFileError | None = None
    for encoding in candidates(head, spec.encodings, declared):
        with opener() as stream:
            failed_at = undecodable_byte(iter(lambda: stream.read(CHUNK_BYTES), b""), encoding)
        if failed_at is not None:
            refusals.append(f"{encoding} fails at byte {failed_at}")
            continue
        try:
            return _open_text(opener, encoding, spec, readers)
        except UnreadableFileError as error:
            unbound = unbound or error
    raise unbound or UnreadableFileError(_undecodable(opener, refusals, readers))


def _undecodable(opener: Opener, refusals: list[str], readers: Readers) -> str:
    with opener() as stream:
        hint = readers.encoding_hint(stream.read(HINT_BYTES))
    why = "; ".join(refusals) or "it has zero bytes in it, as UTF-16 has"
    looks = f"; it looks like {hint}: if it is, add that to encodings" if hint else ""
    return f"the file cannot be decoded: {why}{looks}"


def _open_sheet(opener: Opener, spec: FeedSpec, readers: Readers) -> OpenFile:
    book = readers.spreadsheet(opener)
    try:
        found = sheet_rows(book.rows(), spec)
    except BaseException:
        book.close()
        raise
    return OpenFile(None, found.binding, found.header, found.rows, book.close)


def _open_text(opener: Opener, encoding: str, spec: FeedSpec, readers: Readers) -> OpenFile:
    def text() -> TextIO:
        return io.TextIOWrapper(opener(), encoding=encoding, errors="strict", newline="")

    by_name = bind_by_name(spec.columns)
    if spec.format == "json":
        with text() as whole:
            readers.check_json(whole, spec.rows)
    elif spec.format == "xml":
        with text() as whole:
            check_xml(whole, spec.rows)
    stream = text()
    try:
        if spec.format == "csv":
            found = csv_rows(stream, spec)
            return OpenFile(encoding, found.binding, found.header, found.rows, stream.close)
        if spec.format == "ndjson":
            rows = ndjson_rows(stream)
        elif spec.format == "json":
            items = readers.json_rows(stream, spec.rows)
            rows = (json_row(number, item) for number, item in enumerate(items, 1))
        else:
            rows = xml_rows(stream, spec.rows)
    except BaseException:
        stream.close()
        raise
    return OpenFile(encoding, by_name, (), rows, stream.close)
