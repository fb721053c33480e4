"""What stands in front of every CRM, so that no call waits for one: this file is the whole of it.

A look-up goes, in this order, through
1. the cache (nobody known: shorter);
2. the flight that is under way for the same number, which it joins;
3. the breaker, and a bound on how many may wait for a slot;
4. a flight of its own: a slot, the breaker's leave, the question to the CRM.

The caller waits for the flight up to his deadline and goes on without it. A flight that has no slot
by then ends; a question that is under way goes on for up to `give_up_s`, so that the next call finds
its answer in the cache. To the breaker a question that takes longer than the deadline is a failure,
whether somebody still waits for it or not. Numbers are kept as an HMAC under a key that only this guard has.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from careline_common.clock import Clock
from careline_common.observability.pii import PiiHasher
from careline_router.adapters.crm_cache import ProfileCache
from careline_router.domain.breaker import Breaker, Ending, Pass
from careline_router.ports import CrmFault, CrmProfile, CrmReason, CrmSource, CrmStatus

log = structlog.get_logger(__name__)

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


class GuardedCrm:
    """A CRM that fails open. `asked` hears how each question to the CRM itself has ended."""

    def __init__(
        self,
        source: CrmSource,
        rules: GuardRules,
        *,
        clock: Clock,
        asked: Callable[[str], None] = lambda _ending: None,
    ) -> None:
        self._source = source
        self._rules = rules
        self._clock = clock
        self._asked = asked
        self._hasher = PiiHasher("")  # a random key: nobody else needs to find anything here
        self._cache = ProfileCache(rules.most_cached)
        self._flights: dict[bytes, asyncio.Task[CrmProfile]] = {}
        self._slots = asyncio.Semaphore(rules.at_once)
        self._breaker = Breaker(limit=rules.failures_to_open, pause_s=rules.open_for_s)
        self._sweep: asyncio.TimerHandle | None = None

    async def look_up(self, phone: str) -> CrmProfile:
        key = self._hasher.lookup(phone)
        kept = self._cache.get(key, self._clock.monotonic())
        if kept is not None:
            return replace(kept, cached=True)
        flight = self._flights.get(key)
        if flight is None:
            refused = self._refused()
            if refused is not None:
                return CrmProfile(status="failed", reason=refused)
            flight = self._depart(key, phone)
        await asyncio.wait({flight}, timeout=self._rules.deadline_s)
        if not flight.done():
            return CrmProfile(status="timed_out", reason="timeout")
        if flight.cancelled():
            return CrmProfile(status="failed", reason="config_changed")
        return flight.result()

    def _refused(self) -> CrmReason | None:
        """Why nobody may ask now."""
        if not self._breaker.lets_pass(self._clock.monotonic()):
            return "breaker_open"
        full = len(self._flights) >= self._rules.at_once * (1 + WAITING_A_SLOT)
        return "busy" if full else None

    def _depart(self, key: bytes, phone: str) -> "asyncio.Task[CrmProfile]":
        flight = self._flights[key] = asyncio.create_task(self._fly(key, phone))
        flight.add_done_callback(lambda _flight: self._flights.pop(key, None))
        return flight

    async def _fly(self, key: bytes, phone: str) -> CrmProfile:
        """From the wait for a slot to the cache; gives the answer, or why there is none."""
        try:
            async with asyncio.timeout(self._rules.deadline_s):
                await self._slots.acquire()
        except TimeoutError:
            return CrmProfile(status="failed", reason="busy")
        try:
            profile = await self._question(phone)
        finally:
            self._slots.release()
        self._keep(key, profile)
        return profile

    async def _question(self, phone: str) -> CrmProfile:
        """One question, if the breaker gives leave, which hears once how it has ended."""
        self._breaker, leave = self._breaker.admit(self._clock.monotonic())
        if leave is None:
            return CrmProfile(status="failed", reason="breaker_open")
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._rules.deadline_s, self._account, leave, "ill")
        profile = await self._ask(phone)
        if loop.time() < late.when():
            late.cancel()
            self._account(leave, _ending(profile))
        self._asked(profile.reason or profile.status)
        return profile

    async def _ask(self, phone: str) -> CrmProfile:
        try:
            async with asyncio.timeout(self._rules.give_up_s):
                return await self._source.ask(phone)
        except TimeoutError:
            return _failed(CrmFault("timeout", "given up"))
        except CrmFault as fault:
            return _failed(fault)
        except Exception as error:  # a bug of an adapter must not stop a call either
            log.exception("crm.bug")
            return _failed(CrmFault("bad_answer", type(error).__name__))

    def _account(self, leave: Pass, ending: Ending) -> None:
        now = self._clock.monotonic()
        before, self._breaker = self._breaker, self._breaker.ended(leave, ending, now)
        if before.era != self._breaker.era:
            log.warning("crm.breaker", state=self._breaker.state(now))

    def _keep(self, key: bytes, profile: CrmProfile) -> None:
        """A person is kept for `cache_s`, that there is none no longer than that; no failure is."""
        keep_s = self._rules.cache_s
        if profile.status != "found":
            keep_s = min(keep_s, self._rules.negative_cache_s)
        if profile.status in {"found", "unknown"} and keep_s > 0:
            self._cache.put(key, profile, now=self._clock.monotonic(), keep_s=keep_s)
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

    async def close(self) -> None:
        """Forgets everybody and ends what is under way."""
        if self._sweep is not None:
            self._sweep.cancel()
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._cache.clear()
        await self._source.close()


def _ending(profile: CrmProfile) -> Ending:
    """What an answer says of the CRM's health; one that wants a pause is neither well nor ill."""
    if profile.reason == "throttled":
        return "neither"
    return "well" if profile.status in {"found", "unknown"} else "ill"


def _failed(fault: CrmFault) -> CrmProfile:
    log.warning("crm.failed", reason=fault.reason, detail=fault.detail)
    status: CrmStatus = "timed_out" if fault.reason == "timeout" else "failed"
    return CrmProfile(status=status, reason=fault.reason)
