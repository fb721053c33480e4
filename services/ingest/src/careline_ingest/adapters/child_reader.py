"""A file that another process reads: it has a core of its own, and whatever a file does to who reads it,
the service goes on."""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from careline_common.children import command_line
from careline_common.observability.pii import PiiHasher
from careline_ingest.adapters.reading_orders import Next, Open, Take
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.taking import Batch, Taken

CHILD = "careline_ingest.adapters.reading_child"
ENDED = "the process that read the file has ended: replay the run, or send the file in parts"
PATIENCE_S = 5.0


class ChildReader:
    """A `RowReader`. Raises `UnreadableFileError` where the file cannot be opened."""

    def __init__(self, path: Path, spec: FeedSpec, *, hasher: PiiHasher, size: int) -> None:
        self._child = subprocess.Popen(  # noqa: S603 - our own program
            command_line([sys.executable, "-m", CHILD]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
            start_new_session=True,
        )
        try:
            refusal = self._asked(Open(path.absolute(), spec, hasher, size))
        except BaseException:
            self.close()
            raise
        if refusal is not None:
            self.close()
            assert isinstance(refusal, UnreadableFileError)
            raise refusal

    def next(self, seen: int) -> Batch:
        try:
            batch = self._asked(Next(seen))
        except UnreadableFileError as error:
            return Batch(seen, failure=error)
        assert isinstance(batch, Batch)
        return batch

    def taken(self, places: Sequence[int], now: datetime) -> Taken:
        taken = self._asked(Take(list(places), now))
        assert isinstance(taken, Taken)
        return taken

    def close(self) -> None:
        """Ends the child, wherever it is."""
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None
        assert stdout is not None
        self._child.kill()
        self._child.wait(PATIENCE_S)
        for pipe in (stdin, stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                continue

    def _asked(self, order: object) -> object:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            pickle.dump(order, self._child.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._child.stdin.flush()
            return pickle.load(self._child.stdout)  # noqa: S301 - from our own child
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            raise UnreadableFileError(ENDED) from None
