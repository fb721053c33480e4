"""Requests to a CRM's host: bounded answers, one word for each way to fail, and a `Retry-After` that
is obeyed whoever asks next.

Numbers may stand in the URLs of a CRM's interface. So redirects are not followed, and nothing of a
request or an answer but its status and error code gets into a log or an exception.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import httpx
from pydantic_core import from_json

from careline_common.clock import Clock
from careline_router.ports import CrmFault

MOST_BYTES = 256 * 1024
PAUSE_S = 5.0
"""How long a host is left alone that says 429 and not for how long."""
LONGEST_PAUSE_S = 86_400.0
KEEP_ALIVE_S = 50.0
"""A new TLS connection alone may cost the deadline, so they are kept a little under the usual minute."""
_CODE = re.compile(r"[\w.-]{1,40}")


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` of the answer, whatever case their names are asked for in."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> Any:
        """The body as JSON; raises `CrmFault` when it is none."""
        try:
            return from_json(self.body.removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            raise CrmFault("bad_answer", "no JSON") from None

    def require_ok(self) -> None:
        """Raises the fault that a status other than 200 means."""
        if self.status == httpx.codes.OK:
            return
        detail = f"status {self.status} {self.error_code()}".strip()
        if self.status in {401, 403}:
            raise CrmFault("auth", detail)
        raise CrmFault("server_error" if self.status >= 500 else "refused", detail)

    def error_code(self) -> str:
        """The `code` of an OData error, the `error` of an OAuth one; empty when there is none."""
        try:
            error = from_json(self.body)["error"]
            code = error if isinstance(error, str) else error["code"]
        except (ValueError, KeyError, TypeError):
            return ""
        return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


class Pauses:
    """Until when each host wants to be left alone. It outlives the settings of a CRM."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def holds(self, host: str) -> bool:
        until = self._until.get(host)
        return until is not None and self._clock.monotonic() < until

    def note(self, host: str, seconds: float) -> None:
        now = self._clock.monotonic()
        self._until[host] = max(self._until.get(host, now), now + seconds)


class Exchange:
    """The way to one host. A request and its answer take `at_most_s` seconds altogether."""

    def __init__(
        self,
        *,
        clock: Clock,
        pauses: Pauses,
        at_most_s: float,
        connections: int,
        ca: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        self._pauses = pauses
        self._at_most_s = at_most_s
        self._client = httpx.AsyncClient(
            timeout=None,  # noqa: S113 - of the whole, in `send`
            follow_redirects=False,
            trust_env=False,
            verify=_tls(ca),
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=KEEP_ALIVE_S,
            ),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                **(headers or {}),
            },
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Sends a request, once; raises `CrmFault`. Nothing is sent while the host wants a pause."""
        try:
            request = self._client.build_request(
                method, url, headers=headers, data=form, content=content
            )
            if self._pauses.holds(_host(request)):
                raise CrmFault("throttled", "its pause is not over", sent=False)
            async with asyncio.timeout(self._at_most_s):
                answer = await self._client.send(request, stream=True)
                async with contextlib.aclosing(answer):
                    self._obey(answer)
                    return Answer(answer.status_code, await _body(answer), answer.headers)
        except TimeoutError:
            raise CrmFault("timeout", "given up") from None
        except httpx.RemoteProtocolError as error:
            raise CrmFault("bad_answer", type(error).__name__) from None
        except (httpx.ConnectError, httpx.InvalidURL) as error:
            raise CrmFault("unreachable", type(error).__name__, sent=False) from None
        except httpx.HTTPError as error:
            raise CrmFault("unreachable", type(error).__name__) from None

    def _obey(self, answer: httpx.Response) -> None:
        """Notes until when the host wants to be left alone (RFC 9110, 10.2.3; RFC 6585, 4)."""
        if answer.status_code not in {429, 503}:
            return
        now = _moment(answer.headers.get("Date", "")) or self._clock.now()  # a date is by its clock
        pause = retry_after_s(answer.headers.get("Retry-After"), now)
        if pause is None and answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return
        pause = PAUSE_S if pause is None else min(pause, LONGEST_PAUSE_S)
        self._pauses.note(_host(answer.request), pause)
        detail = f"status {answer.status_code}, pause {pause:.0f} s"
        raise CrmFault("throttled", detail, sent=False)

    async def close(self) -> None:
        await self._client.aclose()


@lru_cache(maxsize=2)
def _tls(ca: str | None) -> ssl.SSLContext:
    """The machine's trusted authorities, and those of `ca` (PEM); read once, for it takes a while."""
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(cadata=ca)
    return context


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds from now of a `Retry-After`, which is seconds or an HTTP date; None when it is neither."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    moment = _moment(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def _moment(text: str) -> datetime | None:
    """An HTTP date, aware; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _host(request: httpx.Request) -> str:
    """Host and port in one spelling: lower case, no usual port."""
    return request.url.netloc.decode()


async def _body(answer: httpx.Response) -> bytes:
    """The answer as it came: packed, which nobody asked for, a little of it could become very much."""
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise CrmFault("bad_answer", "packed")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            raise CrmFault("bad_answer", "too large")
    return bytes(body)
