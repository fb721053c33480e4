"""Does one long piece of work for a parent process, which has people waiting meanwhile.

The order comes on standard input as a pickle: a coroutine function of a module and what it takes, the database's
URL among it, which arguments and environments would show to others. Each thing that it returns goes to standard
output as a frame: four bytes of length, then its pickle; at last a frame of no length.
"""

import asyncio
import os
import pickle
import sys

from careline_common.collector import spare_collector

NICENESS = 19


def main() -> None:
    os.nice(NICENESS)
    work, given = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    answers = sys.stdout.buffer
    for piece in asyncio.run(work(*given)):
        body = pickle.dumps(piece, protocol=pickle.HIGHEST_PROTOCOL)
        answers.write(len(body).to_bytes(4) + body)
    answers.write(bytes(4))
    answers.flush()


if __name__ == "__main__":
    with spare_collector():
        main()
