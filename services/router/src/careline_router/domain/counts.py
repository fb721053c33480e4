"""The negative binomial distribution: counts at random around a mean that varies itself."""

from math import exp, lgamma, log, log1p, sqrt

FARTHEST_SD = 8.0
"""So many standard deviations below its mean nothing of it is left that matters."""


def interval(mean: float, variation: float, percent: float) -> tuple[int, int]:
    """The counts between which, both included, at least `percent` lie, as much below as above at most.

    `variation` is the squared coefficient of variation of the mean, above 0: the counts' variance is
    mean + variation * mean².
    """
    if mean <= 0:
        return 0, 0
    tail = (1 - percent / 100) / 2
    shape, odds = 1 / variation, log1p(variation * mean)
    count = max(0, int(mean - FARTHEST_SD * sqrt(mean + variation * mean**2)))
    chance = exp(
        lgamma(count + shape)
        - lgamma(shape)
        - lgamma(count + 1)
        - shape * odds
        + count * (log(variation * mean) - odds)
    )
    ratio = exp(log(variation * mean) - odds)
    below, low = chance, None
    while True:
        if low is None and below > tail:
            low = count
        if low is not None and below >= 1 - tail:
            return low, count
        chance *= (count + shape) / (count + 1) * ratio
        count += 1
        below += chance
