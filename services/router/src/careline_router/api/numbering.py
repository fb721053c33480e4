"""Numbers of messages on the agent socket: unique and growing, over reconnects and restarts too.

Stored messages, which a socket that comes back is told again, have numbers of their own (1, 2, …). On
the wire these are a million apart, and what is told only in passing (`resync`, `queue.stats`,
`auth.expiring`) counts on from the stored message before it. So `after` may be the number of any
message: it says which stored ones the client has had.
"""

from typing import Self

STEP = 1_000_000
LARGEST = 2**53 - 1
"""Beyond it JavaScript cannot count."""


def stored_number(after: int | None) -> int | None:
    """The last stored message that a client has had who has seen number `after`."""
    return None if after is None else after // STEP


class Numbering:
    """The numbers of one socket's messages."""

    def __init__(self, last: int) -> None:
        self._last = last

    @classmethod
    def behind(cls, after: int | None, newest: int) -> Self:
        """Begins behind what the client has seen, else behind the newest stored message."""
        known = after is not None and after // STEP <= newest
        return cls(after if known and after is not None else newest * STEP)

    def of_stored(self, number: int) -> int:
        """The wire's number of a stored message."""
        self._last = max(self._last, number * STEP)
        return number * STEP

    def of_passing(self) -> int:
        """A number for a message that is not stored."""
        self._last += 1
        return self._last
