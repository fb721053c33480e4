"""A CRM over HTTP: `GET` with the caller's number in the URL, fields by simple JSONPath.

It fails open: a call never waits longer than the deadline, and after five failures in a row the CRM
is left alone for 10 s. The number stands in a URL because that is the CRM's interface; it goes to
the CRM's own address only (redirects are not followed) and is not logged.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import structlog

from careline_common.clock import Clock
from careline_router.domain.states import Payer
from careline_router.ports import CrmProfile, CrmStatus

log = structlog.get_logger(__name__)

FAILURES_TO_OPEN = 5
OPEN_FOR_S = 10.0
MOST_CACHED = 10_000
MOST_BYTES = 256 * 1024
LONGEST_TEXT = 200
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]")
_PAYERS: Mapping[str, Payer] = {"cash": "cash", "insured": "insured"}


class HttpCrm:
    """One CRM. `fields` maps our names (payer, insurance, name, vip, language) to JSONPaths."""

    def __init__(
        self,
        *,
        url: str,
        fields: Mapping[str, str],
        deadline_s: float,
        cache_s: float,
        clock: Clock,
        token: str | None = None,
    ) -> None:
        self._url = url
        self._fields = fields
        self._deadline_s = deadline_s
        self._cache_s = cache_s
        self._clock = clock
        self._client = httpx.AsyncClient(
            timeout=deadline_s,
            follow_redirects=False,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        self._cache: OrderedDict[str, tuple[float, CrmProfile]] = OrderedDict()
        self._failures = 0
        self._open_until = 0.0

    async def look_up(self, phone: str) -> CrmProfile:
        now = self._clock.monotonic()
        cached = self._cache.get(phone)
        if cached is not None and now - cached[0] <= self._cache_s:
            return cached[1]
        if now < self._open_until:
            return CrmProfile(status="failed")
        try:
            async with asyncio.timeout(self._deadline_s):
                profile = await self._ask(phone)
        except (TimeoutError, httpx.TimeoutException):
            return self._failed("timed_out")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.warning("crm.failed", error=type(error).__name__)
            return self._failed("failed")
        self._failures = 0
        self._keep(phone, now, profile)
        return profile

    async def _ask(self, phone: str) -> CrmProfile:
        url = self._url.replace("{phone}", quote(phone, safe=""))
        async with self._client.stream("GET", url) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                return CrmProfile(status="unknown")
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"status {answer.status_code}")
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ValueError("the answer is too large")
        return self._profile(httpx.Response(200, content=body).json())

    def _profile(self, document: Any) -> CrmProfile:
        if not isinstance(document, dict):
            raise ValueError("the answer is no object")  # noqa: TRY004 - a bad answer, not a bug
        found = {name: _at(document, path) for name, path in self._fields.items()}
        if all(value is None for value in found.values()):
            raise ValueError("the answer has none of the mapped fields")
        needs = found.get("needs")
        return CrmProfile(
            status="found",
            payer=_PAYERS.get(str(found.get("payer")).lower(), "unknown"),
            insurance=_text(found.get("insurance")),
            name=_text(found.get("name")),
            vip=found.get("vip") is True,
            language=_text(found.get("language")),
            needs=tuple(map(str, needs)) if isinstance(needs, list) else (),
        )

    def _failed(self, status: CrmStatus) -> CrmProfile:
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until = self._clock.monotonic() + OPEN_FOR_S
            self._failures = 0
            log.warning("crm.left_alone", seconds=OPEN_FOR_S)
        return CrmProfile(status=status)

    def _keep(self, phone: str, now: float, profile: CrmProfile) -> None:
        self._cache[phone] = (now, profile)
        self._cache.move_to_end(phone)
        while len(self._cache) > MOST_CACHED:
            self._cache.popitem(last=False)

    async def close(self) -> None:
        await self._client.aclose()


def _at(document: Any, path: str) -> Any:
    """The value at a path such as `$.policy.holders[0].name`; None where there is none."""
    value = document
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name and isinstance(value, dict):
            value = value.get(name)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return None
    return value


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value.replace("\x00", "")[:LONGEST_TEXT].encode("utf-8", "replace").decode()
