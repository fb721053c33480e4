"""How a row is known again: by a keyed hash of what stood in it, as it came.

A mark lies in the database beside the content of the record that was read from the row, and tells nothing
without the key, which also depends on everything by which the row is read.
"""

import hashlib
import json

from careline_ingest.domain.rows import RawRow

MARK_BYTES = 16
BETWEEN_CELLS = "\x1f"
"""Unit separator: of all characters the one that cells do not have in them. If one does, the row is told
in JSON."""


class Marks:
    """The marks of one file. With `columns` they are the same in all its rows, as in CSV and sheets: what a
    row's cells are called need not be hashed."""

    def __init__(self, key: bytes, *, columns: bool) -> None:
        self._columns = columns
        # what one way of telling a row has is never taken for what the other has
        self._plain, self._json = (
            hashlib.blake2b(key=key, digest_size=MARK_BYTES, person=way)
            for way in (b"cells", b"json")
        )

    def of(self, raw: RawRow) -> tuple[int, bytes]:
        """How many bytes a row has, about, and its mark."""
        said = self._as_columns(raw) if self._columns else None
        if said is None:
            said, begun = _as_json(raw), self._json.copy()
        else:
            begun = self._plain.copy()
        begun.update(said)
        return len(said), begun.digest()

    def _as_columns(self, raw: RawRow) -> bytes | None:
        """The cells of a row that has nothing but texts in them."""
        if not raw.cells:
            return None
        try:
            said = BETWEEN_CELLS.join(raw.cells.values())  # type: ignore[arg-type]  # tried
        except TypeError:
            return None
        if said.count(BETWEEN_CELLS) >= len(raw.cells):
            return None
        return said.encode("utf-8", "surrogatepass")


def _as_json(raw: RawRow) -> bytes:
    """What JSON from outside may hold and UTF-8 cannot is escaped."""
    from pydantic_core import to_json  # half of what a process for CSV needs to start

    said = raw.cells or raw.raw
    try:
        return to_json(said)
    except ValueError:
        return json.dumps(said).encode()
