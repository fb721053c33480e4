"""Rows out of an XML document, as it streams in. A document with a DTD is refused: nothing is ever
expanded or fetched.

The cells of a row are called by their path below it: `NAME`, `PACIENT/NPOLIS`, `SMO@code` for an
attribute. What stands there several times is a list.
"""

from collections.abc import Iterator
from typing import TextIO
from xml.parsers import expat

from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.rows import RawRow

BLOCK_CHARS = 1 << 16
MAX_TOKEN_BYTES = 4 << 20
"""A tag or an attribute that does not end for so long is no row of anything."""
MAX_ROW_CHARS = 1 << 20
MAX_DEPTH = 64


def check_xml(stream: TextIO, path: str | None) -> None:
    """Reads a whole document; raises `UnreadableFileError` where it is none, is hostile, or has no
    element under `path`."""
    rows = 0
    for _ in xml_rows(stream, path):
        rows = 1
    if not rows and path:
        raise UnreadableFileError(f"the XML document has no element {path!r}")


def xml_rows(stream: TextIO, path: str | None) -> Iterator[RawRow]:
    """The rows under `path` (`ZL_LIST/ZAP`, or the end of it: `ZAP`), in their order; without a path
    the children of the root. Raises `UnreadableFileError`."""
    builder = _Builder(path)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    number = fed = 0
    while True:
        block = stream.read(BLOCK_CHARS).encode("utf-8", "replace")
        fed += len(block)
        try:
            parser.Parse(block, not block)
        except expat.ExpatError as error:
            raise UnreadableFileError(f"the file is not XML: {error}") from None
        if fed - parser.CurrentByteIndex > MAX_TOKEN_BYTES:
            raise UnreadableFileError(f"a tag is longer than {MAX_TOKEN_BYTES} bytes")
        for cells in builder.take():
            number += 1
            yield RawRow(number, cells)
        if not block:
            return


def _refuse_dtd(*_: object) -> None:
    raise UnreadableFileError("the XML document has a DTD (DOCTYPE), which is not allowed")


class _Builder:
    """Puts the rows together from the parser's calls."""

    def __init__(self, path: str | None) -> None:
        self._path = [] if path is None else path.replace(".", "/").strip("/").split("/")
        self._stack: list[str] = []
        self._row_depth = 0
        """How deep the row lies that is being read; 0: none is."""
        self._cells: dict[str, object] = {}
        self._text: list[str] = []
        self._chars = 0
        self._leaf = False
        self._done: list[dict[str, object]] = []

    def take(self) -> list[dict[str, object]]:
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._stack.append(name.rpartition(":")[2])
        if len(self._stack) > MAX_DEPTH:
            raise UnreadableFileError(f"the XML document is nested deeper than {MAX_DEPTH}")
        if not self._row_depth:
            if not self._is_row():
                return
            self._row_depth, self._cells, self._chars = len(self._stack), {}, 0
        self._text, self._leaf = [], True
        for key, value in attributes.items():
            self._grow(len(value))
            if not key.startswith("xmlns"):
                self._put(f"{self._name()}@{key}", value)

    def text(self, text: str) -> None:
        if self._row_depth:
            self._grow(len(text))
            self._text.append(text)

    def end(self, _name: str) -> None:
        if self._row_depth:
            name = self._name()
            if self._leaf:
                self._put(name or "#text", "".join(self._text).strip())
            self._text, self._leaf = [], False
            if len(self._stack) == self._row_depth:
                self._done.append(self._cells)
                self._row_depth = 0
        self._stack.pop()

    def _is_row(self) -> bool:
        if self._path:
            return self._stack[-len(self._path) :] == self._path
        return len(self._stack) == 2

    def _name(self) -> str:
        return "/".join(self._stack[self._row_depth :])

    def _put(self, name: str, value: str) -> None:
        before = self._cells.get(name)
        if before is None:
            self._cells[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            self._cells[name] = [before, value]

    def _grow(self, chars: int) -> None:
        self._chars += chars
        if self._chars > MAX_ROW_CHARS:
            raise UnreadableFileError(f"a row has more than {MAX_ROW_CHARS} characters")
