"""A circuit breaker as a value: every step gives the breaker that follows.

Closed, it lets everybody pass and counts failures in a row. Open, it lets nobody pass until its pause
is over. Then it is half open: one probe passes, and its end closes the breaker or opens it again.
(The pattern is M. Nygard's, "Release It!".)
"""

from dataclasses import dataclass, replace
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]
Ending = Literal["well", "ill", "neither"]


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to try once; `era` tells between which two turns of the breaker it was given."""

    era: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """`limit` failures in a row open it for `pause_s` seconds. Times are those of one clock."""

    limit: int = 5
    pause_s: float = 10.0
    failures: int = 0
    open_until: float | None = None
    probing: bool = False
    era: int = 0

    def state(self, now: float) -> BreakerState:
        if self.open_until is None:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def lets_pass(self, now: float) -> bool:
        """Whether somebody who asks now may try."""
        state = self.state(now)
        return state == "closed" or (state == "half_open" and not self.probing)

    def admit(self, now: float) -> "tuple[Breaker, Pass | None]":
        """Leave to try, or None; who got it owes the breaker its end."""
        if not self.lets_pass(now):
            return self, None
        return replace(self, probing=self.open_until is not None), Pass(self.era)

    def ended(self, leave: Pass, ending: Ending, now: float) -> "Breaker":
        """How a try went. Of an era that is over it tells nothing about the present."""
        if leave.era != self.era:
            return self
        if ending == "neither":
            return replace(self, probing=False)
        if ending == "well":
            closes = self.open_until is not None
            return replace(
                self, failures=0, open_until=None, probing=False, era=self.era + int(closes)
            )
        failures = self.failures + 1
        if self.open_until is None and failures < self.limit:
            return replace(self, failures=failures)
        return replace(
            self, failures=0, open_until=now + self.pause_s, probing=False, era=self.era + 1
        )
