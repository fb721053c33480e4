"""The classifier at work: learned from the journal itself, now and then anew, and asked while one types."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_tickets.db import tables
from careline_tickets.db.wording import lexemes_of
from careline_tickets.domain.classifying import Example, Guess, Model, Trial, trained, tried

log = structlog.get_logger(__name__)

MOST_APPEALS = 20_000
"""The newest are learned: what people ask about changes."""
LEARN_EVERY_S = 3600.0

t, w = tables.ticket.c, tables.wording.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A model with how well it does; both None while the journal has too few appeals with a subject."""

    at: datetime
    appeals: int
    subjects: int
    model: Model | None
    trial: Trial | None


async def examples_of(connection: AsyncConnection) -> list[Example]:
    """The newest appeals that have a subject, oldest first, with their words but the time words."""
    found = await connection.execute(
        select(t.subject, func.tsvector_to_array(w.words))
        .join_from(tables.wording, tables.ticket, t.id == w.ticket_id)
        .where(t.subject.is_not(None))
        .order_by(w.registered_at.desc(), w.ticket_id.desc())
        .limit(MOST_APPEALS)
    )
    rows: list[Example] = [
        (subject, [one for one in words if one[0] != "@"]) for subject, words in found
    ]
    return rows[::-1]


async def learn(examples: list[Example], at: datetime) -> Learned:
    """Learns in a thread: it takes a second for each ten thousand appeals."""
    trial, model = await asyncio.to_thread(lambda: (tried(examples), trained(examples)))
    return Learned(
        at=at,
        appeals=len(examples),
        subjects=len({subject for subject, _ in examples}),
        model=model,
        trial=trial,
    )


class Classifier:
    """Knows nothing until it has learned once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.learned: Learned | None = None

    async def relearn(self) -> Learned:
        async with self._database.read() as connection:
            examples = await examples_of(connection)
        self.learned = await learn(examples, self._clock.now())
        return self.learned

    async def learn_on(self) -> None:
        """Learns anew every hour, for ever."""
        while True:
            learned = await self.relearn()
            log.info("classifier.learned", appeals=learned.appeals, subjects=learned.subjects)
            await asyncio.sleep(LEARN_EVERY_S)

    async def guesses(
        self, connection: AsyncConnection, text: str, among: Collection[str]
    ) -> list[Guess]:
        """The likeliest subjects of a text; only ones that are configured, where any are."""
        if self.learned is None or self.learned.model is None:
            return []
        found = self.learned.model.guesses(await lexemes_of(connection, text))
        return [guess for guess in found if not among or guess.subject in among]
