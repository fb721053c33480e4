"""Spreadsheets (XLSX, XLS, ODS), read in a process of their own.

A sheet is unpacked into memory as a whole, and one cell in its last corner makes it huge. The process has
a limit of memory and of time; when it meets one, or the library breaks, the file is refused and
nothing else is harmed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from careline_common.children import command_line
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.reading import Opener
from careline_ingest.domain.sheet_rows import SheetRow

CHILD = "careline_ingest.adapters.sheet_child"
MAX_LINE_BYTES = 8 << 20
TOO_MUCH = "the spreadsheet cannot be read within its limits of memory and time: send it as CSV, or in parts"


class ChildSheet:
    """A spreadsheet that a child process reads and hands over row by row."""

    def __init__(self, opener: Opener) -> None:
        with opener() as file, _on_disk(file) as named:
            self._child = subprocess.Popen(  # noqa: S603 - our own program
                command_line([sys.executable, "-m", CHILD]),
                stdin=named,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONUNBUFFERED": ""},
                start_new_session=True,
            )

    def rows(self) -> Iterator[SheetRow]:
        """Raises `UnreadableFileError` where it cannot be read to its end."""
        assert self._child.stdout is not None
        while line := self._child.stdout.readline(MAX_LINE_BYTES):
            try:
                told = json.loads(line)
            except ValueError:
                break
            if "error" in told:
                raise UnreadableFileError(told["error"])
            if "end" in told:
                return
            yield SheetRow(told["sheet"], told["row"], told["cells"])
        raise UnreadableFileError(TOO_MUCH)

    def close(self) -> None:
        """Ends the child, wherever it is."""
        self._child.kill()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


def _on_disk(file: BinaryIO) -> BinaryIO:
    """The same file with a descriptor that a child can have, at its first byte."""
    try:
        os.lseek(file.fileno(), 0, os.SEEK_SET)
    except OSError:  # in memory
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(file, copy)
        copy.flush()
        os.lseek(copy.fileno(), 0, os.SEEK_SET)
        return copy
    return file
