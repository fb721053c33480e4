"""Outcomes on their way into the database: what comes together is committed together."""

import asyncio
from collections.abc import Sequence

import stamina
import structlog

from careline_common.db.engine import Database, is_unavailable
from careline_common.observability.errors import describe
from careline_surveys.handover import Outcomes, Result

log = structlog.get_logger(__name__)


GATHER_S = 0.01
"""Answers to messages that went out together come that close together."""


class Recorder:
    """Whoever comes while a commit is under way is written by the next one, with all the others."""

    def __init__(self, database: Database, outcomes: Outcomes) -> None:
        self._database = database
        self._outcomes = outcomes
        self._turn = asyncio.Lock()
        self._waiting: list[Result] = []

    async def record(self, result: Result) -> None:
        """Returns once the result is committed, or is given up: then its message becomes unknown."""
        self._waiting.append(result)
        async with self._turn:
            if result not in self._waiting:
                return
            await asyncio.sleep(GATHER_S)
            batch, self._waiting = self._waiting, []
            await self._write(batch)

    async def _write(self, batch: Sequence[Result]) -> None:
        try:
            await self._commit(batch)
        except Exception as error:
            if is_unavailable(error) or len(batch) == 1:
                log.exception("sms.outcome_lost", count=len(batch), error=describe(error))
                return
            for result in batch:  # one of them must not take the others along
                await self._write([result])

    async def _commit(self, batch: Sequence[Result]) -> None:
        async for attempt in stamina.retry_context(on=is_unavailable, attempts=10, timeout=30):
            with attempt:
                async with self._database.unit_of_work() as uow:
                    await self._outcomes.record(uow, batch)
