"""Works out expressions for a parent process: what it is asked on standard input it answers on standard
output, both as pickles between a process and its own child.

Argument: the seconds of computing that one answer may take. They are counted by the kernel, which ends
this process when they are over, whatever library it is in.
"""

import pickle
import resource
import signal
import sys
from typing import NamedTuple

from careline_ingest.adapters.expressions import evaluated

MOST_BYTES = 1 << 30


class Answer(NamedTuple):
    """A value, or why there is none."""

    value: str
    refusal: str | None = None


def main() -> None:
    limit_s = float(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    evaluated("value", {}, "")  # what has to be imported is not the first expression's fault
    while True:
        try:
            expression, cells, value = pickle.load(asked)  # noqa: S301 - from our own parent
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, limit_s)
        try:
            answer = Answer(evaluated(expression, cells, value))
        except ValueError as error:
            answer = Answer("", str(error))
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        pickle.dump(tuple(answer), answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main()
