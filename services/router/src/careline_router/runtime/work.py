"""Commands that wait for the floor, and what is done for them in their transaction besides."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import KeyReusedError, find_answers, store_answers
from careline_router.domain import events as ev
from careline_router.domain.commands import Command
from careline_router.ports import AlreadyAnswered, Receipt

Within = Callable[[UnitOfWork, list[ev.Event]], Awaitable[Any]]


class Answering(Protocol):
    """Makes the results of many works at once, in their transaction: one for each of `about`, in order."""

    async def __call__(self, uow: UnitOfWork, about: Sequence[Any]) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """The result of a work is what `by` makes of `about`, together with all that is asked of it."""

    by: Answering
    about: Any


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """A command that waits. Its result are its events, or what `within` gives, or what `asked` gives
    after that."""

    command: Command
    receipt: Receipt | None
    within: Within | None
    asked: Asked | None
    future: "asyncio.Future[Any]"
    events: list[ev.Event] = field(default_factory=list)
    outcome: Any = None
    error: Exception | None = None
    tries: int = 0

    def begin(self) -> None:
        """For the first time, or once more after a batch that did not come to stand."""
        self.error, self.outcome, self.events = None, None, []

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.outcome)
        else:
            self.future.set_exception(self.error)


def fail(works: Sequence[Work], error: Exception) -> None:
    """Tells all of them that they have come to nothing."""
    for work in works:
        work.error = error
        work.settle()


async def look_for_answers(uow: UnitOfWork, works: Sequence[Work]) -> None:
    """Works whose receipt was answered before get an error, and are not to be carried out."""
    receipts = {(work.receipt.scope, work.receipt.key): work for work in works if work.receipt}
    if not receipts:
        return
    asked = {key: work.receipt.fingerprint for key, work in receipts.items() if work.receipt}
    for key, found in (await find_answers(uow.connection, asked)).items():
        receipts[key].error = found if isinstance(found, KeyReusedError) else AlreadyAnswered(found)


async def finish(uow: UnitOfWork, works: Sequence[Work]) -> None:
    """Makes the results of works that were carried out, and keeps the answers of their receipts."""
    asked: dict[Answering, list[tuple[Work, Any]]] = {}
    for work in works:
        work.outcome = work.events
        if work.within is not None:
            work.outcome = await work.within(uow, work.events)
        if work.asked is not None:
            asked.setdefault(work.asked.by, []).append((work, work.asked.about))
    for answering, group in asked.items():
        answers = await answering(uow, [about for _, about in group])
        for (work, _), answer in zip(group, answers, strict=True):
            work.outcome = answer
    answered = [
        (receipt.scope, receipt.key, receipt.fingerprint, receipt.render(work.outcome))
        for work in works
        if (receipt := work.receipt) is not None
    ]
    await store_answers(uow.connection, answered, at=uow.clock.now())
