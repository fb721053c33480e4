"""The same request again gets the first answer again, and has no second effect.

The answer is stored in the transaction of the effect, so that there is never one without the other.
A route hands its effect over and returns what comes back:

    @router.post("/callbacks", status_code=201)
    async def request_callback(
        request: Request, body: NewCallback, caller: Caller, database: Db
    ) -> Response:
        async def effect(uow: UnitOfWork) -> Answer:
            callback = await service.request_callback(uow, body)
            return Answer.json(callback.shown(), status=201, location=f"callbacks/{callback.id}")

        return await idempotent(request, database, caller, effect)

Without an Idempotency-Key the effect simply runs in a unit of work. An effect that raises is rolled
back and nothing is kept: the same request may be tried again. Two equal requests at once: the second
waits for the first one's transaction and gets its answer.

Where effects commit elsewhere (the router's group commit) use `fingerprint`, `request_scope`,
`find_answer` and `store_answer` on that transaction's connection.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from fastapi import Request
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Principal
from careline_common.http.json_body import raw_body
from careline_common.http.problem import InvalidInput, MalformedRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255

KEPT_FOR = timedelta(days=7)
"""How long a first answer is remembered; longer than any sender of ours goes on repeating."""

PURGE_EVERY_S = 3600.0
PURGE_BATCH = 5000


class KeyReusedError(Exception):
    """The key was used before, for something else."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be kept: status, body and the headers that belong to it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(
        cls,
        content: Any,
        *,
        status: int = 200,
        location: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A JSON answer; pydantic models, dates and enums are written as FastAPI would."""
        names = {"Content-Type": "application/json", **(headers or {})}
        if location is not None:
            names["Location"] = location
        return cls(status, to_json(content), names)

    def response(self, *, replayed: bool = False) -> Response:
        headers = {**self.headers, REPLAYED: "true"} if replayed else dict(self.headers)
        return Response(self.body, self.status, headers)


Effect = Callable[[UnitOfWork], Awaitable[Answer]]


def request_key(request: Request) -> str | None:
    """The Idempotency-Key header; raises 400 when it is empty, too long or not printable."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise MalformedRequest(f"{HEADER} takes 1 to {LONGEST_KEY} printable characters")
    return key


def token_scope(caller: Principal) -> str:
    """Keys of two callers cannot meet."""
    return f"token:{caller.subject}"


async def fingerprint(request: Request, body: bytes | None = None) -> bytes:
    """SHA-256 of method, path, query and body: what makes two requests the same. For a body that has
    streamed away `body` is its hash."""
    digest = hashlib.sha256()
    for part in (request.method, request.scope["path"], request.url.query):
        digest.update(part.encode("utf-8", "surrogateescape") + b"\n")
    digest.update(await raw_body(request) if body is None else body)
    return digest.digest()


async def idempotent(
    request: Request,
    database: Database,
    caller: Principal,
    effect: Effect,
    *,
    body: bytes | None = None,
) -> Response:
    """Runs the effect once for each Idempotency-Key of this caller; 422 when the key was used for
    another request. `body` is the hash of one that has streamed away."""
    key = request_key(request)
    if key is None:
        async with database.unit_of_work() as uow:
            answer = await effect(uow)
        return answer.response()
    scope, print_ = token_scope(caller), await fingerprint(request, body)
    try:
        return await answer_once(database, scope=scope, key=key, print_=print_, effect=effect)
    except KeyReusedError as error:
        raise key_reused() from error


async def answered_when_done(
    request: Request,
    database: Database,
    caller: Principal,
    work: Callable[[], Awaitable[Answer]],
) -> Response:
    """`idempotent` for work that commits as it goes and, done again, changes nothing: its answer is kept
    when it is done. Whoever repeats the request before that has it done again, and gets the first answer."""
    key = request_key(request)
    if key is None:
        return (await work()).response()
    scope, print_ = token_scope(caller), await fingerprint(request)
    try:
        async with database.read() as connection:
            stored = await find_answer(connection, scope, key, print_)
        if stored is not None:
            return stored.response(replayed=True)
        answer = await work()

        async def effect(_uow: UnitOfWork) -> Answer:
            return answer

        return await answer_once(database, scope=scope, key=key, print_=print_, effect=effect)
    except KeyReusedError as error:
        raise key_reused() from error


