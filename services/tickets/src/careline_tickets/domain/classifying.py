"""The subject of an appeal, guessed from its words by what the journal has been told before.

Multinomial naive Bayes (Manning, Raghavan, Schütze: Introduction to Information Retrieval, ch. 13) over the
set of a text's words: small, quick to learn anew, and in need of nothing but the journal.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

SMOOTHING = 0.3
"""Counted to each word of each subject, so that a new word excludes nothing."""
LEAST_APPEALS = 50
HELD_BACK = 0.2
LEAST_SHARE = 0.1
"""A subject less likely than this is not worth suggesting."""

Example = tuple[str, Collection[str]]
"""A subject and the words of an appeal."""


@dataclass(frozen=True, slots=True)
class Guess:
    """`score` from 0 to 1: how likely, as far as the words tell."""

    subject: str
    score: float


@dataclass(frozen=True, slots=True)
class Model:
    """What each subject's appeals say, as logarithms."""

    priors: Mapping[str, float]
    words: Mapping[str, Mapping[str, float]]
    unseen: Mapping[str, float]

    def guesses(self, words: Iterable[str], most: int = 3) -> list[Guess]:
        """The likeliest subjects, first the best; none when no word is known."""
        known = [word for word in set(words) if word in self.words]
        if not known:
            return []
        sums = dict(self.priors)
        for word in known:
            of_word = self.words[word]
            for subject, unseen in self.unseen.items():
                sums[subject] += of_word.get(subject, unseen)
        best = max(sums.values())
        # words of a text come in company and are no independent witnesses: their root tempers them
        tempered = {
            subject: math.exp((total - best) / math.sqrt(len(known)))
            for subject, total in sums.items()
        }
        whole = sum(tempered.values())
        ranked = sorted(tempered, key=lambda subject: (-tempered[subject], subject))[:most]
        found = [Guess(subject, round(tempered[subject] / whole, 3)) for subject in ranked]
        return [guess for guess in found if guess.score >= LEAST_SHARE]


@dataclass(frozen=True, slots=True)
class Trial:
    """How well a model does on appeals that it has not seen, beside always naming the commonest subject."""

    appeals: int
    right: int
    majority: str
    majority_right: int


def trained(examples: Sequence[Example]) -> Model | None:
    """A model of these appeals; None when they are too few, or all of one subject."""
    subjects = Counter(subject for subject, _ in examples)
    if len(examples) < LEAST_APPEALS or len(subjects) < 2:
        return None
    counts: dict[str, Counter[str]] = {}
    sizes: Counter[str] = Counter()
    for subject, words in examples:
        for word in set(words):
            counts.setdefault(word, Counter())[subject] += 1
        sizes[subject] += len(set(words))
    wholes = {subject: sizes[subject] + SMOOTHING * len(counts) for subject in subjects}
    return Model(
        priors={subject: math.log(n / len(examples)) for subject, n in subjects.items()},
        words={
            word: {s: math.log((n + SMOOTHING) / wholes[s]) for s, n in of_word.items()}
            for word, of_word in counts.items()
        },
        unseen={subject: math.log(SMOOTHING / whole) for subject, whole in wholes.items()},
    )


def tried(examples: Sequence[Example]) -> Trial | None:
    """Learns the older appeals and guesses the newest: `examples` come oldest first."""
    held = round(HELD_BACK * len(examples))
    older, newest = examples[: len(examples) - held], examples[len(examples) - held :]
    model = trained(older)
    if model is None or not newest:
        return None
    majority = Counter(subject for subject, _ in older).most_common(1)[0][0]
    right = 0
    for subject, words in newest:
        first = model.guesses(words, most=1)
        right += (first[0].subject if first else majority) == subject
    return Trial(
        appeals=len(newest),
        right=right,
        majority=majority,
        majority_right=sum(subject == majority for subject, _ in newest),
    )
