"""Why an agent's leg failed, or a person's, from what Asterisk tells of it.

Asterisk spreads the reason over two events: `Dial` carries a status, `ChannelDestroyed` a Q.850 cause, and for a busy
phone the latter says 0. Measured on Asterisk 22: ring timeout is cause 19 without a `Dial` status of its own, and a
number that does not exist is cause 1 with status NOANSWER.
"""

from typing import Literal

FailureCause = Literal["busy", "rejected", "no_answer", "unreachable"]

_BY_STATUS: dict[str, FailureCause] = {
    "BUSY": "busy",
    "CONGESTION": "unreachable",
    "CHANUNAVAIL": "unreachable",
    "DONTCALL": "rejected",
    "TORTURE": "rejected",
    "NOANSWER": "no_answer",
    "CANCEL": "no_answer",
}
USER_BUSY = 17
NO_USER_RESPONDING = 18
NO_ANSWER = 19
CALL_REJECTED = 21
UNALLOCATED = 1
SUBSCRIBER_ABSENT = 20
NO_WAY = (2, 3, 27, 28, 34, 38, 41, 42)
"""No route, out of order, no such number, congestion: as the networks between have it."""
_BY_CAUSE: dict[int, FailureCause] = {
    USER_BUSY: "busy",
    NO_USER_RESPONDING: "no_answer",
    NO_ANSWER: "no_answer",
    CALL_REJECTED: "rejected",
    UNALLOCATED: "unreachable",
    SUBSCRIBER_ABSENT: "unreachable",
    **dict.fromkeys(NO_WAY, "unreachable"),
}


OUT_OF_ORDER = 27
NETWORK_FAULTS = range(34, 127)
"""Q.850's classes from "resource unavailable" to "protocol error". 44 is a phone from which no sound comes any more
(`rtp_timeout`), 102 one that does not answer its session timer."""
LOST = frozenset({NO_USER_RESPONDING, SUBSCRIBER_ABSENT, OUT_OF_ORDER, *NETWORK_FAULTS})


def dropped(cause: int) -> bool:
    """Whether a phone that had been answered went without its owner's hanging up; Q.850 cause."""
    return cause in LOST


def failure(dial_status: str | None, cause: int) -> FailureCause:
    """The failure of an offer or a dial: a telling cause first, then the dial status, else unreachable."""
    if cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    return _BY_STATUS.get(dial_status or "", "unreachable")
