"""The classifier at work: learned from the journal itself, now and then anew, and asked while one types."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.copying import driver_of
from careline_common.db.engine import Database
from careline_tickets.db.examples import newest_examples
from careline_tickets.db.wording import lexemes_of
from careline_tickets.domain.classifying import Guess
from careline_tickets.learning import Lesson, learned_apart, lesson_of

log = structlog.get_logger(__name__)

MOST_APPEALS = 20_000
"""The newest are learned: what people ask about changes."""
AT_HAND = 500
"""A journal with no more is learned here, in a blink; to start a process for it would take longer."""
LEARN_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What was learned, and when."""

    at: datetime
    lesson: Lesson


class Classifier:
    """Knows nothing until it has learned once."""

    def __init__(self, database: Database, clock: Clock, *, at_hand: int = AT_HAND) -> None:
        """`at_hand`: a journal of more appeals is learned by a process of its own."""
        self._database = database
        self._clock = clock
        self._at_hand = at_hand
        self._learning = asyncio.Lock()
        self.learned: Learned | None = None

    async def relearn(self) -> Learned:
        """Raises `ApartError` when the process that learns has ended; what was learned before stays."""
        async with self._learning:
            self.learned = await self._learned()
        return self.learned

    async def learn_on(self) -> None:
        """Learns anew every hour, for ever."""
        while True:
            lesson = (await self.relearn()).lesson
            log.info("classifier.learned", appeals=lesson.appeals, subjects=lesson.subjects)
            await asyncio.sleep(LEARN_EVERY_S)

    async def guesses(
        self, connection: AsyncConnection, text: str, among: Collection[str]
    ) -> list[Guess]:
        """The likeliest subjects of a text; only ones that are configured, where any are."""
        if self.learned is None or self.learned.lesson.model is None:
            return []
        found = self.learned.lesson.model.guesses(await lexemes_of(connection, text))
        return [guess for guess in found if not among or guess.subject in among]

    async def _learned(self) -> Learned:
        async with self._database.read() as connection:
            examples = await newest_examples(driver_of(connection), self._at_hand + 1)
        if len(examples) <= self._at_hand:
            lesson = lesson_of(examples)
        else:
            lesson = await learned_apart(self._database.url, MOST_APPEALS)
        return Learned(at=self._clock.now(), lesson=lesson)
