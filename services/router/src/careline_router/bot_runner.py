"""Puts a bot to work at a router, by the same API as every agent's desk.

It logs in, is ready, hears over the socket which calls are connected to it, and says what came of each. A bot that
fails, whatever it raises, hands its caller over.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx
import structlog
import websockets
from pydantic_core import from_json

from careline_router.bot_port import Bot, BotCall, Contained, HandOver
from careline_router.domain.words import DISCONNECTED

log = structlog.get_logger(__name__)

FAILED = "bot_failed"
UNREADABLE = 422
"""A queue that is not there, a text that is too long."""
GRACE_S = 5.0
"""So long a bot whose caller has gone may still say what came of the talk."""
AGAIN_S = 1.0


class BotRunner:
    """`url` is the router's base, `token` an agent's whose `kind` is bot and who accepts by `auto`."""

    def __init__(self, url: str, token: str, bot: Bot) -> None:
        self._base = url.rstrip("/")
        self._bot = bot
        self._client = httpx.AsyncClient(
            base_url=self._base, headers={"Authorization": f"Bearer {token}"}
        )
        self._talks: dict[str, asyncio.Task[None]] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._last: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        talks = list(self._talks.values())
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await self._client.aclose()

    async def run(self) -> None:
        """Works until cancelled; a connection that is lost is made again, and nothing that happened meanwhile is
        missed."""
        while True:
            try:
                await self._go_to_work()
                await self._listen()
            except (OSError, httpx.HTTPError, websockets.WebSocketException) as error:
                log.warning("bot.away", error=type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    async def _go_to_work(self) -> None:
        if self._last is None:
            (await self._client.post("/v1/agents/me/session", json={})).raise_for_status()
            (await self._be_ready()).raise_for_status()

    async def _be_ready(self) -> httpx.Response:
        return await self._client.put("/v1/agents/me/state", json={"state": "ready"})

    async def _listen(self) -> None:
        ticket = (await self._client.post("/v1/agents/me/ws-ticket")).raise_for_status()
        query = f"ticket={ticket.json()['ticket']}"
        query += "" if self._last is None else f"&after={self._last}"
        address = f"{self._base.replace('http', 'ws', 1)}/v1/agents/me/ws?{query}"
        async with websockets.connect(address) as socket:
            async for text in socket:
                message = from_json(text)
                self._hear(message)
                if message["type"] == "resync":
                    await self._take_up(message["data"]["snapshot"]["id"], message["seq"])
                if _counts_as_gone(message):
                    await self._be_ready()  # or not, where his site is closed

    def _hear(self, message: Mapping[str, Any]) -> None:
        self._last = message.get("seq", self._last)
        match message["type"]:
            case "call.connected":
                self._begin(message["data"]["call_id"], message["seq"])
            case "call.ended" | "call.requeued":
                ended = self._ended.get(message["data"]["call_id"])
                if ended is not None:
                    ended.set()

    async def _take_up(self, me: str, seq: int) -> None:
        """Every talk it has: a snapshot shows one call, and a bot has many."""
        after: str | None = None
        while True:
            asked = {"state": "connected", "limit": "200", **({"cursor": after} if after else {})}
            page = (await self._client.get("/v1/calls", params=asked)).raise_for_status().json()
            for call in page["items"]:
                if call["agent"] == me:
                    self._begin(call["id"], seq)
            after = page["next"]
            if after is None:
                return

    def _begin(self, call_id: str, began: int) -> None:
        if call_id in self._talks:
            return
        self._ended[call_id] = asyncio.Event()
        talk = self._talks[call_id] = asyncio.create_task(self._talk(call_id, began))
        talk.add_done_callback(lambda _done: self._forget(call_id))

    def _forget(self, call_id: str) -> None:
        self._talks.pop(call_id, None)
        self._ended.pop(call_id, None)

    async def _talk(self, call_id: str, began: int) -> None:
        """`began` is the number of the message by which it did: a caller may come back, and is handed over again."""
        talk = f"{call_id}-{began}"
        try:
            outcome = await self._outcome(call_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, its caller gets a human
            log.warning("bot.failed", call_id=call_id, error=type(error).__name__)
            outcome = HandOver(reason=FAILED)
        if isinstance(outcome, HandOver):
            body = {"queue": outcome.queue, "data": dict(outcome.data), "reason": outcome.reason}
            if await self._say(call_id, "hand-over", body, talk) == UNREADABLE:
                plain = {
                    "reason": FAILED
                }  # what the bot has said must not cost its caller the human
                await self._say(call_id, "hand-over", plain, f"{talk}-plain")
        elif outcome is not None:
            await self._ended[call_id].wait()  # the bot has hung up: the PBX tells when it is done
            said = {
                "disposition": outcome.disposition,
                "resolved": outcome.resolved,
                "subjects": list(outcome.subjects),
            }
            await self._say(call_id, "wrap-up", said, talk)

    async def _outcome(self, call_id: str) -> Contained | HandOver | None:
        """What came of the talk; None when the caller has gone and the bot says nothing of it."""
        found = (await self._client.get(f"/v1/calls/{call_id}")).raise_for_status().json()
        names = ("line", "queue", "payer", "language")
        call = BotCall(id=call_id, **{name: found[name] for name in names})
        talking = asyncio.create_task(self._bot.talk(call))
        gone = asyncio.create_task(self._ended[call_id].wait())
        try:
            await asyncio.wait({talking, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                await asyncio.wait({talking}, timeout=GRACE_S)
            return talking.result() if talking.done() else None
        finally:
            talking.cancel()
            gone.cancel()
            await asyncio.gather(talking, gone, return_exceptions=True)

    async def _say(self, call_id: str, what: str, body: Mapping[str, Any], talk: str) -> int:
        """Once, however often it has to be tried: by a key that is the talk's. The status of the answer."""
        headers = {"Idempotency-Key": f"bot-{what}-{talk}"}
        while True:
            try:
                answer = await self._client.post(
                    f"/v1/calls/{call_id}/{what}", json=body, headers=headers
                )
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code < 500:
                if answer.is_error:
                    log.warning("bot.refused", what=what, status=answer.status_code)
                return answer.status_code
            await asyncio.sleep(AGAIN_S)


def _counts_as_gone(message: Mapping[str, Any]) -> bool:
    """Whether the floor offers it nothing more because its connection was lost for too long: it is here again. Whom
    a supervisor has sent on a break stays there."""
    if message["type"] not in {"resync", "state.changed"}:
        return False
    data = message["data"]
    me = data["snapshot"] if message["type"] == "resync" else data
    return (me["state"], me["reason"]) == ("not_ready", DISCONNECTED)
