"""What the driver did, by its own account: a file of JSON lines that only grows.

A line is written before each act and after each acknowledgement, so that whatever happens to the
driver or to Careline, nothing that was acknowledged is forgotten here.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEANT = "meant"
ACKED = "acked"
SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Line:
    """`kind` is meant, acked or seen; `what` names the act and `key` whom or what it is about."""

    kind: str
    what: str
    key: str
    data: dict[str, Any] = field(default_factory=dict)


class Record:
    """The lines so far; with a file they are written there at once."""

    def __init__(self, file: Path | None = None, lines: Iterable[Line] = ()) -> None:
        self._file = file
        self.lines: list[Line] = list(lines)

    def meant(self, what: str, key: str, **data: Any) -> None:
        """About to do it; it may or may not come to be."""
        self._add(Line(MEANT, what, key, data))

    def acked(self, what: str, key: str, **data: Any) -> None:
        """It was acknowledged (2xx): from now on it must not be lost."""
        self._add(Line(ACKED, what, key, data))

    def seen(self, what: str, key: str, **data: Any) -> None:
        """Something that happened to the driver, such as a call that Asterisk dropped."""
        self._add(Line(SEEN, what, key, data))

    def of(self, kind: str, what: str) -> Iterator[Line]:
        return (line for line in self.lines if line.kind == kind and line.what == what)

    def keys(self, kind: str, what: str) -> set[str]:
        return {line.key for line in self.of(kind, what)}

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(
                    json.dumps([line.kind, line.what, line.key, line.data], ensure_ascii=False)
                    + "\n"
                )


def read(file: Path) -> Record:
    """A record from its file."""
    rows = (json.loads(row) for row in file.read_text(encoding="utf-8").splitlines())
    return Record(lines=[Line(*row) for row in rows])
