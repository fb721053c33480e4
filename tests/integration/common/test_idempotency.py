"""One effect for one key, whatever the network repeats."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from careline_common.clock import ManualClock
from careline_common.db.engine import Database
from careline_common.db.tables import create_common_tables
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.app import create_app
from careline_common.http.auth import Caller
from careline_common.http.health import Readiness
from careline_common.http.idempotency import (
    KEPT_FOR,
    Answer,
    KeyReusedError,
    find_answer,
    idempotent,
    purge_answers,
    store_answer,
)
from careline_common.http.issuer import LocalIssuer
from careline_common.http.problem import Conflict
from careline_common.http.signed import SignedCallbacks, SignedMessage, signed_headers
from careline_common.ids import SequenceIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.testing.http import authenticator_of, bearer, client_of, settings_for
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="


class Note(BaseModel):
    text: str


@pytest.fixture
async def database(empty_database_url: str, manual_clock: ManualClock) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(empty_database_url)
    statements = ["CREATE SCHEMA notes", "CREATE TABLE notes.note (id text, text text)"]
    create_common_tables(statements.append, "notes")
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
    made = Database(
        empty_database_url,
        schema="notes",
        source="notes",
        clock=manual_clock,
        ids=SequenceIds("n"),
        pool_size=5,
    )
    yield made
    await made.close()


class Desk:
    """What the routes do: write a note, wait while the test wants them to, fail when told."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.entered = 0
        self.fail = False

    async def write(self, uow: UnitOfWork, note: str) -> Answer:
        self.entered += 1
        note_id = uow.ids.new()
        await uow.connection.execute(
            text("INSERT INTO notes.note VALUES (:id, :text)"), {"id": note_id, "text": note}
        )
        await self.open.wait()
        if self.fail:
            raise Conflict("not now")
        return Answer.json({"id": note_id}, status=201, location=f"notes/{note_id}")


def _routes(desk: Desk, database: Database, callbacks: SignedCallbacks) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/notes", status_code=201)
    async def write(request: Request, body: Note, caller: Caller) -> Response:
        async def effect(uow: UnitOfWork) -> Answer:
            return await desk.write(uow, body.text)

        return await idempotent(request, database, caller, effect)

    @router.post("/senders/{sender}/notes", status_code=201)
    async def take(sender: str, request: Request) -> Response:
        async def effect(uow: UnitOfWork, message: SignedMessage) -> Answer:
            return await desk.write(uow, message.model(Note).text)

        secrets = [SECRET] if sender == "s1" else []
        return await callbacks.once(request, database, f"sender:{sender}", secrets, effect)

    return router


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def metrics() -> MetricsRegistry:
    return MetricsRegistry("notes")


@pytest.fixture
async def client(
    desk: Desk,
    database: Database,
    metrics: MetricsRegistry,
    issuer: LocalIssuer,
    manual_clock: ManualClock,
) -> AsyncIterator[httpx.AsyncClient]:
    app: FastAPI = create_app(
        title="Notes",
        version="1",
        description="",
        readiness=Readiness(),
        authenticator=authenticator_of(issuer, manual_clock),
        settings=settings_for(issuer.path),
        metrics_registry=metrics,
        clock=manual_clock,
    )
    app.include_router(
        _routes(desk, database, SignedCallbacks(clock=manual_clock, metrics=metrics))
    )
    async with client_of(app, issuer.token(subject="a1", roles=["agent"])) as made:
        yield made


