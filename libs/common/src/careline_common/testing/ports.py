"""Free ports on 127.0.0.1 that no other test run takes at the same time.

Each process reserves a block of ports outside the range from which the kernel takes ports for
outgoing connections, so a port that was free a moment ago is still free when a server opens it.
"""

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import IO

FIRST, LAST, BLOCK = 20_000, 32_000, 200


class Ports:
    """The ports of one test process. The block is given back when the process ends."""

    def __init__(self) -> None:
        self._locks: list[IO[str]] = []
        self._next = self._end = 0

    def take(self) -> int:
        """A port that is free for TCP and UDP and is never handed out again by this object."""
        return self.take_range(1)

    def take_range(self, count: int) -> int:
        """The first of `count` consecutive free ports; even, as RTP wants it, when there are several."""
        assert count <= BLOCK
        while True:
            if count > 1:
                self._next += self._next % 2
            if self._end - self._next < count:
                self._reserve()
            first = self._next
            self._next += count
            if all(_is_free(port) for port in range(first, first + count)):
                return first

    def _reserve(self) -> None:
        folder = Path(tempfile.gettempdir()) / f"careline-test-ports-{os.getuid()}"
        folder.mkdir(exist_ok=True)
        for start in range(FIRST, LAST, BLOCK):
            lock = (folder / str(start)).open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self._locks.append(lock)
            self._next, self._end = start, start + BLOCK
            return
        raise RuntimeError(f"all test ports from {FIRST} to {LAST} are taken")

    def close(self) -> None:
        """Gives the ports back."""
        for lock in self._locks:
            lock.close()
        self._locks.clear()
        self._next = self._end = 0


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
