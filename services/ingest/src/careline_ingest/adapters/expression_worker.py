"""Expressions worked out in another process, each within its time: whatever an expression does to it, the
service goes on."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping

CHILD = "careline_ingest.adapters.expression_child"
LIMIT_S = 1.0
MOST_SLOW = 3
ENDED = "the process that works out expressions has ended"

Child = subprocess.Popen[bytes]


class ExpressionWorker:
    """One child, begun when it is first asked. May be asked by several threads; each waits for its answer."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        """`limit_s`: how long a child may compute for one answer."""
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._slow: Counter[str] = Counter()

    def evaluate(self, expression: str, cells: Mapping[str, object], value: str) -> str:
        """What an expression gives for a row; raises ValueError without a word of the row. One that took
        too long three times, or ended every process, is not tried any more, lest each row of a file take
        so long."""
        with self._lock:
            if self._slow[expression] >= MOST_SLOW:
                raise ValueError(
                    f"the expression took longer than {self._limit_s} s, or ended its process, on other rows"
                )
            found, refusal = self._answer(expression, (expression, dict(cells), value))
        if refusal is not None:
            raise ValueError(refusal)
        return found

    def close(self) -> None:
        """Ends the child; another one begins when it is needed."""
        with self._lock:
            self._end()

    def _answer(self, expression: str, order: object) -> tuple[str, str | None]:
        """A child that has ended for a reason of its own is replaced once."""
        for _ in range(2):
            child = self._child = self._child or self._begun()
            answer = _asked(child, order)
            if answer is not None:
                return answer
            if self._end() == -signal.SIGPROF:
                self._slow[expression] += 1
                return "", f"the expression took longer than {self._limit_s} s"
        self._slow[expression] += 1
        return "", ENDED

    def _begun(self) -> Child:
        # it brings asyncio along, and who reads a file in a process of its own starts without
        from careline_common.children import command_line

        return subprocess.Popen(  # noqa: S603 - our own program
            command_line([sys.executable, "-m", CHILD, str(self._limit_s)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
            start_new_session=True,
        )

    def _end(self) -> int:
        """How the child ended: by itself, if it had."""
        child, self._child = self._child, None
        if child is None:
            return 0
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue
        try:
            return child.wait(timeout=1.0)  # without its pipes it has nothing to wait for
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()


def _asked(child: Child, order: object) -> tuple[str, str | None] | None:
    """None: the child has ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        pickle.dump(order, child.stdin, protocol=pickle.HIGHEST_PROTOCOL)
        child.stdin.flush()
        answer: tuple[str, str | None] = pickle.load(child.stdout)  # noqa: S301 - from our own child
    except (EOFError, BrokenPipeError, pickle.UnpicklingError):
        return None
    return answer
