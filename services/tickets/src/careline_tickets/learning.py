"""What the classifier learns, where the journal is large: by a process of its own, in pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import asyncpg

from careline_tickets.adapters.apart import apart
from careline_tickets.db.examples import newest_examples
from careline_tickets.domain.classifying import Example, Model, Trial, trained, tried

SLICE = 500
"""Words a piece: a millisecond or two of whoever reads it."""

Words = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A model with how well it does; both None where there are too few appeals with a subject."""

    appeals: int
    subjects: int
    model: Model | None
    trial: Trial | None


def lesson_of(examples: Sequence[Example]) -> Lesson:
    """Takes a second for each thousand appeals or two."""
    return Lesson(
        appeals=len(examples),
        subjects=len({subject for subject, _ in examples}),
        model=trained(examples),
        trial=tried(examples),
    )


async def learned_apart(database_url: str, most: int) -> Lesson:
    """Of the newest appeals. Raises `ApartError`."""
    lesson, *slices = await apart(_learn, database_url, most)
    assert isinstance(lesson, Lesson)
    if lesson.model is None:
        return lesson
    words: dict[str, Mapping[str, float]] = {}
    for each in slices:
        assert isinstance(each, dict)
        words.update(each)
    return replace(lesson, model=replace(lesson.model, words=words))


async def _learn(database_url: str, most: int) -> list[Lesson | Words]:
    """The lesson, its model without words, then the words in slices."""
    connection = await asyncpg.connect(database_url)
    try:
        lesson = lesson_of(await newest_examples(connection, most))
    finally:
        await connection.close()
    if lesson.model is None:
        return [lesson]
    entries = iter(lesson.model.words.items())
    slices: list[Words] = []
    while part := dict(islice(entries, SLICE)):
        slices.append(part)
    return [replace(lesson, model=replace(lesson.model, words={})), *slices]
