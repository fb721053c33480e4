"""What happens to every request before and after its route; pure ASGI, also under a mount."""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from starlette._utils import get_route_path
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from careline_common.clock import Clock
from careline_common.http.errors import problem_of
from careline_common.http.health import Readiness
from careline_common.http.json_body import RAW_BODY, cleaned_body
from careline_common.http.problem import MalformedJson, NotReady, TooLarge
from careline_common.http.scope import OPERATIONS, header, route_template
from careline_common.ids import Ids
from careline_common.observability.errors import describe
from careline_common.observability.logging import REQUEST_ID
from careline_common.observability.metrics import MetricsRegistry

log = structlog.get_logger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

DRAINED_BYTES = 64 << 20
DRAIN_S = 2.0

_PRIVATE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""What is answered may be about a patient: no proxy keeps it."""

_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class RequestLog:
    """Gives each request its id, one log line and its metrics, and turns crashes into problems."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        readiness: Readiness,
        metrics: MetricsRegistry,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.app = app
        self._readiness = readiness
        self._service = metrics.service
        self._clock = clock
        self._ids = ids
        self._requests = metrics.counter(
            "http_requests_total", "Requests answered", ["method", "route", "status"]
        )
        self._seconds = metrics.histogram(
            "http_request_seconds", "Time until the answer was sent", ["route"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        scope.pop("route", None)
        given = header(scope, b"x-request-id")
        request_id = given if given and _REQUEST_ID.fullmatch(given) else self._ids.new()
        with structlog.contextvars.bound_contextvars(request_id=request_id, service=self._service):
            if scope["type"] == "http":
                await self._request(scope, receive, _Answer(send, request_id))
            else:
                await self._socket(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self._clock.monotonic()
        try:
            await self.app(scope, receive, send)
        finally:
            log.info(
                "http.socket",
                route=route_template(scope),
                seconds=round(self._clock.monotonic() - began, 1),
                subject=scope.get("state", {}).get("subject"),
            )

    async def _request(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        began = self._clock.monotonic()
        try:
            await self.app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = answer.status or 499
        except Exception as error:
            problem = problem_of(error, self._readiness)
            if problem.status == 500:
                log.exception("http.failed", route=route_template(scope))
            else:
                log.warning("http.refused", route=route_template(scope), error=describe(error))
            if answer.status is None:
                await problem.response()(scope, receive, answer.send)
        finally:
            self._finish(scope, answer.status or 499, self._clock.monotonic() - began)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_template(scope)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        write = log.debug if route in OPERATIONS else log.info
        write(
            "http.request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            subject=scope.get("state", {}).get("subject"),
        )


class _Answer:
    """Watches the answer go out and gives it the request's id."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            own = ((REQUEST_ID.lower().encode(), self._request_id.encode()), *_PRIVATE)
            message["headers"] = given + [pair for pair in own if pair[0] not in names]
        await self._send(message)


class ReadyGate:
    """Answers 503 until the service has started; its operations answer from the first moment."""

    def __init__(self, app: ASGIApp, *, readiness: Readiness) -> None:
        self.app = app
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._readiness.lacks("started") or (
            scope["type"] == "http" and get_route_path(scope) in OPERATIONS
        ):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await NotReady("the service is starting: ask again soon").response()(
                scope, receive, send
            )
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013, "reason": "not-ready"})
        else:
            await self.app(scope, receive, send)


class BodyLimit:
    """Refuses bodies over the limit, by their declared length or as they stream in.

    `limits` maps a regular expression over the route's path to its own limit in bytes.
    """

    def __init__(self, app: ASGIApp, *, default: int, limits: Mapping[str, int]) -> None:
        self.app = app
        self._default = default
        self._limits = [(re.compile(path), limit) for path, limit in limits.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = get_route_path(scope)
        limit = next((most for rule, most in self._limits if rule.fullmatch(path)), self._default)
        too_large = TooLarge(f"a body may have {limit} bytes here", headers={"Connection": "close"})
        declared = header(scope, b"content-length") or ""
        if declared.isdecimal() and int(declared) > limit:
            if int(declared) <= DRAINED_BYTES:
                await _drain(receive)
            await too_large.response()(scope, receive, send)
            return
        meter = _Meter(receive, send, limit)
        try:
            await self.app(scope, meter.receive, meter.send)
        except TooLarge:  # the meter's own, through whatever was reading: answered below
            if not meter.exceeded:
                raise
        if meter.exceeded and not meter.answered:
            if meter.more:
                await _drain(receive)
            await too_large.response()(scope, receive, send)


async def _drain(receive: Receive) -> None:
    """Reads on for a while, so that a client that is still sending gets to read the answer: closing
    on unread bytes resets the connection."""
    left = DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))


class _Meter:
    """Counts a body as it is read; once it is too long, nobody but `BodyLimit` may answer."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self.answered = False
        self.more = True

    @property
    def exceeded(self) -> bool:
        return self._left < 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self.more = message.get("more_body", False)
            if self.exceeded:
                raise TooLarge
        return message

    async def send(self, message: Message) -> None:
        if self.exceeded and not self.answered:
            return
        self.answered = True
        await self._send(message)


class CleanText:
    """Takes U+0000 and lone surrogates out of query strings and JSON bodies.

    PostgreSQL can store neither. A body that was changed stays in the scope as it came
    (`json_body.raw_body`), because signatures are over the bytes that were sent.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope["query_string"] = scope.get("query_string", b"").replace(b"%00", b"")
        clean = self._cleaner(scope)
        if clean is not None:
            try:
                receive = await self._cleaned(scope, receive, clean)
            except MalformedJson as problem:
                await problem.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _cleaner(self, scope: Scope) -> Callable[[bytes], bytes] | None:
        """What cleans a body of this type; None for what is no text or is streamed to its route."""
        if scope["type"] != "http":
            return None
        length = header(scope, b"content-length") or "0"
        if not length.isdecimal() or int(length) > self._limit:
            return None
        kind = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            return _cleaned_form
        return cleaned_body if kind == "application/json" or kind.endswith("+json") else None

    async def _cleaned(
        self, scope: Scope, receive: Receive, clean: Callable[[bytes], bytes]
    ) -> Receive:
        messages: list[Message] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
            if size > self._limit:
                return _replay(messages, receive)
        body = b"".join(message.get("body", b"") for message in messages)
        if messages[-1]["type"] != "http.request":
            return _replay(messages, receive)
        text = clean(body)
        if text is body:
            return _replay(messages, receive)
        scope[RAW_BODY] = body
        scope["headers"] = [
            (name, str(len(text)).encode() if name == b"content-length" else value)
            for name, value in scope["headers"]
        ]
        return _replay([{"type": "http.request", "body": text, "more_body": False}], receive)


def _cleaned_form(body: bytes) -> bytes:
    return body.replace(b"%00", b"") if b"%00" in body else body


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """A `receive` that gives these messages first and then goes on with the real one."""
    waiting = iter(messages)

    async def again() -> Any:
        for message in waiting:
            return message
        return await receive()

    return again
