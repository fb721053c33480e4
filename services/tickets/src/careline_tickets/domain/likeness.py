"""Which words of a text tell it from others, and how likely two appeals are the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

MOST_WORDS = 8
LEAST_WORDS = 3
"""Fewer words say nothing: "no answer" is in a thousand appeals."""
MOST_SHARE = 0.001
"""Texts that are like another by chance may be this share of all; more would be looked at in vain."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A text is a candidate when at least `least` of these words stand in it."""

    words: tuple[str, ...]
    least: int
    chance: float
    """How likely that is for a text that has nothing to do with it."""


def telling(words: Sequence[str], share: Mapping[str, float], unknown: float) -> Telling | None:
    """The rarest words of a text, and how many of them make chance unlikely; None when too few are there.

    `share` is the part of all texts that a word is in; `unknown` that of words which are not in it.
    One word at least may be missing, so that a text with a slip is found too, unless all are common.
    """
    if len(words) < LEAST_WORDS:
        return None
    shares = {word: share.get(word, unknown) for word in words}
    chosen = sorted(shares, key=lambda word: (shares[word], -len(word), word))[:MOST_WORDS]
    for least in range(2, len(chosen)):
        for size in range(len(chosen), least, -1):
            chance = at_least(least, [shares[word] for word in chosen[:size]])
            if chance <= MOST_SHARE:
                return Telling(tuple(chosen[:size]), least, chance)
    return Telling(tuple(chosen), len(chosen), prod(shares[word] for word in chosen))


def at_least(least: int, chances: Sequence[float]) -> float:
    """How likely so many of independent things happen at once (Poisson binomial)."""
    counts = [1.0]
    for chance in chances:
        shifted = [0.0, *(count * chance for count in counts)]
        kept = [*(count * (1 - chance) for count in counts), 0.0]
        counts = [one + other for one, other in zip(shifted, kept, strict=True)]
    return sum(counts[least:])
