"""A partner's file behind an HTTPS address.

Conditional requests as in RFC 9110 §13, ranges as in its §14: a download that breaks off goes on
where it was, and only if the server still has the same file. What has no end that can be checked
is not taken.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import unquote

import httpx
from pydantic import BaseModel

from careline_common.clock import Clock
from careline_ingest.adapters.partner_http import LOST, PartnerHttp, lost, partner_http
from careline_ingest.config import SourceEntry
from careline_ingest.domain.names import file_name
from careline_ingest.ports import Delivered, FetchError, FileRefusedError, Listing, Offer, Sink

MOST_RESUMES = 5
OTHER_PART = "the server sends another part than it was asked for"


class _Validators(BaseModel):
    """What the server said about the version of a file that we have."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, mark: str | None) -> Self:
        return cls() if not mark else cls.model_validate_json(mark)

    @classmethod
    def from_answer(cls, answer: httpx.Response) -> Self:
        """Without what could not be sent back as it came."""
        etag, last_modified = (answer.headers.get(name, "") for name in ("etag", "last-modified"))
        return cls(
            etag=etag if etag.isascii() else None,
            last_modified=last_modified if last_modified.isascii() else None,
        )

    @property
    def strong(self) -> str | None:
        """An ETag that changes with every byte, which alone may guard a range."""
        return self.etag if self.etag and not self.etag.startswith("W/") else None

    def mark(self) -> str:
        return json.dumps(self.model_dump(exclude_none=True), sort_keys=True)

    def condition(self) -> dict[str, str]:
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.last_modified} if self.last_modified else {}


class HttpsSource:
    """The port's `Source` over HTTPS."""

    def __init__(self, entry: SourceEntry, clock: Clock) -> None:
        self._entry = entry
        self._clock = clock

    @asynccontextmanager
    async def session(self) -> AsyncIterator["HttpsSession"]:
        async with partner_http(self._entry, self._clock) as http:
            yield HttpsSession(http, self._entry)


class HttpsSession:
    """The port's `Session`: one file at one address."""

    def __init__(self, http: PartnerHttp, entry: SourceEntry) -> None:
        self._http = http
        self._entry = entry
        self._known = _Validators()

    async def look(self, known: Mapping[str, str]) -> Listing:
        """Whether it is new only the answer to reading it tells."""
        name = unquote(self._http.url.path).rsplit("/", 1)[-1] or self._entry.id
        self._known = _Validators.of(known.get(name))
        return Listing(offers=[Offer(name=name)], present=frozenset({name}))

    async def read(self, offer: Offer, sink: Sink) -> Delivered | None:
        """None: the server says that it has not changed."""
        have = _Validators()
        for _ in range(MOST_RESUMES):
            before = sink.size
            try:
                async with self._http.get(self._http.url, self._headers(have, sink)) as answer:
                    if answer.status_code == httpx.codes.NOT_MODIFIED:
                        self._check_asked(sink)
                        return None
                    await self._take_up(answer, have, sink)
                    have = _Validators.from_answer(answer)
                    async for block in answer.aiter_raw():
                        await sink.write(block)
                    if _end(answer) not in (None, sink.size):
                        raise FetchError(OTHER_PART)
                    return Delivered(
                        mark=have.mark(),
                        name=file_name(answer.headers.get("content-disposition")),
                        sha256=_digest(answer),
                    )
            except httpx.TransportError as error:
                if have.strong is None or sink.size == before:
                    raise lost(error, began=sink.size > 0) from error
        raise FetchError(LOST)

    def _check_asked(self, sink: Sink) -> None:
        """That nothing has changed is believed when that was the question."""
        if sink.size or not self._known.condition():
            raise FetchError("the server answers 304 without having been asked for changes")

    async def put_away(self, offer: Offer, sha256: bytes) -> None:
        """The file stays where it is: it is the server's."""

    async def answer(self, name: str, content: bytes) -> None:
        """No source of this kind has a place for answers; its configuration says so."""
        raise AssertionError(name)

    def _headers(self, have: _Validators, sink: Sink) -> dict[str, str]:
        if have.strong is not None:
            return {"Range": f"bytes={sink.size}-", "If-Range": have.strong}
        return self._known.condition()

    async def _take_up(self, answer: httpx.Response, have: _Validators, sink: Sink) -> None:
        """Checks that an answer has the whole file, or the rest of the one that was begun."""
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise FetchError("the server packs the file, which it was asked not to")
        if answer.status_code == httpx.codes.PARTIAL_CONTENT:
            begins = answer.headers.get("content-range", "").startswith(f"bytes {sink.size}-")
            if not begins or answer.headers.get("etag") != have.strong or have.strong is None:
                raise FetchError(OTHER_PART)
            return
        length = answer.headers.get("content-length")
        if length is None and "chunked" not in answer.headers.get("transfer-encoding", ""):
            raise FetchError("the server does not say where the file ends")
        limit = self._entry.max_bytes
        if limit is not None and length is not None and int(length) > limit:
            raise FileRefusedError(f"the file is larger than {limit} bytes")
        if sink.size:
            await sink.restart()


def _end(answer: httpx.Response) -> int | None:
    """The length of the whole file, where the answer is a part of it: a server may give less than
    the rest (RFC 9110 §15.3.7), which would look like an end."""
    whole = re.fullmatch(r"bytes \d+-\d+/(\d{1,18})", answer.headers.get("content-range", ""))
    if answer.status_code != httpx.codes.PARTIAL_CONTENT:
        return None
    return int(whole[1]) if whole else -1


def _digest(answer: httpx.Response) -> bytes | None:
    """The SHA-256 of the whole file, where the server says it (`Repr-Digest`, RFC 9530)."""
    for member in answer.headers.get("repr-digest", "").split(","):
        algorithm, _, value = member.strip().partition("=")
        if algorithm == "sha-256" and value[:1] == value[-1:] == ":":
            try:
                return base64.b64decode(value[1:-1], validate=True)
            except ValueError:
                return None
    return None
