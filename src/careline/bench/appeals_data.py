"""The journal with a million appeals, as a private PostgreSQL that is made once and kept under .cache."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

import asyncpg
from pydantic_core import to_json

from careline.bench.appeals import HEADS, languages, rare_words, texts
from careline.datadir import CannotError
from careline_common.db.migrate import upgrade
from careline_common.observability.pii import PiiHasher
from careline_common.postgres import PostgresLauncher
from careline_tickets.db.rows import clock_values, ticket_values
from careline_tickets.db.wording import vector_values
from careline_tickets.domain.acting import register
from careline_tickets.domain.calendars import Calendar, Span, Window
from careline_tickets.domain.clocks import ClockKind
from careline_tickets.domain.policies import make_policy, policy_body
from careline_tickets.domain.ticket import Details, Ticket
from careline_tickets.domain.vocabulary import Channel, Kind, Role
from careline_tickets.domain.words import time_words
from careline_tickets.domain.workflow import Actor

VERSION = 2
"""Counted up when what is made here changes."""
PII_KEY = "a key of benchmarks"
PEOPLE = 100_000
DAYS = 500
"""The appeals' registrations are spread evenly over so many days: 60,000 a month, as 1420 has."""
BATCH = 20_000
TABLES = ("ticket", "person", "content", "wording", "clock", "history")

HOURS = timedelta(hours=9), timedelta(hours=18)
POLICY = make_policy(
    Calendar(
        zone="Europe/Moscow",
        weekly=((Window(start=HOURS[0], end=HOURS[1]),),) * 5 + ((),) * 2,
        special={},
    ),
    {ClockKind.LEVEL1: Span.parse("1h"), ClockKind.STATUTORY: Span.parse("30d")},
)

APPEALS = """
INSERT INTO tickets.ticket
SELECT made.* FROM (
    SELECT n, $2::timestamptz - (($3::int - n) * ($4::interval / $3::int)) AS at
    FROM generate_series(1, $3::int) n) moment,
LATERAL jsonb_populate_record(NULL::tickets.ticket, $1::jsonb || jsonb_build_object(
    'id', 't' || n, 'number', 'B-' || n, 'tracking_code', 'code' || n,
    'status', (ARRAY['new', 'in_work', 'in_work', 'in_work', 'with_insurer', 'in_review', 'waiting'])[1 + n % 7],
    'subject', 's' || n % 40, 'territory', n % 60, 'organisation', 'o' || n * 7919::bigint % 900,
    'insurer', 'i' || n % 12, 'owner', CASE WHEN n % 7 > 0 THEN 'a' || n % 300 END,
    'registered_at', at, 'updated_at', at, 'due_at', at + interval '600 days')) made
"""
CLOCKS = """
INSERT INTO tickets.clock
SELECT made.* FROM tickets.ticket t,
LATERAL jsonb_populate_record(NULL::tickets.clock, $1::jsonb || jsonb_build_object(
    'ticket_id', t.id, 'started_at', t.registered_at, 'due_at', t.due_at)) made
"""
HISTORY = """
INSERT INTO tickets.history (ticket_id, version, at, actor, action, before, after, contents, previous, hash)
SELECT id, 1, registered_at, 'bench', 'register', '{}', $1::jsonb, '{}', chain, chain FROM tickets.ticket
"""
PERSONS = """
INSERT INTO tickets.person (ticket_id, phone, name, policy_number, phone_key, policy_key)
SELECT 't' || n, h.phone, 'N', h.policy, h.phone_key, h.policy_key
FROM generate_series(1, $1::int) n JOIN human h ON h.id = n * 48271::bigint % $2::int
"""
QUICKLY = "SET session_replication_role = replica; SET maintenance_work_mem = '1GB'"
"""Keys hold by making."""
CONTENT = ("id", "ticket_id", "version", "kind", "author", "at", "body", "salt")
WORDING = ("ticket_id", "content_id", "registered_at", "words")
INDEXES = """
SELECT indexdef, format('DROP INDEX %I.%I', schemaname, indexname) AS dropping FROM pg_indexes i
WHERE schemaname = 'tickets' AND tablename = ANY($1)
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)
"""


