"""A partner's list behind a REST address, fetched page by page into one NDJSON file a visit.

What a visit brought before it broke off is taken, and the visit counts as failed: the items are known
by their own numbers, so that the next one doubles nothing.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
from pydantic import BaseModel, ValidationError

from careline_common.clock import Clock
from careline_ingest.adapters.partner_http import PartnerHttp, lost, partner_http
from careline_ingest.config import SourceEntry
from careline_ingest.domain import paging
from careline_ingest.domain.paging import Ask, PageRefusedError, Plan
from careline_ingest.ports import Delivered, FetchError, Listing, Offer, Sink, Span

MOST_PAGE_BYTES = 64 << 20
LONGEST_WAIT_S = 60.0
"""A pause that a server asks for in the middle of a list is kept at once up to this long."""
MOST_WAITS = 10
AHEAD = timedelta(days=1)
"""A partner's clock may be wrong, or in another zone. What is changed later than that says so by mistake:
a visit that began there would miss all that is changed until then."""
LOOPS = "the list of the server loops: page {} is one that was asked for before"

Parse = Callable[[bytes], object]


class Position(BaseModel):
    """What is remembered of the last visit: where it ended, and what it brought."""

    since: str | None = None
    digest: str = ""

    @classmethod
    def of(cls, mark: str | None) -> "Position":
        try:
            return cls.model_validate_json(mark) if mark else cls()
        except ValidationError:
            return cls()


@dataclass(slots=True)
class _Walk:
    """How far one visit is."""

    asked: set[Ask] = field(default_factory=set)
    pages: dict[str, int] = field(default_factory=dict)
    """The number of each page by the digest of its items."""
    seen: set[str] = field(default_factory=set)
    """Items, in mode `since`, in which answers overlap."""
    newest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """How a kind of portal is asked."""

    path: str = ""
    """Below the address of the source."""
    plan: Plan
    parse: Parse
    params: Mapping[str, str] = field(default_factory=dict)
    since_param: str | None = None
    """Where the list is walked by pages: the parameter that asks for changes alone."""
    span_params: tuple[str, str] | None = None
    """Those that ask for a part of the past by `span_time`, both ends included."""
    span_time: str | None = None
    repeat_ends: bool = False
    """A page that comes twice is how the list ends: the server does not know pages."""


class PortalSource:
    """The port's `Source`; with a `span` a part of the past is fetched."""

    def __init__(
        self, entry: SourceEntry, portal: Portal, clock: Clock, span: Span | None = None
    ) -> None:
        self._entry = entry
        self._portal = portal
        self._clock = clock
        self._span = span

    @asynccontextmanager
    async def session(self) -> AsyncIterator["PortalSession"]:
        async with partner_http(self._entry, self._clock) as http:
            yield PortalSession(http, self._entry, self._portal, self._span, self._clock)


