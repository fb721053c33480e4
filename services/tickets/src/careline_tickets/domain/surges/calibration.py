"""How far the smallest chances of a journal can be believed.

A model's chance of one in a million is an extrapolation. If it were exact, chances below `FROM` would
come as often as they say, and their logarithms would lie beyond it by 1 in the mean (they are exponential);
where rates jump more than the model knows they come more often, and lie further out. Both are measured over
all series of a journal together, and stretch the chances back: the tail index of extreme value
statistics (Hill, *Annals of Statistics* 3, 1975) on the scale of the chances.
"""

from math import exp, log

FROM = 0.01
MOST = 8.0
"""What one window may add: surges that nobody found are among them."""
PRIOR = 20.0
"""How many such chances the belief is worth that..."""
PRIOR_EXCESS = 1.1
"""...they lie so far out."""
FADE = 1 - 7 / 365
"""A week."""


class Tail:
    """What chances below `FROM` there were in a journal, in windows of one length."""

    def __init__(self) -> None:
        self._windows = 0.0
        self._beyond = 0.0
        self._excess = 0.0

    def fade(self) -> None:
        """A week has passed."""
        self._windows *= FADE
        self._beyond *= FADE
        self._excess *= FADE

    def learn(self, chance: float) -> None:
        """Takes in the chance of one window, which was part of no surge."""
        self._windows += 1
        if chance < FROM:
            self._beyond += 1
            self._excess += min(log(FROM / chance), MOST)

    def corrected(self, chance: float) -> float:
        """How often windows are that far out: never less often than the model says."""
        if chance >= FROM:
            return chance
        stretch = max(1.0, (self._excess + PRIOR * PRIOR_EXCESS) / (self._beyond + PRIOR))
        often = max(1.0, (self._beyond + PRIOR) / (self._windows * FROM + PRIOR))
        return min(1.0, often * FROM * exp(-log(FROM / chance) / stretch))
