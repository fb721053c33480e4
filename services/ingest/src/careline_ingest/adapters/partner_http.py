"""How partners' web servers are asked: logins, redirects, pauses, and why it did not work.

Certificates are always verified, the proxy of the environment is never used, and a login goes to
the address that is configured and to no other.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from careline_common.clock import Clock
from careline_ingest.adapters.logins import login_of
from careline_ingest.config import SourceEntry
from careline_ingest.config_remote import LOOPBACK
from careline_ingest.ports import FetchError, NotTrustedError

MOST_REDIRECTS = 5
LONGEST_PAUSE_S = 86400.0
LOST = "the connection was lost half way"


@asynccontextmanager
async def partner_http(
    entry: SourceEntry, clock: Clock, *, base: httpx.URL | None = None
) -> AsyncIterator["PartnerHttp"]:
    """The server of a source, for as long as the session with it lasts; `base` where the source has
    no address of its own."""
    authority = entry.ca.get_secret_value() if entry.ca else None
    async with httpx.AsyncClient(
        verify=ssl.create_default_context(cadata=authority),
        timeout=entry.timeout_s,
        trust_env=False,
    ) as client:
        yield PartnerHttp(client, entry, clock, httpx.URL(entry.url) if entry.url else base)


class PartnerHttp:
    """Questions to one partner's server."""

    def __init__(
        self, client: httpx.AsyncClient, entry: SourceEntry, clock: Clock, url: httpx.URL | None
    ) -> None:
        assert url is not None
        self._client = client
        self._entry = entry
        self._clock = clock
        self.url = url

    @asynccontextmanager
    async def get(
        self, url: httpx.URL, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """The answer at the end of the redirects: 200, 206 or 304, its body still to be read.
        Raises `FetchError` for any other, and httpx's `TransportError`."""
        for _ in range(MOST_REDIRECTS + 1):
            request = {"Accept-Encoding": "identity", **headers, **self._login(url)}
            async with self._client.stream("GET", url, headers=request) as answer:
                if not answer.has_redirect_location:
                    self._check(answer)
                    yield answer
                    return
                url = self.allowed(url.join(answer.headers["location"]))
        raise FetchError(f"the server redirects more than {MOST_REDIRECTS} times")

    async def post(self, url: httpx.URL, content: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer; a redirect is not followed. Raises `TransportError`."""
        request = {**self._login(url), **headers}
        async with self._client.stream("POST", url, content=content, headers=request) as answer:
            return answer.status_code

    def allowed(self, url: httpx.URL) -> httpx.URL:
        """An address that the server has led us to, if it may; raises `FetchError`."""
        secure = url.scheme == "https" or (url.scheme, self.url.scheme) == ("http", "http")
        if url.host not in {self.url.host, *self._entry.redirect_hosts}:
            raise FetchError(f"the server redirects to {url.host}, which is not in redirect_hosts")
        if url.port is not None and not 0 < url.port < 1 << 16:
            raise FetchError("the server redirects to a port that cannot be")
        if not secure or (url.scheme == "http" and url.host not in LOOPBACK):
            raise FetchError("the server redirects to an address that is not https")
        return url

    def _login(self, url: httpx.URL) -> dict[str, str]:
        """Goes to the address that is configured, and to no other that this one names."""
        here = (self.url.scheme, self.url.host, self.url.port)
        return login_of(self._entry, own=(url.scheme, url.host, url.port) == here)

    def _check(self, answer: httpx.Response) -> None:
        code = answer.status_code
        if code in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT, httpx.codes.NOT_MODIFIED):
            return
        if code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
            pause = _pause_s(answer, self._clock.now())
            raise FetchError(f"the server asks for a pause ({code})", retry_after_s=pause)
        if code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise FetchError(f"the server does not accept the login ({code})")
        raise FetchError(f"the server answers {code}")


def _pause_s(answer: httpx.Response, now: datetime) -> float | None:
    """`Retry-After` in seconds, given as such or as a date (RFC 9110 §10.2.3)."""
    said = answer.headers.get("retry-after", "")
    if said.isdecimal():
        return min(float(said), LONGEST_PAUSE_S)
    try:
        pause = (parsedate_to_datetime(said) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(pause, 0.0), LONGEST_PAUSE_S)


def lost(error: httpx.TransportError, *, began: bool) -> FetchError:
    """Why a question was not answered; `began`: a part of the answer had come."""
    verification = _verification(error)
    if verification is not None:
        reason = f"the server's certificate is not trusted: {verification}"
        outdated = "expired" in verification or "not yet valid" in verification
        return FetchError(reason) if outdated else NotTrustedError(reason)
    if isinstance(error, httpx.ConnectTimeout):
        return FetchError("the server does not answer")
    if isinstance(error, httpx.TimeoutException):
        return FetchError("the server was silent for longer than timeout_s")
    if isinstance(error, httpx.ConnectError):
        return FetchError("the server cannot be reached")
    return FetchError(LOST if began else "the connection was lost")


def _verification(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None
