"""Hours in which nobody is called."""

from collections.abc import Sequence

DAY_S = 86_400.0


def first_allowed(at: float, quiet: Sequence[tuple[float, float]], utc_offset_s: float) -> float:
    """The first moment from `at` on (seconds since the epoch) that lies in no quiet span.

    A span is two times of the person's local day in seconds from midnight, the end not included; one
    that ends before it begins goes over midnight. Spans that cover a whole day keep nobody quiet.
    """
    moment = at
    for _ in range(len(quiet) + 1):
        local = (moment + utc_offset_s) % DAY_S
        left = max(
            (_left(local, begin, end) for begin, end in quiet),
            default=0.0,
        )
        if not left:
            return moment
        moment += left
    return at


def _left(local: float, begin: float, end: float) -> float:
    """How much is left of a span at this time of the day; 0 outside it."""
    length = (end - begin) % DAY_S
    into = (local - begin) % DAY_S
    return length - into if into < length else 0.0
