"""Upper tails of the negative binomial distribution."""

from math import exp, lgamma, log, log1p

NEGLIGIBLE = 1e-12


def upper_tail(observed: int, mean: float, shape: float) -> float:
    """P(X >= observed) for a negative binomial X with variance mean + mean²/shape.

    It is what a Poisson count brings whose rate is itself gamma distributed; summed term by term, so
    exact to about 1e-10 of itself. `mean` and `shape` are positive.
    """
    if observed <= 0:
        return 1.0
    if observed <= mean:
        return max(0.0, 1.0 - _sum(observed - 1, mean, shape, step=-1))
    return min(1.0, _sum(observed, mean, shape, step=1))


def _sum(first: int, mean: float, shape: float, *, step: int) -> float:
    """The probabilities of `first` and of all counts beyond it, upwards or downwards."""
    failure = mean / (mean + shape)
    term = exp(
        lgamma(first + shape)
        - lgamma(shape)
        - lgamma(first + 1)
        - shape * log1p(mean / shape)
        + first * log(failure)
    )
    total, count = term, first
    while count + step >= 0 and (term > NEGLIGIBLE * total or step < 0):
        if step > 0:
            term *= (count + shape) / (count + 1) * failure
        else:
            term *= count / ((count - 1 + shape) * failure)
        total += term
        count += step
        if term == 0.0:
            break
    return total
