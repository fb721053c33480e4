"""How well a provider does: by its answers, and by what share of its messages are delivered."""

from dataclasses import dataclass

STRIKES = 3
"""Messages in a row that a provider did not take, or of which it did not say what became."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 600.0

MEASURED = 50
"""So many of the last messages are measured."""
LEAST = 20
"""Fewer tell nothing."""
TRIAL = 10
"""Messages by which a provider shows that it delivers again."""
FIRST_REST_S, LONGEST_REST_S = 600.0, 7200.0


@dataclass(slots=True)
class Breaker:
    """Opens after `STRIKES` bad answers in a row; then one message at a time tries again.

    Times are monotonic seconds.
    """

    _strikes: int = 0
    _pause_s: float = FIRST_PAUSE_S
    _open_until: float | None = None

    @property
    def tripped(self) -> bool:
        return self._open_until is not None

    def closed(self, now: float) -> bool:
        """True when messages had better go here: all is well, or it is time for a trial."""
        return self._open_until is None or now >= self._open_until

    def note(self, *, well: bool, now: float) -> None:
        if well:
            self._strikes, self._pause_s, self._open_until = 0, FIRST_PAUSE_S, None
            return
        self._strikes += 1
        if self._open_until is not None and now >= self._open_until:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            self._open_until = now + self._pause_s
        elif self._open_until is None and self._strikes >= STRIKES:
            self._open_until = now + self._pause_s


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Of the last messages of a provider: those that have had time for a receipt.

    `told` counts those with one, of whatever kind.
    """

    delivered: int
    told: int
    all: int

    @property
    def share_pct(self) -> float:
        return 100 * self.delivered / self.all if self.all else 0.0


@dataclass(slots=True)
class DeliveryWatch:
    """Rests a provider whose messages do not arrive, and then has it show by a few that they do.

    A provider that never tells what became of a message is not measured: nothing is known against
    it. Only in a trial it has to show something. Times are in seconds since 1970.
    """

    least_pct: float
    since: float | None = None
    """Only messages handed over from here on count; None: all do."""
    _rest_s: float = FIRST_REST_S
    _resting_until: float | None = None
    _trial_left: int | None = None

    def takes(self, now: float) -> bool:
        """Whether messages had better go here."""
        if self._resting_until is not None and now >= self._resting_until:
            self._begin_trial(now)
        if self._trial_left == 0 and now - (self.since or now) > LONGEST_REST_S:
            self._begin_trial(now)  # the last one's messages never came to an end
        return self._resting_until is None and self._trial_left != 0

    def most(self) -> int | None:
        """How many more it may have for now; None without a limit."""
        return self._trial_left

    def handed(self, count: int) -> None:
        """So many messages were handed over."""
        if self._trial_left is not None:
            self._trial_left = max(0, self._trial_left - count)

    def judge(self, measured: Deliveries, now: float) -> None:
        """Looks at what was delivered."""
        trial = self._trial_left is not None
        if self.least_pct == 0 or self._resting_until is not None:
            return
        if measured.all < (TRIAL if trial else LEAST) or (not trial and measured.told == 0):
            return
        if measured.share_pct >= self.least_pct:
            self._trial_left = None
            self._rest_s = FIRST_REST_S if trial else self._rest_s
            return
        if trial:
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
        self._resting_until, self._trial_left = now + self._rest_s, None

    def _begin_trial(self, now: float) -> None:
        self._resting_until, self._trial_left, self.since = None, TRIAL, now
