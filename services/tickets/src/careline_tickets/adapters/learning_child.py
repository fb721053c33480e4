"""Learns a large journal for a parent process, which has citizens waiting meanwhile.

The database's URL and the number of appeals come as one line each on standard input, since arguments and
environments are for others to see. What was learned goes to standard output as frames: four bytes of length,
then a pickle; first the head, then the words in slices, so that whoever reads them may do so little by little.
"""

import asyncio
import os
import pickle
import sys
from collections.abc import Iterator
from itertools import islice

import asyncpg

from careline_common.collector import spare_collector
from careline_tickets.adapters.learning_frames import LENGTH, Head
from careline_tickets.db.examples import newest_examples
from careline_tickets.domain.classifying import Example, Model, trained, tried

NICENESS = 19
SLICE = 500
"""Words a frame: a millisecond or two of whoever reads them."""


def main() -> None:
    os.nice(NICENESS)
    url, most = sys.stdin.readline().rstrip("\n"), int(sys.stdin.readline())
    examples = asyncio.run(_examples(url, most))
    for frame in _frames(examples):
        body = pickle.dumps(frame, protocol=pickle.HIGHEST_PROTOCOL)
        sys.stdout.buffer.write(LENGTH.pack(len(body)) + body)
    sys.stdout.buffer.flush()


async def _examples(url: str, most: int) -> list[Example]:
    connection = await asyncpg.connect(url)
    try:
        return await newest_examples(connection, most)
    finally:
        await connection.close()


def _frames(examples: list[Example]) -> Iterator[object]:
    model, trial = trained(examples), tried(examples)
    words = {} if model is None else model.words
    bare = None if model is None else Model(priors=model.priors, words={}, unseen=model.unseen)
    yield Head(
        appeals=len(examples),
        subjects=len({subject for subject, _ in examples}),
        model=bare,
        trial=trial,
        slices=-(-len(words) // SLICE),
    )
    entries = iter(words.items())
    while part := dict(islice(entries, SLICE)):
        yield part


if __name__ == "__main__":
    with spare_collector():
        main()
