"""Recordings fetched from whom they are kept by, with the source's login: by pinned addresses, few redirects, in bounds."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from careline_ingest.adapters.logins import login_of
from careline_ingest.adapters.partner_http import lost
from careline_ingest.config import SourceEntry
from careline_ingest.config_recordings import Recordings
from careline_ingest.config_remote import LOOPBACK
from careline_ingest.domain.recordings import NotAllowedError, check_addresses, check_host, is_sound
from careline_ingest.ports import FetchError

MOST_REDIRECTS = 3
PASSED_ON = ("content-type", "content-length", "content-range", "accept-ranges")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """A recording on its way; `body` closes what it comes from."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


async def resolved(host: str, port: int) -> Sequence[str]:
    """All addresses that a name stands for now. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def fetch_recording(
    entry: SourceEntry, url: str, byte_range: str | None, *, resolve: Resolve = resolved
) -> Playing:
    """Begins to fetch; raises `NotAllowedError`, `FetchError`."""
    kept = entry.recordings
    assert kept is not None
    stack = AsyncExitStack()
    authority = entry.ca.get_secret_value() if entry.ca else None
    try:
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                verify=ssl.create_default_context(cadata=authority),
                timeout=entry.timeout_s,
                trust_env=False,
            )
        )
        async with asyncio.timeout(kept.deadline_s):
            answer = await _at_the_end(client, stack, entry, kept, url, byte_range, resolve)
        _check(answer, kept)
    except BaseException as error:
        await stack.aclose()
        if isinstance(error, httpx.TransportError):
            raise lost(error, began=False) from error
        if isinstance(error, OSError | TimeoutError):
            raise FetchError("who keeps the recording cannot be reached") from error
        raise
    headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    body = _bounded(answer, stack, kept)
    return Playing(status=answer.status_code, headers=headers, body=body)


async def _at_the_end(  # noqa: PLR0917 - what one question needs
    client: httpx.AsyncClient,
    stack: AsyncExitStack,
    entry: SourceEntry,
    kept: Recordings,
    url: str,
    byte_range: str | None,
    resolve: Resolve,
) -> httpx.Response:
    """The answer at the end of the redirects, each of which is held against what is allowed."""
    for _ in range(MOST_REDIRECTS + 1):
        check_host(url, kept.url, kept.hosts)
        pinned = await _pinned(url, kept, resolve)
        headers = {"Accept-Encoding": "identity", "Host": urlsplit(url).netloc}
        headers |= {"Range": byte_range} if byte_range else {}
        headers |= login_of(entry, own=_origin(url) == _origin(kept.url))
        host = urlsplit(url).hostname or ""
        answer = await stack.enter_async_context(
            client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": host})
        )
        if not answer.has_redirect_location:
            return answer
        try:
            url = urljoin(url, answer.headers["location"])
        except ValueError:
            raise FetchError("the server redirects to an address that is none") from None
    raise FetchError(f"the server redirects more than {MOST_REDIRECTS} times")


async def _pinned(url: str, kept: Recordings, resolve: Resolve) -> httpx.URL:
    """The address with the host's name in place of its checked address, so that what is asked is what was checked."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise NotAllowedError("the record's address is none") from None
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    loopback = urlsplit(kept.url).hostname in LOOPBACK and parsed.host in LOOPBACK
    addresses = await resolve(parsed.host, port)
    return parsed.copy_with(
        host=check_addresses(addresses, networks=kept.networks, loopback=loopback)[0]
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _check(answer: httpx.Response, kept: Recordings) -> None:
    if answer.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        raise FetchError(f"who keeps the recording answers {answer.status_code}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise FetchError("who keeps the recording packs it, which he was asked not to")
    if not is_sound(answer.headers.get("content-type", "")):
        raise FetchError("who keeps the recording gives something that is no sound")
    length = answer.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > kept.max_bytes:
        raise FetchError(f"the recording is larger than {kept.max_bytes} bytes")


async def _bounded(
    answer: httpx.Response, stack: AsyncExitStack, kept: Recordings
) -> AsyncIterator[bytes]:
    """The sound, up to `max_bytes` and as long as `deadline_s`; what is more breaks off."""
    left, loop = kept.max_bytes, asyncio.get_running_loop()
    until = loop.time() + kept.deadline_s
    async with stack:
        async for chunk in answer.aiter_raw():
            left -= len(chunk)
            if left < 0:
                raise FetchError(f"the recording is larger than {kept.max_bytes} bytes")
            if loop.time() > until:
                raise FetchError(f"the recording takes longer than {kept.deadline_s:g} s")
            yield chunk
