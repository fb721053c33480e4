"""An HTTP provider: one request a message, and an outcome for whatever comes back, or does not.

Nothing was taken where no connection came about, or where the provider says so. Everything else,
silence included, may have been taken: its outcome is unknown and the message is never sent again.
"""

import asyncio

import httpx
import structlog

from careline_common.clock import Clock
from careline_surveys.adapters.http.wire import THROTTLED, Ask, Told, Wire
from careline_surveys.adapters.pace import Pace
from careline_surveys.domain.health import Breaker
from careline_surveys.ports import Found, Handover, OutgoingSms, SentSms

log = structlog.get_logger(__name__)

CONNECT_S = 3.0
LONGEST_ANSWER = 1 << 20
"""Octets: what a provider says of one message is shorter."""


class HttpProvider:
    """One entry of a kind that speaks HTTP, in the formats of `wire`."""

    def __init__(
        self,
        provider_id: str,
        *,
        wire: Wire,
        clock: Clock,
        deadline_s: float,
        window: int,
        per_second: float | None = None,
        looks_up: bool = False,
    ) -> None:
        self._id = provider_id
        self.wire = wire
        self.looks_up = looks_up
        self._clock = clock
        self._deadline_s = deadline_s
        self._window = window
        self._pace = Pace(per_second)
        self._breaker = Breaker()
        self._closed = False
        self._in_hand: set[asyncio.Task[Told]] = set()
        self._sending = 0
        # A connection that the other side has just closed would turn a sure failure into an
        # unknown outcome, so none is kept for the next message.
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(deadline_s, connect=min(CONNECT_S, deadline_s)),
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )

    @property
    def id(self) -> str:
        return self._id

    def able(self) -> bool:
        return True

    def well(self) -> bool:
        return self._breaker.closed(self._clock.monotonic())

    def room(self) -> int | None:
        if self._breaker.tripped:
            return 1
        return self._pace.room(self._window, self._sending)

    def parts(self, _text: str) -> int:
        return 1

    async def send(self, sms: OutgoingSms) -> Handover:
        self._sending += 1
        try:
            handover = await self._send(sms)
        finally:
            self._sending -= 1
        if handover.reason != THROTTLED:
            bad = handover.outcome in {"refused", "unknown"}
            self._breaker.note(well=not bad, now=self._clock.monotonic())
        return handover

    async def _send(self, sms: OutgoingSms) -> Handover:
        await self._pace.wait()
        if self._closed:  # claimed for us just before the configuration changed
            return Handover(outcome="refused")
        try:
            told = await self._told(self.wire.ask(sms, self._clock.now()))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            log.warning("sms.not_connected", provider=self._id, error=type(error).__name__)
            return Handover(outcome="refused")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            log.warning("sms.no_answer", provider=self._id, error=type(error).__name__)
            return Handover(outcome="unknown")
        handover = self.wire.outcome(sms, told)
        if handover.outcome not in {"accepted", "delivered"}:
            log.warning(
                "sms.not_accepted",
                provider=self._id,
                status=told.status,
                outcome=handover.outcome,
                reason=handover.reason,
            )
        return handover

    async def look_up(self, sent: SentSms) -> Found | None:
        ask = None if self._closed else self.wire.look_up(sent, self._clock.now())
        if ask is None:
            return None
        try:
            return self.wire.found(sent, await self._told(ask))
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("sms.look_up_failed", provider=self._id, error=type(error).__name__)
            return None

    async def _told(self, ask: Ask) -> Told:
        """Raises `httpx.HTTPError` or `TimeoutError`."""
        exchange = asyncio.create_task(self._exchange(ask))
        self._in_hand.add(exchange)
        exchange.add_done_callback(self._in_hand.discard)
        async with asyncio.timeout(self._deadline_s):
            return await exchange

    async def _exchange(self, ask: Ask) -> Told:
        async with self._client.stream(
            ask.method, ask.url, content=ask.content or None, headers=ask.headers
        ) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LONGEST_ANSWER:
                    raise httpx.DecodingError("the answer is too long")
        return Told(
            status=response.status_code,
            content=bytes(content),
            headers=response.headers,
            now=self._clock.now(),
        )

    async def close(self) -> None:
        self._closed = True
        while self._in_hand:
            await asyncio.wait(self._in_hand)
        await self._client.aclose()
