"""The generic HTTP provider: a signed POST `{"id","to","text"}` for each message."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_core import to_json

from careline_common.clock import Clock
from careline_common.http.signed import signed_headers
from careline_surveys.ports import Handover, OutgoingSms

log = structlog.get_logger(__name__)

NOT_TAKEN = frozenset({429, 503})
LONGEST_ID = 200
CONNECT_S = 3.0


class _Accepted(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    message_id: str


class GenericProvider:
    """Accepted is a 2xx answer with a `message_id`; 429 and 503 were not taken.

    Everything else may have been taken, silence included, so its outcome is unknown and the
    message is never sent again. Only where no connection came about was surely nothing taken.
    """

    def __init__(
        self, provider_id: str, *, url: str, secret: SecretStr, clock: Clock, deadline_s: float
    ) -> None:
        self._id = provider_id
        self._url = url
        self._secret = secret
        self._clock = clock
        # A connection that the other side has just closed would turn a sure failure into an
        # unknown outcome, so none is kept for the next message.
        self._deadline_s = deadline_s
        self._closed = False
        self._sending: set[asyncio.Task[httpx.Response]] = set()
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

    def room(self) -> int | None:
        return None

    def parts(self, _text: str) -> int:
        return 1

    async def send(self, sms: OutgoingSms) -> Handover:
        if self._closed:  # claimed for us just before the configuration changed
            return Handover(outcome="refused")
        body = to_json({"id": sms.id, "to": sms.to, "text": sms.text})
        now = self._clock.now()
        headers = signed_headers(self._secret, sms.id, now, body)
        headers["content-type"] = "application/json"
        try:
            async with asyncio.timeout(self._deadline_s):
                response = await self._post(body, headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            log.warning("sms.not_connected", provider=self._id, error=type(error).__name__)
            return Handover(outcome="refused")
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("sms.no_answer", provider=self._id, error=type(error).__name__)
            return Handover(outcome="unknown")
        return self._read(response, now)

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        posting = asyncio.create_task(self._client.post(self._url, content=body, headers=headers))
        self._sending.add(posting)
        try:
            return await posting
        finally:
            self._sending.discard(posting)

    def _read(self, response: httpx.Response, now: datetime) -> Handover:
        if response.status_code in NOT_TAKEN:
            return Handover(outcome="refused", retry_after_s=retry_after_s(response, now))
        if response.is_success:
            try:
                accepted = _Accepted.model_validate_json(response.content)
            except ValidationError:
                log.warning("sms.no_message_id", provider=self._id, status=response.status_code)
            else:
                return Handover(
                    outcome="accepted", provider_message_id=accepted.message_id[:LONGEST_ID]
                )
        else:
            log.warning("sms.refused", provider=self._id, status=response.status_code)
        return Handover(outcome="unknown")

    async def close(self) -> None:
        self._closed = True
        while self._sending:
            await asyncio.wait(self._sending)
        await self._client.aclose()


def retry_after_s(response: httpx.Response, now: datetime) -> float | None:
    """Retry-After in seconds from `now`, given as seconds or as a date; None when there is none."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
