"""Files that only libraries read: JSON as a stream, spreadsheets in a process of their own."""

import decimal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

import ijson

from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.reading import Opener

if TYPE_CHECKING:
    from careline_ingest.adapters.sheets import ChildSheet

BLOCK_CHARS = 1 << 16
MAX_DEPTH = 64
MAX_ROW_BYTES = 16 << 20
"""A JSON document whose next row has not ended after so much is no list of rows."""


class LibraryReaders:
    """The domain's `Readers`."""

    def spreadsheet(self, opener: Opener) -> "ChildSheet":
        from careline_ingest.adapters.sheets import (
            ChildSheet,  # a process for other files is started without
        )

        return ChildSheet(opener)

    def check_json(self, stream: TextIO, path: str | None) -> None:
        wanted, found = (path.split(".") if path else []), False
        limited, inside = _Limited(stream), _Inside()
        try:
            for event, value in ijson.basic_parse(limited):
                found = found or (event == "start_array" and inside.path == wanted)
                inside.follow(event, value)
                if len(inside.path) <= len(wanted) + 1:
                    limited.again()
        except (ijson.JSONError, RecursionError) as error:
            raise UnreadableFileError(f"the file is not JSON: {_reason(error)}") from None
        if not found:
            where = f"under {path!r}" if path else "at the top"
            raise UnreadableFileError(f"the JSON document has no list of rows {where}")

    def json_rows(self, stream: TextIO, path: str | None) -> Iterator[object]:
        limited = _Limited(stream)
        items = ijson.items(limited, f"{path}.item" if path else "item")
        try:
            for item in items:
                limited.again()
                yield _as_written(item)
        except (ijson.JSONError, RecursionError) as error:
            raise UnreadableFileError(f"the file is not JSON: {_reason(error)}") from None

    def encoding_hint(self, sample: bytes) -> str | None:
        from charset_normalizer import from_bytes  # needed when something is wrong only

        best = from_bytes(sample).best()
        return None if best is None else best.encoding


class _Inside:
    """Where in a document a parser is: keys, and `None` for lists. Deep nesting is refused, for which the
    parser's own paths would grow with the square of it."""

    def __init__(self) -> None:
        self.path: list[str | None] = []

    def follow(self, event: str, value: Any) -> None:
        if event == "map_key":
            self.path[-1] = value
        elif event in {"start_map", "start_array"}:
            self.path.append(None)
            if len(self.path) > MAX_DEPTH:
                raise UnreadableFileError(f"the file is not JSON: nested deeper than {MAX_DEPTH}")
        elif event in {"end_map", "end_array"}:
            self.path.pop()


class _Limited:
    """A text as the UTF-8 that ijson reads, and how much of it went by since the last row."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._since = 0
        self._first = True

    def again(self) -> None:
        self._since = 0

    def read(self, size: int) -> bytes:
        if size == 0:  # so ijson asks what kind of file it is
            return b""
        if self._since > MAX_ROW_BYTES:
            raise UnreadableFileError(f"a row of the JSON document is longer than {MAX_ROW_BYTES}")
        block = self._stream.read(BLOCK_CHARS)
        if self._first:
            block, self._first = block.lstrip("\ufeff"), False
        content = block.encode("utf-8", "replace")
        self._since += len(content)
        return content


def _reason(error: Exception) -> str:
    """The first line of what the parser says: in the others it quotes the document."""
    said = error.args[0] if error.args else type(error).__name__
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def _as_written(value: Any) -> Any:
    """Numbers stay as they are written: a policy number is no quantity."""
    if isinstance(value, dict):
        return {name: _as_written(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_written(inner) for inner in value]
    if isinstance(value, int | decimal.Decimal) and not isinstance(value, bool):
        return str(value)
    return value