def phone(number: int) -> str:
    return f"+7916{number:07}"


def policy_number(number: int) -> str:
    return f"46{number:014}"


@asynccontextmanager
async def journal_of(
    appeals: int, folder: Path, tell: Callable[[str], None]
) -> AsyncIterator[tuple[PostgresLauncher, str]]:
    """A server with that many appeals in its database: made when it is not there yet."""
    made = _Marker(folder, {"version": VERSION, "appeals": appeals})
    if not made.there():
        async with PostgresLauncher(folder, fast=True).running() as url:
            await _make(url, appeals, tell)
        made.set()
    launcher = PostgresLauncher(folder)
    async with launcher.running() as url:
        await upgrade(url, package="careline_tickets", schema="tickets")
        yield launcher, url


class _Marker:
    """Stands beside a data set that is whole."""

    def __init__(self, folder: Path, wanted: dict[str, int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "made.json"
        self._wanted = wanted

    def there(self) -> bool:
        if self._file.exists() and json.loads(self._file.read_text()) == self._wanted:
            return True
        self._file.unlink(missing_ok=True)
        return False

    def set(self) -> None:
        self._file.write_text(json.dumps(self._wanted))


async def _make(url: str, appeals: int, tell: Callable[[str], None]) -> None:
    connection = await asyncpg.connect(url)
    try:
        # a making that was broken off may have left a schema without indexes
        await connection.execute("DROP SCHEMA IF EXISTS tickets CASCADE")
        await upgrade(url, package="careline_tickets", schema="tickets")
        await connection.execute(f"{QUICKLY}; SET search_path = tickets")
        indexes = await connection.fetch(INDEXES, TABLES)
        for index in indexes:
            await connection.execute(index["dropping"])
        tell("appeals, people, clocks, history")
        await _facts(connection, appeals)
        tell("texts and their words")
        await _texts(url, appeals)
        await _index(url, [index["indexdef"] for index in indexes], tell)
        tell("statistics")
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


async def _facts(connection: asyncpg.Connection, appeals: int) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - a data set's own time
    ticket, change = register(
        ticket_id="t", number="B", tracking_code="code",
        details=Details(channel=Channel.PHONE, kind=Kind.COMPLAINT), text="", policy=POLICY,
        registered_at=now, actor=Actor(id="bench", roles=frozenset({Role.SYSTEM})), now=now,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO policy (id, body, created_at) VALUES ($1, $2, $3)",
        POLICY.id, json.dumps(policy_body(POLICY)), now,
    )  # fmt: skip
    await connection.execute(APPEALS, _template(ticket), now, appeals, timedelta(days=DAYS))
    statutory = next(clock for clock in ticket.clocks if clock.kind is ClockKind.STATUTORY)
    template = to_json({**clock_values("t", statutory), "pauses": statutory.pauses}).decode()
    await connection.execute(CLOCKS, template)
    await connection.execute(HISTORY, to_json(dict(change.after)).decode())
    hasher, people = PiiHasher(PII_KEY), min(PEOPLE, appeals)
    await connection.execute(
        "CREATE TEMP TABLE human (id int PRIMARY KEY, phone text, policy text, phone_key bytea, policy_key bytea)"
    )
    known = (
        (number, phone(number), policy_number(number), hasher.lookup(phone(number)),
         hasher.lookup(policy_number(number)))
        for number in range(people)
    )  # fmt: skip
    await connection.copy_records_to_table("human", records=known)
    await connection.execute(PERSONS, appeals, people)


def _template(ticket: Ticket) -> str:
    """The row of an appeal as JSON, whatever columns it has by now."""
    return to_json({**ticket_values(ticket), "chain": "\\x00"}).decode()


async def _texts(url: str, appeals: int) -> None:
    """Texts and words, each on a connection of its own, while the next ones are made."""
    async with AsyncExitStack() as stack:
        contents, wordings = [await stack.enter_async_context(_connected(url)) for _ in range(2)]
        moments = await contents.fetch(
            "SELECT registered_at FROM tickets.ticket ORDER BY length(id), id"
        )
        lexemes = await _lexemes(contents)
        lines = _lines(lexemes, (row["registered_at"] for row in moments), appeals)
        copying: Awaitable[Any] = asyncio.gather()
        while batch := await asyncio.to_thread(lambda: [*islice(lines, BATCH)]):
            await copying
            own, words = zip(*batch, strict=True)
            copying = asyncio.gather(
                _copy(contents, "content", CONTENT, own),
                _copy(wordings, "wording", WORDING, words),
            )
        await copying


async def _copy(
    connection: asyncpg.Connection, table: str, columns: tuple[str, ...], lines: Sequence[str]
) -> None:
    await connection.copy_to_table(
        table, schema_name="tickets", columns=columns, source=_stream(lines)
    )


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(QUICKLY)
        yield connection
    finally:
        await connection.close()


async def _index(url: str, definitions: list[str], tell: Callable[[str], None]) -> None:
    """Two at a time, those of the words first: it takes as long as all the others together."""
    waiting = sorted(definitions, key=lambda one: "USING gin" not in one)

    async def work() -> None:
        async with _connected(url) as connection:
            while waiting:
                definition = waiting.pop(0)
                tell(definition.partition(" ON ")[0].lower())
                await connection.execute(definition)

    await asyncio.gather(work(), work())


async def _stream(lines: Sequence[str]) -> AsyncIterator[bytes]:
    for at in range(0, len(lines), 500):
        yield "".join(lines[at : at + 500]).encode()


async def _lexemes(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Each word as the index has it: the words of the languages are asked for once, not each text's."""
    lexemes: dict[str, list[str]] = {}
    everything = [*chain(*languages().values(), rare_words())]
    vectors = [vector_values(word, datetime(2000, 1, 1, tzinfo=UTC)) for word in everything]
    found = await connection.fetch(
        "SELECT tsvector_to_array(to_tsvector('tickets.plain', word)) AS stems"
        " FROM unnest($1::text[]) WITH ORDINALITY AS given(word, nth) ORDER BY nth",
        [stemmed for stemmed, _ in vectors],
    )
    for word, row, (_, exact) in zip(everything, found, vectors, strict=True):
        lexemes[word] = [*row["stems"], *(one for one in exact if not one.startswith("@"))]
    await _check(connection, lexemes)
    return lexemes


def _lines(
    lexemes: dict[str, list[str]], moments: Iterable[datetime], appeals: int
) -> Iterator[tuple[str, str]]:
    """Lines for COPY of each appeal's text and of its words."""
    for number, (words, moment) in enumerate(zip(texts(appeals), moments, strict=True), 1):
        at, body = moment.isoformat(), " ".join(words)
        known = "' '".join({lexeme for word in words for lexeme in lexemes[word]})
        times = "' '".join(time_words(moment))
        yield (
            f"c{number}\tt{number}\t1\ttext\tbench\t{at}\t{body}\t\\\\x00\n",
            f"t{number}\tc{number}\t{at}\t'{known}' '{times}'\n",
        )


async def _check(connection: asyncpg.Connection, lexemes: dict[str, list[str]]) -> None:
    """The short way gives what the service itself would have written."""
    at = datetime(2000, 1, 1, tzinfo=UTC)
    for words in texts(50):
        stemmed, exact = vector_values(" ".join(words), at)
        stems: list[Any] = await connection.fetchval(
            "SELECT tsvector_to_array(to_tsvector('tickets.plain', $1))", stemmed
        )
        theirs = {*stems, *exact} - {*time_words(at)}
        if theirs != {lexeme for word in words for lexeme in lexemes[word]}:
            raise CannotError(
                f"the words of {sorted(HEADS)} were made otherwise than the service does"
            )