class PortalSession:
    """The port's `Session`: the list is one file."""

    def __init__(
        self,
        http: PartnerHttp,
        entry: SourceEntry,
        portal: Portal,
        span: Span | None,
        clock: Clock,
    ) -> None:
        self._http = http
        self._clock = clock
        self._entry = entry
        self._portal = portal
        self._span = span
        self._known = Position()
        self._url = _below(http.url, portal.path).copy_merge_params(portal.params)
        self._span_time = portal.span_time or portal.plan.time

    async def look(self, known: Mapping[str, str]) -> Listing:
        """Whether there is anything new only the walk tells."""
        regular = f"{self._entry.id}.ndjson"
        if self._span is None:
            self._known = Position.of(known.get(regular))
            return Listing(offers=[Offer(name=regular)], present=frozenset({regular}))
        name = f"{self._entry.id} {self._span}.ndjson"
        return Listing(offers=[Offer(name=name)], present=frozenset({regular, name}))

    async def read(self, offer: Offer, sink: Sink) -> Delivered | None:
        """None: no items, or the same as last time."""
        walk, digest, trouble = _Walk(), hashlib.sha256(), None
        try:
            async for items in self._pages(walk):
                for item in items:
                    line = json.dumps(item, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
                    digest.update(line)
                    await sink.write(line)
        except FetchError as error:
            if sink.size == 0:
                raise
            trouble = error
        if sink.size == 0:
            return None
        position = self._position(walk, digest.hexdigest(), whole=trouble is None)
        if position.digest == self._known.digest:
            if trouble is not None:
                raise trouble
            return None
        await sink.write(_visit_mark(self._clock.now()))
        return Delivered(mark=position.model_dump_json(), trouble=trouble)

    async def put_away(self, offer: Offer, sha256: bytes) -> None:
        """The list stays where it is: it is the partner's."""

    async def answer(self, name: str, content: bytes) -> None:
        """No source of this kind has a folder for answers; its configuration says so."""
        raise AssertionError(name)

    def _position(self, walk: _Walk, digest: str, *, whole: bool) -> Position:
        since = self._known.since
        if whole and self._span is None and walk.newest is not None:
            since = max(walk.newest, since or walk.newest, key=paging.order)
        return Position(since=since, digest=digest)

    async def _pages(self, walk: _Walk) -> AsyncIterator[list[object]]:
        """Items page by page, each once; raises `FetchError` when the list does not end well."""
        plan = self._portal.plan
        ask: Ask | None = self._first()
        while ask is not None:
            if ask in walk.asked and plan.mode != "since":
                raise FetchError(LOOPS.format(len(walk.asked) + 1))
            walk.asked.add(ask)
            document, link = await self._page(ask)
            items = _items(document, plan)
            fresh = self._fresh(walk, items)
            if fresh is None:
                return
            until = self._clock.now() + AHEAD
            newest = paging.newest_of(plan, document, items, until=until)
            if newest is not None:
                walk.newest = max(newest, walk.newest or newest, key=paging.order)
            yield fresh
            if plan.mode == "since" and not fresh:
                return
            ask = paging.following(plan, ask, document, items, link)

    def _first(self) -> Ask:
        """The first question; where pages are counted, what narrows the list goes into every one."""
        portal, span, since = self._portal, self._span, self._known.since
        if span is not None:
            if portal.span_params is not None:
                bounds = zip(portal.span_params, (span.begin, span.end), strict=True)
                self._url = self._url.copy_merge_params(dict(bounds))
            return paging.first(replace(portal.plan, overlap_s=0.0), span.begin)
        if portal.since_param is not None and since is not None:
            begin = paging.earlier(since, portal.plan.overlap_s)
            self._url = self._url.copy_merge_params({portal.since_param: begin})
        return paging.first(portal.plan, since)

    def _fresh(self, walk: _Walk, items: list[object]) -> list[object] | None:
        """The items that no page before had; None: here the list ends."""
        if self._portal.plan.mode == "since":
            prints = {_print(item): item for item in items}
            fresh = [item for print_, item in prints.items() if print_ not in walk.seen]
            walk.seen.update(prints)
            return self._within(fresh)
        print_ = _print(items)
        if items and print_ in walk.pages:
            if self._portal.repeat_ends:
                return None
            here, there = len(walk.pages) + 1, walk.pages[print_]
            raise FetchError(f"page {here} of the server repeats page {there}")
        walk.pages[print_] = len(walk.pages) + 1
        return self._within(items)

    def _within(self, items: list[object]) -> list[object]:
        span, time = self._span, self._span_time
        if span is None or time is None:
            return items
        return [item for item in items if span.holds(paging.at(item, time))]

    async def _page(self, ask: Ask) -> tuple[object, str | None]:
        """A page and the address of the next in its `Link` header."""
        for _ in range(MOST_WAITS):
            try:
                return await self._ask(ask)
            except FetchError as error:
                if error.retry_after_s is None or error.retry_after_s > LONGEST_WAIT_S:
                    raise
                await asyncio.sleep(error.retry_after_s)
        raise FetchError(f"the server asked for a pause {MOST_WAITS} times in a row")

    async def _ask(self, ask: Ask) -> tuple[object, str | None]:
        url = self._url.copy_merge_params(dict(ask.params)) if ask.link is None else self._led(ask)
        body = bytearray()
        try:
            async with self._http.get(url, {"Accept": "application/json, */*;q=0.5"}) as answer:
                async for block in answer.aiter_bytes():
                    body += block
                    if len(body) > MOST_PAGE_BYTES:
                        raise FetchError(f"a page has more than {MOST_PAGE_BYTES >> 20} MiB")
                link = answer.links.get("next", {}).get("url")
        except httpx.TransportError as error:
            raise lost(error, began=bool(body)) from error
        except httpx.DecodingError:
            raise FetchError("the server packs its answer, and not as it says") from None
        return self._portal.parse(bytes(body)), link

    def _led(self, ask: Ask) -> httpx.URL:
        assert ask.link is not None
        try:
            url = self._url.join(ask.link)
        except httpx.InvalidURL:
            raise FetchError("the server names an address of the next page that is none") from None
        return self._http.allowed(url)


def _items(document: object, plan: Plan) -> list[object]:
    try:
        return paging.items_of(document, plan.items)
    except PageRefusedError as error:
        raise FetchError(str(error)) from None


def json_page(body: bytes) -> object:
    """A page in JSON; raises `FetchError`. A number that begins with noughts, as in the examples of
    GeoReport v2, is taken for the code that it is."""
    text = body.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(_NOUGHTS.sub(lambda hit: hit[1] or f'"{hit[2]}"', text))
    except (ValueError, RecursionError):
        raise FetchError("the server answers 200 with something that is not JSON") from None


_NOUGHTS = re.compile(r'("(?:[^"\\]|\\.)*")|(?<![\w.+-])(0\d+)(?![\w.])')


def portal_of(entry: SourceEntry) -> Portal:
    """The portal that a source of kind `portal` describes."""
    said = entry.paging
    if said is None:
        return Portal(plan=Plan(), parse=json_page)
    plan = Plan(
        mode=said.mode,
        items=said.items,
        next=None if said.mode == "since" else said.next,
        time=_time_of(entry, said.next) if said.mode == "since" else None,
        param=said.param,
        overlap_s=said.overlap_s,
        first=said.first,
        sizes={said.size_param: str(said.size)} if said.size_param and said.size else None,
    )
    return Portal(plan=plan, parse=json_page)


def _time_of(entry: SourceEntry, path: str | None) -> str | None:
    """Where an item says when it was changed: as the source says, else by its map."""
    if path is not None:
        return path
    columns = {column.target: column.names for column in entry.columns()}
    names = columns.get("version") or columns.get("registered_at") or (None,)
    return names[0]


def _print(value: object) -> str:
    written = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _below(url: httpx.URL, path: str) -> httpx.URL:
    return url.copy_with(path=f"{url.path.rstrip('/')}/{path}") if path else url


def _visit_mark(at: datetime) -> bytes:
    """An empty line of its own for each visit. A list that is again as it was weeks ago is news,
    and would else be the file that was read then; no reader of NDJSON sees the blanks."""
    moment = int(at.timestamp() * 1_000_000)
    return format(moment, "b").replace("0", " ").replace("1", "\t").encode() + b"\n"
