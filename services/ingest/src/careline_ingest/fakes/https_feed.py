"""A partner's web server with one feed, and the faults that such servers have.

Its HTTP is written out by hand, because a proper server would not send what broken ones send.
"""

import argparse
import asyncio
import base64
import hashlib
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from careline_ingest.fakes.authority import PrivateAuthority
from careline_ingest.fakes.listening import Listening

BLOCK_BYTES = 1 << 14


@dataclass(slots=True, kw_only=True)
class FeedFaults:
    """What goes wrong from now on; may be changed while the server runs."""

    statuses: list[tuple[int, str | None]] = field(default_factory=list)
    """The next answers are these, each with its `Retry-After`."""
    cut_at: list[int] = field(default_factory=list)
    """The next bodies break off after so many bytes."""
    longer_by: int = 0
    """`Content-Length` says more than there is."""
    change_when_cut: bytes | None = None
    """After a cut this is the file."""
    no_etag: bool = False
    weak_etag: bool = False
    no_range: bool = False
    """Ranges are answered with the whole file."""
    short_range: bool = False
    """Of what a range asks for only the first half is sent, as RFC 9110 allows."""
    headers: dict[str, str] = field(default_factory=dict)
    """Every answer with the file has these too."""
    no_length: bool = False
    """Neither a length nor chunks: the body ends with the connection."""
    chunked: bool = False
    wrong_digest: bool = False
    """`Repr-Digest` is that of another file."""
    packed: bool = False
    """The body is said to be gzip."""
    redirect_to: str | None = None
    hang: bool = False
    """Requests are never answered."""
    block_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; the names of headers are in small letters."""

    path: str
    headers: dict[str, str]


class HttpsFeed(Listening):
    """The server; `async with` starts and stops it. Every path has the same file."""

    def __init__(
        self,
        content: bytes = b"",
        *,
        tls: ssl.SSLContext | None,
        port: int = 0,
        name: str | None = None,
        login: tuple[str, str] | None = None,
        faults: FeedFaults | None = None,
    ) -> None:
        """`login` is a header that requests must have, and its value; `name` goes into
        `Content-Disposition`."""
        self.content = content
        self.name = name
        self.login = login
        self.faults = faults or FeedFaults()
        self.asked: list[Asked] = []
        self.answered: list[int] = []
        """The status of every answer."""
        self.busiest = 0
        """The most requests that were being answered at once."""
        self._busy = 0
        self.last_modified = "Mon, 02 Mar 2026 09:00:00 GMT"
        super().__init__(tls=tls, port=port)

    @property
    def etag(self) -> str:
        weak = "W/" if self.faults.weak_etag else ""
        return f'{weak}"{hashlib.sha256(self.content).hexdigest()[:16]}"'

    @property
    def port(self) -> int:
        return self._port

    def url(self, path: str = "day.csv") -> str:
        return super().url(path)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = _asked((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        self.asked.append(asked)
        if self.faults.hang:
            await reader.read()
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            await self._answer(asked, writer)
        finally:
            self._busy -= 1
        writer.close()
        await writer.wait_closed()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        faults = self.faults
        if faults.statuses:
            status, retry_after = faults.statuses.pop(0)
            await self._head(writer, status, {"Retry-After": retry_after} if retry_after else {})
        elif faults.redirect_to is not None and not asked.path.startswith("/moved"):
            await self._head(writer, 302, {"Location": faults.redirect_to})
        elif self.login is not None and asked.headers.get(self.login[0].lower()) != self.login[1]:
            await self._head(writer, 401, {"WWW-Authenticate": "Basic"})
        elif self._is_known(asked):
            await self._head(writer, 304, self._validators())
        else:
            await self._send_file(asked, writer)

    def _is_known(self, asked: Asked) -> bool:
        match = asked.headers.get("if-none-match")
        if match is not None:
            return not self.faults.no_etag and match == self.etag
        return asked.headers.get("if-modified-since") == self.last_modified

    def _validators(self) -> dict[str, str]:
        shown = {} if self.faults.no_etag else {"ETag": self.etag}
        return shown | {"Last-Modified": self.last_modified}

    async def _send_file(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        faults, content, headers = self.faults, self.content, self._validators()
        start = self._start(asked)
        if start is not None and start >= len(content):
            await self._head(writer, 416, {"Content-Range": f"bytes */{len(content)}"})
            return
        body = content[start or 0 :]
        if start is not None:
            body = body[: len(body) // 2] if faults.short_range else body
            end = start + len(body) - 1
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        if self.name is not None:
            headers["Content-Disposition"] = f'attachment; filename="{self.name}"'
        if faults.wrong_digest:
            digest = hashlib.sha256(content + b"x").digest()
            headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest).decode()}:"
        if faults.packed:
            headers["Content-Encoding"] = "gzip"
        if faults.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif not faults.no_length:
            headers["Content-Length"] = str(len(body) + faults.longer_by)
        await self._head(
            writer, 206 if start is not None else 200, headers | faults.headers, ends=False
        )
        cut = faults.cut_at.pop(0) if faults.cut_at else None
        await self._send_body(body[:cut], writer)
        if cut is None:
            writer.write(b"0\r\n\r\n" if faults.chunked else b"")
            await writer.drain()
        elif faults.change_when_cut is not None:
            self.content = faults.change_when_cut

    def _start(self, asked: Asked) -> int | None:
        """Where the range that was asked for begins; None: the whole file is to be sent."""
        wanted = asked.headers.get("range", "")
        guard = asked.headers.get("if-range")
        if (
            self.faults.no_range
            or not wanted.startswith("bytes=")
            or guard not in (None, self.etag)
        ):
            return None
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    async def _send_body(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        for begin in range(0, len(body), BLOCK_BYTES):
            block = body[begin : begin + BLOCK_BYTES]
            if self.faults.chunked:
                block = f"{len(block):x}\r\n".encode() + block + b"\r\n"
            await asyncio.sleep(self.faults.block_delay_s)
            writer.write(block)
            await writer.drain()

    async def _head(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        headers: dict[str, str],
        *,
        ends: bool = True,
    ) -> None:
        """The head of an answer; one that `ends` here has no body."""
        self.answered.append(status)
        more = {"Content-Length": "0"} if ends and status != HTTPStatus.NOT_MODIFIED else {}
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers | more).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await writer.drain()


def _asked(head: str) -> Asked:
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return Asked(first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs})


EXAMPLES = """examples:
  python -m careline_ingest.fakes.https_feed --file day.csv --folder tls
      serves day.csv at https://127.0.0.1:PORT/day.csv and prints what a source needs: url, ca_file
  python -m careline_ingest.fakes.https_feed --file day.csv --folder tls --cut-at 1000 --cut-at 5000
      the first body breaks off after 1000 bytes, the second after 5000
  python -m careline_ingest.fakes.https_feed --file day.csv --folder tls --status 503:120
      the first answer is 503 with Retry-After: 120
  python -m careline_ingest.fakes.https_feed --file day.csv --folder tls --longer-by 10
      Content-Length always says ten bytes more than come
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m careline_ingest.fakes.https_feed",
        description="A partner's web server with one file, and the faults that such servers have.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--file", type=Path, required=True, help="read anew every second")
    parser.add_argument("--folder", type=Path, required=True, help="for the certificates it makes")
    parser.add_argument("--port", type=int, default=0, help="default: one that is free")
    parser.add_argument(
        "--status", action="append", default=[], metavar="CODE[:RETRY-AFTER]", help="an answer"
    )
    parser.add_argument("--cut-at", type=int, action="append", default=[], help="bytes")
    parser.add_argument("--longer-by", type=int, default=0, help="bytes that never come")
    parser.add_argument("--no-etag", action="store_true")
    parser.add_argument("--no-range", action="store_true", help="ranges get the whole file")
    parser.add_argument("--hang", action="store_true", help="never answer")
    return parser.parse_args()


def _status(given: str) -> tuple[int, str | None]:
    code, _, retry_after = given.partition(":")
    return int(code), retry_after or None


async def _run(given: argparse.Namespace) -> None:
    given.folder.mkdir(parents=True, exist_ok=True)
    authority = PrivateAuthority(given.folder)
    faults = FeedFaults(
        statuses=[_status(each) for each in given.status],
        cut_at=given.cut_at,
        longer_by=given.longer_by,
        no_etag=given.no_etag,
        no_range=given.no_range,
        hang=given.hang,
    )
    content = await asyncio.to_thread(given.file.read_bytes)
    feed = HttpsFeed(content, tls=authority.server_context(), port=given.port, faults=faults)
    async with feed:
        sys.stdout.write(f"url: {feed.url(given.file.name)}\nca_file: {authority.ca.resolve()}\n")
        sys.stdout.flush()
        while True:
            await asyncio.sleep(1.0)
            feed.content = await asyncio.to_thread(given.file.read_bytes)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(_arguments()))
