"""Physical lines of a text, a block at a time: however long the file is, only one block is in memory."""

import io
from collections import deque
from collections.abc import Sequence
from itertools import takewhile
from typing import TextIO

from careline_ingest.domain.faults import UnreadableFileError

MAX_LINE_CHARS = 1 << 20
BLOCK_CHARS = 1 << 16


class Lines:
    """Lines with their ends, which are `\\n`, `\\r` or `\\r\\n`. What was taken can be given back.

    Raises `UnreadableFileError` at a line that is longer than `MAX_LINE_CHARS`, after those before it.
    """

    def __init__(self, stream: TextIO) -> None:
        """`stream` leaves line ends as they are."""
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._begun = ""
        """A line whose end was not read yet."""
        self._failure: UnreadableFileError | None = None

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        if not self._waiting:
            self._fill()
        if not self._waiting:
            raise StopIteration
        return self._waiting.popleft()

    def __bool__(self) -> bool:
        """Whether there are lines that have been read and not taken."""
        return bool(self._waiting)

    def block(self) -> list[str]:
        """Some lines; none at the end of the text."""
        if not self._waiting:
            self._fill()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def give_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))

    def _fill(self) -> None:
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            read = self._stream.read(BLOCK_CHARS)
            lines = io.StringIO(self._begun + read, newline="").readlines()
            # the line may go on, and `\r` be half of `\r\n`
            goes_on = bool(read and lines and not lines[-1].endswith("\n"))
            self._begun = lines.pop() if goes_on else ""
            self._waiting.extend(self._short(lines))
            if not read:
                return

    def _short(self, lines: list[str]) -> list[str]:
        """The lines before one that is too long."""
        if max(map(len, (*lines, self._begun))) <= MAX_LINE_CHARS:
            return lines
        self._failure = UnreadableFileError(f"a line is longer than {MAX_LINE_CHARS} characters")
        return list(takewhile(lambda line: len(line) <= MAX_LINE_CHARS, lines))
