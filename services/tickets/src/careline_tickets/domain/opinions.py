"""Opinions and suggestions that say the same, put together by subject and likeness."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from careline_tickets.domain.likeness import telling

IMAGINED = 100
"""Texts without any of the words, added to those that are grouped: of a few every word would seem common."""
MOST_WORDS = 6
LEAST_PEOPLE = 2
"""A word of one person alone may tell who he is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """`words` are those of its text as the search has them, none once it was erased; `spoken` the same as
    they were written. `person` is equal for opinions of the same person."""

    id: str
    subject: str | None
    person: str
    words: frozenset[str]
    spoken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Opinions on one subject that are alike, the most typical one first; `words` tell what they share."""

    subject: str | None
    opinions: tuple[Opinion, ...]
    words: tuple[str, ...]

    @property
    def people(self) -> int:
        return len({opinion.person for opinion in self.opinions})


def grouped(opinions: Sequence[Opinion], common: Mapping[str, float]) -> list[Group]:
    """Every opinion is in one group, alone when none is like it; the largest groups first.

    `common` is the share of the journal's texts that each of its commoner words is in. The opinion
    that most others are like makes the next group, with those of them that are in none yet.
    """
    by_subject: dict[str | None, list[Opinion]] = defaultdict(list)
    for opinion in opinions:
        by_subject[opinion.subject].append(opinion)
    shares = _shares(opinions, common)
    groups = [
        Group(subject=subject, opinions=members, words=_shared(members, shares))
        for subject, those in by_subject.items()
        for members in _alike(those, shares)
    ]
    return sorted(
        groups, key=lambda one: (-len(one.opinions), one.subject or "", one.opinions[0].id)
    )


def _shares(opinions: Sequence[Opinion], common: Mapping[str, float]) -> dict[str, float]:
    """In which part of the texts a word is: of these, or of the journal, where it is commoner."""
    counts = Counter(word for opinion in opinions for word in opinion.words)
    texts = len(opinions) + IMAGINED
    return {word: max(count / texts, common.get(word, 0.0)) for word, count in counts.items()}


def _alike(
    opinions: Sequence[Opinion], shares: Mapping[str, float]
) -> Iterator[tuple[Opinion, ...]]:
    neighbours = _neighbours(opinions, shares)
    left = {opinion.id: opinion for opinion in opinions}
    for center in sorted(left, key=lambda each: (-len(neighbours[each]), each)):
        if center in left:
            others = sorted(each for each in neighbours[center] if each in left)
            yield tuple(left.pop(each) for each in (center, *others))


def _neighbours(opinions: Sequence[Opinion], shares: Mapping[str, float]) -> dict[str, set[str]]:
    """Which opinions have enough of the telling words of each, or the other way round.

    Words that only one of them has can join it to no other, and do not count among its telling ones.
    """
    holding: dict[str, list[str]] = defaultdict(list)
    for opinion in opinions:
        for word in opinion.words:
            holding[word].append(opinion.id)
    found: dict[str, set[str]] = {opinion.id: set() for opinion in opinions}
    for opinion in opinions:
        words = sorted(word for word in opinion.words if len(holding[word]) > 1)
        told = telling(words, shares, 0.0)
        if told is None:
            continue
        held = Counter(other for word in told.words for other in holding[word])
        for other, count in held.items():
            if count >= told.least and other != opinion.id:
                found[opinion.id].add(other)
                found[other].add(opinion.id)
    return found


def _shared(opinions: Sequence[Opinion], shares: Mapping[str, float]) -> tuple[str, ...]:
    """What at least half of them speak of, and at least two people, the most telling first; no numbers."""
    holders: dict[str, set[str]] = defaultdict(set)
    counts = Counter(word for opinion in opinions for word in opinion.words)
    for opinion in opinions:
        for word in opinion.words:
            holders[word].add(opinion.person)
    shared = [
        word
        for word, count in counts.items()
        if 2 * count >= len(opinions)
        and len(holders[word]) >= LEAST_PEOPLE
        and not any(sign.isdigit() for sign in word)
    ]
    shared.sort(key=lambda word: (counts[word] * log(shares[word]), word))
    return tuple(_as_written(word, opinions) for word in shared[:MOST_WORDS])


def _as_written(word: str, opinions: Sequence[Opinion]) -> str:
    """The commonest word that begins with a stem."""
    forms = Counter(
        spoken for opinion in opinions for spoken in opinion.spoken if spoken.startswith(word)
    )
    return min(forms, key=lambda form: (-forms[form], len(form), form), default=word)
