"""Reads one file for a parent process: what it is asked on standard input it answers on standard output.

Both are pickles, between a process and its own child. It imports no more than reading takes, because it is
started for every large file.
"""

import pickle
import sys
from typing import BinaryIO

from careline_common.collector import spare_collector
from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.adapters.reading_orders import Next, Open, Take
from careline_ingest.batches import Reader
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.reading import open_file
from careline_ingest.domain.taking import Batch, Taken

Answer = Batch | Taken | UnreadableFileError | None


def main() -> None:
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    order = pickle.load(asked)  # noqa: S301 - from our own parent
    assert isinstance(order, Open)
    parsers = LibraryParsers()
    reader: Reader | None = None
    try:
        reader = _opened(order, parsers)
        _answer(answers, None)
    except UnreadableFileError as error:
        _answer(answers, error)
    while reader is not None:
        try:
            order = pickle.load(asked)  # noqa: S301 - from our own parent
        except EOFError:  # it has read enough
            reader.close()
            parsers.close()
            return
        if isinstance(order, Next):
            _answer(answers, reader.next(order.seen))
            reader.read_ahead()
        elif isinstance(order, Take):
            _answer(answers, reader.taken(order.places, order.now))


def _opened(order: Open, parsers: LibraryParsers) -> Reader:
    file = open_file(lambda: order.path.open("rb"), order.spec, LibraryReaders())
    return Reader(file, order.spec, parsers=parsers, hasher=order.hasher, size=order.size)


def _answer(answers: BinaryIO, answer: Answer) -> None:
    pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
    answers.flush()


if __name__ == "__main__":
    with spare_collector():
        main()
