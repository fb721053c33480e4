"""What stands in front of whoever is asked about callers, so that no call waits for it: this file is the whole of it.

A look-up goes, in this order, through
1. the cache (nobody known: shorter);
2. the flight that is under way for the same question, which it joins;
3. the breaker, and a bound on how many may wait for a slot;
4. a flight of its own: a slot, the breaker's leave, the question itself.

The caller waits for the flight up to his deadline and goes on without it. A flight that has no slot
by then ends; a question that is under way goes on for up to `give_up_s`, so that the next call finds
its answer in the cache. To the breaker a question that takes longer than the deadline is a failure,
whether somebody still waits for it or not. Whom a question is about is kept as an HMAC under a key that only this guard has.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

import structlog

from careline_common.clock import Clock
from careline_common.observability.pii import PiiHasher
from careline_router.adapters.look_up_cache import LookUpCache
from careline_router.domain.breaker import Breaker, Ending, Pass
from careline_router.look_up_config import LookUpBounds
from careline_router.ports import CrmFault, CrmReason, CrmStatus, LookUp

log = structlog.get_logger(__name__)
Question = TypeVar("Question")
Found = TypeVar("Found", bound=LookUp)

WAITING_A_SLOT = 8
"""So many flights may wait for each slot; more would not be answered within any deadline."""
_SLEEP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """Durations in seconds; `cache_s` 0 keeps nothing. `at_once` questions are open at one time."""

    deadline_s: float = 0.3
    give_up_s: float = 5.0
    cache_s: float = 30.0
    negative_cache_s: float = 10.0
    most_cached: int = 10_000
    at_once: int = 8
    failures_to_open: int = 5
    open_for_s: float = 10.0

    @classmethod
    def of(cls, bounds: LookUpBounds, *, deadline_s: float, give_up_s: float) -> Self:
        return cls(
            deadline_s=deadline_s,
            give_up_s=give_up_s,
            cache_s=bounds.cache_s,
            negative_cache_s=bounds.negative_cache_s,
            most_cached=bounds.most_cached,
            at_once=bounds.at_once,
            failures_to_open=bounds.failures_to_open,
            open_for_s=bounds.open_for_s,
        )


class LookUpGuard(Generic[Question, Found]):
    """Answers that fail open. `key` tells questions apart, `kind` is what an answer is, `name` how the log calls
    who is asked; `asked` hears how each question to it has ended."""

    def __init__(
        self,
        ask: Callable[[Question], Awaitable[Found]],
        *,
        key: Callable[[Question], str],
        kind: type[Found],
        name: str,
        rules: GuardRules,
        clock: Clock,
        asked: Callable[[str], None] = lambda _ending: None,
    ) -> None:
        self._source = ask
        self._key = key
        self._kind = kind
        self._name = name
        self._rules = rules
        self._clock = clock
        self._asked = asked
        self._hasher = PiiHasher("")  # a random key: nobody else needs to find anything here
        self._cache: LookUpCache[Found] = LookUpCache(rules.most_cached)
        self._flights: dict[bytes, asyncio.Task[Found]] = {}
        self._slots = asyncio.Semaphore(rules.at_once)
        self._breaker = Breaker(limit=rules.failures_to_open, pause_s=rules.open_for_s)
        self._sweep: asyncio.TimerHandle | None = None

    async def answer(self, question: Question, *, within_s: float | None = None) -> Found:
        """Never raises; waits for the deadline at most, or less long when `within_s` says so."""
        key = self._hasher.lookup(self._key(question))
        kept = self._cache.get(key, self._clock.monotonic())
        if kept is not None:
            return replace(kept, cached=True)
        flight = self._flights.get(key)
        if flight is None:
            refused = self._refused()
            if refused is not None:
                return self._kind(status="failed", reason=refused)
            flight = self._depart(key, question)
        deadline_s = self._rules.deadline_s
        await asyncio.wait({flight}, timeout=min(within_s or deadline_s, deadline_s))
        if not flight.done():
            return self._kind(status="timed_out", reason="timeout")
        if flight.cancelled():
            return self._kind(status="failed", reason="config_changed")
        return flight.result()

    def _refused(self) -> CrmReason | None:
        """Why nobody may ask now."""
        if not self._breaker.lets_pass(self._clock.monotonic()):
            return "breaker_open"
        full = len(self._flights) >= self._rules.at_once * (1 + WAITING_A_SLOT)
        return "busy" if full else None

    def _depart(self, key: bytes, question: Question) -> "asyncio.Task[Found]":
        flight = self._flights[key] = asyncio.create_task(self._fly(key, question))
        flight.add_done_callback(lambda _flight: self._flights.pop(key, None))
        return flight

    async def _fly(self, key: bytes, question: Question) -> Found:
        """From the wait for a slot to the cache; gives the answer, or why there is none."""
        try:
            async with asyncio.timeout(self._rules.deadline_s):
                await self._slots.acquire()
        except TimeoutError:
            return self._kind(status="failed", reason="busy")
        try:
            found = await self._question(question)
        finally:
            self._slots.release()
        self._keep(key, found)
        return found

    async def _question(self, question: Question) -> Found:
        """One question, if the breaker gives leave, which hears once how it has ended."""
        self._breaker, leave = self._breaker.admit(self._clock.monotonic())
        if leave is None:
            return self._kind(status="failed", reason="breaker_open")
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._rules.deadline_s, self._account, leave, "ill")
        found = await self._ask(question)
        if loop.time() < late.when():
            late.cancel()
            self._account(leave, _ending(found))
        self._asked(found.reason or found.status)
        return found

    async def _ask(self, question: Question) -> Found:
        try:
            async with asyncio.timeout(self._rules.give_up_s):
                return await self._source(question)
        except TimeoutError:
            return self._failed(CrmFault("timeout", "given up"))
        except CrmFault as fault:
            return self._failed(fault)
        except Exception as error:  # a bug of an adapter must stop no call either
            log.exception(self._event("bug"))
            return self._failed(CrmFault("bad_answer", type(error).__name__))

    def _account(self, leave: Pass, ending: Ending) -> None:
        now = self._clock.monotonic()
        before, self._breaker = self._breaker, self._breaker.ended(leave, ending, now)
        if before.era != self._breaker.era:
            log.warning(self._event("breaker"), state=self._breaker.state(now))

    def _keep(self, key: bytes, found: Found) -> None:
        """A person is kept for `cache_s`, that there is none no longer than that; no failure is."""
        keep_s = self._rules.cache_s
        if found.status != "found":
            keep_s = min(keep_s, self._rules.negative_cache_s)
        if found.status in {"found", "unknown"} and keep_s > 0:
            self._cache.put(key, found, now=self._clock.monotonic(), keep_s=keep_s)
            self._sweep_later()

    def _sweep_later(self) -> None:
        """Expired profiles go also when nobody calls any more."""
        if self._sweep is None:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(min(self._rules.cache_s, _SLEEP_S), self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweep = None
        self._cache.drop_expired(self._clock.monotonic())
        if len(self._cache):
            self._sweep_later()

    def _event(self, what: str) -> str:
        return f"{self._name}.{what}"

    def _failed(self, fault: CrmFault) -> Found:
        log.warning(self._event("failed"), reason=fault.reason, detail=fault.detail)
        status: CrmStatus = "timed_out" if fault.reason == "timeout" else "failed"
        return self._kind(status=status, reason=fault.reason)

    async def close(self) -> None:
        """Forgets everybody and ends what is under way."""
        if self._sweep is not None:
            self._sweep.cancel()
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._cache.clear()


def _ending(found: LookUp) -> Ending:
    """What an answer says of the health of who was asked; one that wants a pause is neither well nor ill."""
    if found.reason == "throttled":
        return "neither"
    return "well" if found.status in {"found", "unknown"} else "ill"