async def _count(database: Database, table: str) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_without_a_key_every_request_has_its_effect(
    client: httpx.AsyncClient, database: Database
) -> None:
    answers = [await client.post("/v1/notes", json={"text": "a"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert await _count(database, "note") == 2
    assert await _count(database, "idempotency") == 0


async def test_the_same_key_and_body_gets_the_first_answer_again(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = await client.post("/v1/notes", json={"text": "a"}, headers=_key("k"))
    again = await client.post("/v1/notes", json={"text": "a"}, headers=_key("k"))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"] == "notes/n-1"
    assert again.headers["content-type"] == "application/json"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await _count(database, "note") == 1


async def test_another_body_under_the_same_key_is_refused(
    client: httpx.AsyncClient, database: Database
) -> None:
    await client.post("/v1/notes", json={"text": "a"}, headers=_key("k"))
    other = await client.post("/v1/notes", json={"text": "b"}, headers=_key("k"))
    elsewhere = await client.post("/v1/notes?x=1", json={"text": "a"}, headers=_key("k"))
    for answer in (other, elsewhere):
        assert (answer.status_code, answer.json()["type"]) == (422, "idempotency-key-reused")
    assert await _count(database, "note") == 1


async def test_two_callers_may_use_the_same_key(
    client: httpx.AsyncClient, database: Database, issuer: LocalIssuer
) -> None:
    other = bearer(issuer.token(subject="a2", roles=["agent"]))
    await client.post("/v1/notes", json={"text": "a"}, headers=_key("k"))
    answer = await client.post("/v1/notes", json={"text": "b"}, headers=_key("k") | other)
    assert answer.status_code == 201
    assert await _count(database, "note") == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
async def test_what_is_no_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/v1/notes", json={"text": "a"}, headers=_key(key))
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed-request")


async def test_of_two_requests_at_once_one_has_the_effect_and_both_its_answer(
    client: httpx.AsyncClient, database: Database, desk: Desk
) -> None:
    desk.open.clear()
    tasks = [
        asyncio.create_task(client.post("/v1/notes", json={"text": "a"}, headers=_key("k")))
        for _ in range(4)
    ]
    await eventually(lambda: _all_but_one_wait(database))
    desk.open.set()
    answers = await asyncio.gather(*tasks)
    assert {answer.content for answer in answers} == {b'{"id":"n-1"}'}
    assert desk.entered == 1
    assert await _count(database, "note") == 1


async def _all_but_one_wait(database: Database) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with database.read() as connection:
        return bool((await connection.execute(text(query))).scalar_one() == 3)


async def test_an_effect_that_fails_leaves_nothing_and_may_be_tried_again(
    client: httpx.AsyncClient, database: Database, desk: Desk
) -> None:
    desk.fail = True
    refused = await client.post("/v1/notes", json={"text": "a"}, headers=_key("k"))
    assert refused.status_code == 409
    assert await _count(database, "note") == await _count(database, "idempotency") == 0
    desk.fail = False
    assert (
        await client.post("/v1/notes", json={"text": "a"}, headers=_key("k"))
    ).status_code == 201


async def test_a_text_with_nul_is_stored_without_it(
    client: httpx.AsyncClient, database: Database
) -> None:
    answer = await client.post(
        "/v1/notes",
        content=r'{"text": "a\u0000b\ud800"}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 201
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT text FROM note"))).scalar_one() == "ab"


async def test_old_answers_are_forgotten(
    client: httpx.AsyncClient, database: Database, manual_clock: ManualClock
) -> None:
    await client.post("/v1/notes", json={"text": "a"}, headers=_key("old"))
    manual_clock.advance(timedelta(hours=1).total_seconds())
    await client.post("/v1/notes", json={"text": "a"}, headers=_key("young"))
    manual_clock.advance(KEPT_FOR.total_seconds() - 60)
    assert await purge_answers(database, manual_clock) == 1
    assert await _count(database, "idempotency") == 1


def _signed(clock: ManualClock, message_id: str, body: bytes) -> dict[str, Any]:
    headers = signed_headers(SECRET, message_id, clock.now(), body)
    return {"content": body, "headers": headers | {"content-type": "application/json"}}


async def test_a_repeated_callback_gets_the_first_answer_without_effect(
    client: httpx.AsyncClient, database: Database, manual_clock: ManualClock
) -> None:
    body = rb'{"text":  "a\u0000b"}'
    first = await client.post("/v1/senders/s1/notes", **_signed(manual_clock, "m1", body))
    manual_clock.advance(200)
    again = await client.post("/v1/senders/s1/notes", **_signed(manual_clock, "m1", body))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert await _count(database, "note") == 1


async def test_the_same_id_with_another_body_is_a_conflict(
    client: httpx.AsyncClient, database: Database, manual_clock: ManualClock
) -> None:
    await client.post("/v1/senders/s1/notes", **_signed(manual_clock, "m1", b'{"text": "a"}'))
    other = await client.post(
        "/v1/senders/s1/notes", **_signed(manual_clock, "m1", b'{"text": "b"}')
    )
    assert (other.status_code, other.json()["type"]) == (409, "webhook-id-reused")
    assert await _count(database, "note") == 1


async def test_what_is_not_signed_stores_nothing(
    client: httpx.AsyncClient,
    database: Database,
    metrics: MetricsRegistry,
    manual_clock: ManualClock,
) -> None:
    signed = _signed(manual_clock, "m1", b'{"text": "a"}')
    unknown = await client.post("/v1/senders/s2/notes", **signed)
    unsigned = await client.post("/v1/senders/s1/notes", content=b"no json at all")
    changed = await client.post("/v1/senders/s1/notes", **{**signed, "content": b'{"text": "b"}'})
    manual_clock.advance(301)
    stale = await client.post("/v1/senders/s1/notes", **signed)
    for answer in (unknown, unsigned, changed, stale):
        assert (answer.status_code, answer.json()["type"]) == (401, "bad-signature")
    for reason in ("unknown_sender", "unsigned", "wrong_signature", "stale"):
        assert metrics.value("signed_rejections_total", reason=reason) == 1
    assert await _count(database, "note") == await _count(database, "idempotency") == 0


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b'{"text": 7}', 422)])
async def test_a_signed_body_is_read_as_strictly_as_any_other(
    client: httpx.AsyncClient,
    database: Database,
    manual_clock: ManualClock,
    body: bytes,
    status: int,
) -> None:
    answer = await client.post("/v1/senders/s1/notes", **_signed(manual_clock, "m1", body))
    assert answer.status_code == status
    assert await _count(database, "idempotency") == 0


async def test_answers_can_be_kept_in_a_transaction_of_one_s_own(
    database: Database, manual_clock: ManualClock
) -> None:
    answer = Answer.json({"a": 1}, status=202, headers={"ETag": '"1"'})
    async with database.unit_of_work() as uow:
        await store_answer(uow.connection, "s", "k", b"f1", answer, at=manual_clock.now())
        assert await find_answer(uow.connection, "s", "k", b"f1") == answer
        assert await find_answer(uow.connection, "s", "other", b"f1") is None
        with pytest.raises(KeyReusedError):
            await find_answer(uow.connection, "s", "k", b"f2")


async def test_a_value_that_no_column_takes_is_invalid_input(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.unit_of_work() as uow:
        await uow.connection.execute(text("ALTER TABLE notes.note ALTER text TYPE varchar(5)"))
    answer = await client.post("/v1/notes", json={"text": "far too long"})
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-input")
    assert "far too long" not in answer.text