def key_reused() -> InvalidInput:
    return InvalidInput(
        f"this {HEADER} was used for another request", type="idempotency-key-reused"
    )


async def answer_once(
    database: Database, *, scope: str, key: str, print_: bytes, effect: Effect
) -> Response:
    """The stored answer, or the effect's own, stored with it; raises `KeyReusedError`."""
    async with database.unit_of_work() as uow:
        await lock_key(uow.connection, scope, key)
        stored = await find_answer(uow.connection, scope, key, print_)
        if stored is not None:
            return stored.response(replayed=True)
        answer = await effect(uow)
        await store_answer(uow.connection, scope, key, print_, answer, at=uow.clock.now())
    return answer.response()


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_FIND = text(
    "SELECT fingerprint, status, headers, body FROM idempotency WHERE scope = :scope AND key = :key"
)
_STORE = text(
    "INSERT INTO idempotency (scope, key, fingerprint, status, headers, body, created_at)"
    " VALUES (:scope, :key, :fingerprint, :status, CAST(:headers AS jsonb), :body, :at)"
)
_FIND_ALL = text(
    "SELECT scope, key, fingerprint, status, headers, body FROM idempotency"
    " WHERE (scope, key) IN (SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:keys AS text[])))"
)
_PURGE = text(
    "DELETE FROM idempotency WHERE (scope, key) IN"
    " (SELECT scope, key FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT :most)"
)


async def lock_key(connection: AsyncConnection, scope: str, key: str) -> None:
    """Waits until no other transaction works on this key; held until the transaction ends."""
    await connection.execute(_LOCK, {"name": f"{scope}\n{key}"})


async def find_answer(
    connection: AsyncConnection, scope: str, key: str, print_: bytes
) -> Answer | None:
    """The first answer to this key; raises `KeyReusedError` when it answered something else."""
    row = (await connection.execute(_FIND, {"scope": scope, "key": key})).one_or_none()
    if row is None:
        return None
    if bytes(row.fingerprint) != print_:
        raise KeyReusedError(key)
    return Answer(row.status, bytes(row.body), row.headers)


async def find_answers(
    connection: AsyncConnection, asked: Mapping[tuple[str, str], bytes]
) -> dict[tuple[str, str], Answer | KeyReusedError]:
    """`find_answer` for many at once: `asked` is the fingerprint by scope and key."""
    scopes, keys = [scope for scope, _ in asked], [key for _, key in asked]
    found = await connection.execute(_FIND_ALL, {"scopes": scopes, "keys": keys})
    return {
        (row.scope, row.key): Answer(row.status, bytes(row.body), row.headers)
        if bytes(row.fingerprint) == asked[row.scope, row.key]
        else KeyReusedError(row.key)
        for row in found
    }


async def store_answer(
    connection: AsyncConnection,
    scope: str,
    key: str,
    print_: bytes,
    answer: Answer,
    *,
    at: datetime,
) -> None:
    """Keeps an answer; breaks the transaction when the key has one already."""
    await store_answers(connection, [(scope, key, print_, answer)], at=at)


async def store_answers(
    connection: AsyncConnection, answers: Sequence[tuple[str, str, bytes, Answer]], *, at: datetime
) -> None:
    """`store_answer` for many at once: scope, key, fingerprint and answer of each."""
    rows = [
        {
            "scope": scope,
            "key": key,
            "fingerprint": print_,
            "status": answer.status,
            "headers": to_json(answer.headers).decode(),
            "body": answer.body,
            "at": at,
        }
        for scope, key, print_, answer in answers
    ]
    if rows:
        await connection.execute(_STORE, rows)


async def purge_answers(database: Database, clock: Clock) -> int:
    """Forgets the answers that are older than `KEPT_FOR`; returns how many."""
    before, purged = clock.now() - KEPT_FOR, 0
    while True:
        async with database.unit_of_work() as uow:
            gone = await uow.connection.execute(_PURGE, {"before": before, "most": PURGE_BATCH})
        purged += gone.rowcount
        if gone.rowcount < PURGE_BATCH:
            return purged


def purge_task(database: Database, clock: Clock) -> tuple[str, Callable[[], Awaitable[None]]]:
    """A background task for `Service.background` that purges once an hour."""

    async def run() -> None:
        while True:
            await purge_answers(database, clock)
            await asyncio.sleep(PURGE_EVERY_S)

    return "purge-answers", run
