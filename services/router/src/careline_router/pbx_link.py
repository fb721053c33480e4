"""What PBXs fetch: their commands, and the next step of a dialplan."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.http.problem import NotReady
from careline_router.db import reading
from careline_router.domain.effects import (
    CALLBACK_OFFER,
    CALLBACK_TAKEN,
    way_out_media,
)
from careline_router.domain.events import (
    CallAnnounced,
    CallEnded,
    CallerAsked,
    CallQueued,
    CallsForgotten,
    WayOutOffered,
)
from careline_router.domain.states import Call, may_take_callback
from careline_router.queries import unknown_call
from careline_router.runtime.floor_actor import FloorActor
from careline_router.runtime.projection import Projection
from careline_router.views import PbxCommand, RouteStep

REDELIVER_S = 5.0
LOOK_EVERY_S = 1.0
LONGEST_ROUTE_WAIT_S = 5.0
GRACE_S = 10.0
CLOSED_MEDIA = "closed"


class PbxLink:
    """Commands wait here until a PBX says they are done; each comes again every 5 s until then."""

    def __init__(self, *, database: Database, actor: FloorActor, clock: Clock) -> None:
        self._database = database
        self._actor = actor
        self._clock = clock
        self._changed: dict[str, asyncio.Event] = {}
        self._asked_until: dict[str, float] = {}
        self._told: dict[str, set[str]] = {}
        self._last_media: dict[str, str] = {}
        self._to_hear: dict[str, list[str]] = {}
        """What callers of dialplans hear before the music, in order."""

    async def commands(self, pbx: str, *, wait_s: float) -> list[PbxCommand]:
        """What this PBX has to do now, oldest first; waits up to `wait_s` seconds for something."""
        until = self._clock.monotonic() + wait_s
        while True:
            if not self._actor.leading:
                raise NotReady("this process does not lead the floor")
            changed = self._event(f"pbx {pbx}")
            async with self._database.unit_of_work() as uow:
                await self._actor.check(uow.connection)
                taken = await reading.take_commands(
                    uow.connection,
                    pbx,
                    now=self._clock.now(),
                    again_after=timedelta(seconds=REDELIVER_S),
                    may_name=True,
                )
            await self._actor.make_sure()
            left = until - self._clock.monotonic()
            if taken or left <= 0:
                return taken
            await _wait(changed, min(left, LOOK_EVERY_S))

    async def route(self, pbx: str, pbx_call_id: str, *, wait_s: float) -> RouteStep:
        """The next step of a dialplan's call, waiting up to `wait_s` seconds (at most 5).

        `ring` once the offer may ring, `announce` for a closed line and when the caller may be
        called back, `callback` when he has chosen so, `hangup` when the call is over, else `wait`. A call that is not asked for within wait + 10 s counts as abandoned.
        """
        wait_s = max(0.0, min(wait_s, LONGEST_ROUTE_WAIT_S))
        until = self._clock.monotonic() + wait_s
        while True:
            call_id = self._actor.floor.by_pbx.get((pbx, pbx_call_id))
            if call_id is None:
                raise unknown_call()
            self._asked_until[call_id] = until + GRACE_S
            changed = self._event(f"call {call_id}")
            step = await self._step(call_id)
            left = until - self._clock.monotonic()
            if step.action != "wait" or left <= 0:
                self._asked_until[call_id] = self._clock.monotonic() + wait_s + GRACE_S
                return step
            await _wait(changed, left)

    async def _step(self, call_id: str) -> RouteStep:
        async with self._database.read() as connection:
            call = await reading.call(connection, call_id)
            offer = await reading.open_offer_of_call(connection, call_id)
        if call is None:
            return RouteStep(action="wait")
        to_hear = self._to_hear.get(call_id)
        if to_hear:
            return RouteStep(action="announce", media=to_hear.pop(0))
        if call.state == "ended":
            return self._last_step(call_id, call.outcome)
        waiting = self._actor.floor.calls.get(call_id)
        if offer is not None and offer.state == "ringing":
            return RouteStep(
                action="ring",
                endpoint=offer.endpoint,
                offer_id=offer.id,
                timeout_s=offer.timeout_s,
                record=waiting is not None and waiting.records,
            )
        if waiting is not None and may_take_callback(waiting) and self._first(call_id, "offer"):
            return RouteStep(action="announce", media=CALLBACK_OFFER)
        return RouteStep(action="wait")

    def _last_step(self, call_id: str, outcome: str) -> RouteStep:
        """What the caller still hears, once; then he is hung up."""
        if outcome == "closed" and self._first(call_id, outcome):
            media = self._last_media.get(call_id, CLOSED_MEDIA)
            return RouteStep(action="announce", media=media)
        known = self._actor.floor.calls.get(call_id)
        if outcome == "overflow" and known is not None and self._first(call_id, outcome):
            return RouteStep(action="overflow", endpoint=known.forwarded_to)
        if outcome == "voicemail" and self._first(call_id, outcome):
            return RouteStep(action="voicemail")
        if outcome == "callback" and self._first(call_id, outcome):
            return RouteStep(action="callback", media=CALLBACK_TAKEN)
        return RouteStep(action="hangup")

    def _first(self, call_id: str, what: str) -> bool:
        """Whether the caller has not been told this yet."""
        told = self._told.setdefault(call_id, set())
        new = what not in told
        told.add(what)
        return new

    async def watch_dialplans(self, gone: Callable[[Call], Awaitable[object]]) -> None:
        """Ends by `gone` the calls whose dialplan has stopped asking; runs while this process leads."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = self._clock.monotonic()
            for call in list(self._actor.floor.calls.values()):
                if call.control != "dialplan":
                    continue
                if call.state == "ended":
                    self._asked_until.pop(call.id, None)
                    continue
                first = now + LONGEST_ROUTE_WAIT_S + GRACE_S
                until = self._asked_until.setdefault(call.id, first)
                if now > until and not self._rings_or_talks(call.id):
                    await gone(call)

    def _rings_or_talks(self, call_id: str) -> bool:
        """While it dials, the dialplan does not ask."""
        call = self._actor.floor.calls[call_id]
        if call.state == "connected":
            return True
        offer = self._actor.floor.offers.get(call.offer or "")
        return offer is not None and offer.state == "ringing"

    def committed(self, projection: Projection) -> None:
        """Wakes who waits for what a batch has done."""
        for pbx in projection.pbxs:
            self._wake(f"pbx {pbx}")
        for event in projection.events:
            if isinstance(event, CallsForgotten):
                self._forget(event.call_ids)
            if isinstance(event, CallEnded) and event.media is not None:
                self._last_media[event.call_id] = event.media
            if isinstance(event, CallQueued | CallerAsked):
                self._hear(event.call_id, event.media)
            if isinstance(event, WayOutOffered | CallAnnounced):
                self._hear_too(event)
            if isinstance(event, CallEnded):
                self._hear(event.call_id, event.before)
            call_id = getattr(event, "call_id", None)
            if call_id is not None:
                self._wake(f"call {call_id}")
                if call_id in self._asked_until:
                    fresh = self._clock.monotonic() + LONGEST_ROUTE_WAIT_S + GRACE_S
                    self._asked_until[call_id] = max(self._asked_until[call_id], fresh)

    def _hear(self, call_id: str, media: Iterable[str]) -> None:
        """A dialplan has them played one after the other; other PBXs get commands."""
        call = self._actor.floor.calls.get(call_id)
        if call is not None and call.control == "dialplan":
            self._to_hear[call_id] = list(media)

    def _hear_too(self, event: WayOutOffered | CallAnnounced) -> None:
        """After what a dialplan's caller is to hear anyway."""
        call = self._actor.floor.calls.get(event.call_id)
        if call is not None and call.control == "dialplan" and call.state != "ended":
            told = (
                (event.media,) if isinstance(event, CallAnnounced) else way_out_media(event, call)
            )
            self._to_hear.setdefault(call.id, []).extend(told)

    def _forget(self, call_ids: Iterable[str]) -> None:
        for call_id in call_ids:
            self._wake(f"call {call_id}")
            self._asked_until.pop(call_id, None)
            self._told.pop(call_id, None)
            self._last_media.pop(call_id, None)
            self._to_hear.pop(call_id, None)

    def _event(self, name: str) -> asyncio.Event:
        return self._changed.setdefault(name, asyncio.Event())

    def _wake(self, name: str) -> None:
        waiting = self._changed.pop(name, None)
        if waiting is not None:
            waiting.set()


async def _wait(changed: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        return
