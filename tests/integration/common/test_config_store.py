"""Configuration as it is applied, read back, and heard of by other replicas."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from careline_common.clock import ManualClock
from careline_common.config import (
    MASK,
    AgentEntry,
    Calendar,
    ConfigInvalidError,
    ConfigModel,
    ConfigStore,
    Configuration,
    Fault,
    HttpAddress,
    Id,
    PlainEntry,
    Section,
    config_routes,
    entry_routes,
    watch_config,
)
from careline_common.db.engine import Database
from careline_common.db.tables import create_common_tables
from careline_common.http.app import add_router, create_app
from careline_common.http.health import Readiness
from careline_common.http.issuer import LocalIssuer
from careline_common.ids import SequenceIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.testing.http import authenticator_of, bearer, client_of, settings_for
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


class Queue(ConfigModel):
    id: Id
    target_s: int = 20
    skills: tuple[str, ...] = ()


class Crm(ConfigModel):
    url: HttpAddress
    password: SecretStr | None = None


SECTIONS = (
    Section("skills", PlainEntry, plain=True),
    Section("queues", Queue),
    Section("agents", AgentEntry),
    Section("calendars", Calendar),
    Section("crm", Crm, singleton=True, secrets=("password",)),
)


def versions(configuration: Configuration) -> set[tuple[str, str, int]]:
    """Of every entry its section, its id and how often it was changed."""
    entries = (each for section in SECTIONS for each in configuration.entries(section.name))
    return {(each.section, each.id, each.version) for each in entries}


def _cross_check(configuration: Configuration) -> Iterable[Fault]:
    skills = configuration.all("skills", PlainEntry)
    for queue in configuration.all("queues", Queue).values():
        for index, skill in enumerate(queue.skills):
            if skill not in skills:
                yield Fault("queues", queue.id, f"skills[{index}]", f"no skill {skill!r}")


@pytest.fixture
async def database(empty_database_url: str, manual_clock: ManualClock) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(empty_database_url)
    statements = ["CREATE SCHEMA desk"]
    create_common_tables(statements.append, "desk")
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
    made = Database(
        empty_database_url, schema="desk", source="desk", clock=manual_clock, ids=SequenceIds()
    )
    yield made
    await made.close()


@pytest.fixture
def store(database: Database, manual_clock: ManualClock) -> ConfigStore:
    return ConfigStore(database, SECTIONS, clock=manual_clock, cross_check=_cross_check)


DOCUMENT: dict[str, Any] = {
    "careline": 1,
    "skills": ["adult", "child"],
    "queues": [{"id": "adult", "skills": ["adult"]}, {"id": "child", "target_s": 30}],
    "agents": [{"id": "a1", "name": "A", "skills": {"adult": 10}}],
    "crm": {"url": "http://crm.test/{phone}", "password": "opensesame"},
    "sources": [{"of": "another service"}],
}


async def test_what_is_applied_can_be_read(store: ConfigStore) -> None:
    counts = await store.apply(DOCUMENT)
    assert counts["queues"] == {"created": 2, "updated": 0, "unchanged": 0}
    assert set(counts) == {"skills", "queues", "agents", "crm"}
    assert list(store.current.all("queues", Queue)) == ["adult", "child"]
    assert store.current.get("queues", "child", Queue) == Queue(id="child", target_s=30)
    assert store.current.get("queues", "none", Queue) is None
    assert store.current.has("skills", "adult")
    crm = store.current.get("crm", "crm", Crm)
    assert crm is not None
    assert crm.password is not None
    assert crm.password.get_secret_value() == "opensesame"


async def test_a_rerun_changes_nothing(store: ConfigStore) -> None:
    await store.apply(DOCUMENT)
    before = versions(store.current)
    counts = await store.apply(DOCUMENT)
    assert counts["queues"] == {"created": 0, "updated": 0, "unchanged": 2}
    assert versions(store.current) == before


async def test_only_what_differs_is_written(store: ConfigStore) -> None:
    await store.apply(DOCUMENT)
    counts = await store.apply(
        {"queues": [{"id": "adult", "target_s": 5}, {"id": "child", "target_s": 30}]}
    )
    assert counts == {"queues": {"created": 0, "updated": 1, "unchanged": 1}}
    versions = {entry.id: entry.version for entry in store.current.entries("queues")}
    assert versions == {"adult": 2, "child": 1}
    assert store.current.has("agents", "a1")


async def test_all_faults_are_told_at_once_and_nothing_is_applied(store: ConfigStore) -> None:
    await store.apply(DOCUMENT)
    before = versions(store.current)
    with pytest.raises(ConfigInvalidError) as invalid:
        await store.apply(
            {
                "careline": 2,
                "queues": [
                    {"id": "adult", "target_s": "soon"},
                    {"id": "new"},
                    {"id": "new"},
                    {"target_s": 1},
                    {"id": "x", "targets": 1},
                ],
                "crm": {"url": "ftp://crm"},
            }
        )
    assert {error["path"] for error in invalid.value.errors} == {
        "careline",
        "queues[0].target_s",
        "queues[2].id",
        "queues[3].id",
        "queues[4].targets",
        "crm.url",
    }
    await store.load()
    assert versions(store.current) == before


async def test_references_are_checked_over_what_is_stored_and_what_is_new(
    store: ConfigStore,
) -> None:
    queue = {"queues": [{"id": "adult"}, {"id": "new", "skills": ["adult", "dental"]}]}
    with pytest.raises(ConfigInvalidError) as invalid:
        await store.apply(queue)
    assert invalid.value.errors == [
        {"path": "queues[1].skills[0]", "reason": "no skill 'adult'"},
        {"path": "queues[1].skills[1]", "reason": "no skill 'dental'"},
    ]
    await store.apply({"skills": ["adult", "dental"]})
    await store.apply(queue)


async def test_checking_applies_nothing(store: ConfigStore) -> None:
    counts = await store.check(DOCUMENT)
    assert counts["queues"]["created"] == 2
    await store.load()
    assert not versions(store.current)
    with pytest.raises(ConfigInvalidError):
        await store.check([])


async def test_an_entry_of_the_past_does_not_keep_a_service_from_starting(
    store: ConfigStore, database: Database
) -> None:
    await store.apply(DOCUMENT)
    async with database.unit_of_work() as uow:
        await uow.connection.execute(
            text("""UPDATE config_entry SET body = '{"id": "adult", "target_s": "x"}'
                    WHERE section = 'queues' AND id = 'adult'""")
        )
        await uow.connection.execute(
            text("""UPDATE config_entry SET body = '{"id": "child", "dropped_field": 1}'
                    WHERE section = 'queues' AND id = 'child'""")
        )
    await store.load()
    assert list(store.current.all("queues", Queue)) == ["child"]
    await store.apply({"queues": [{"id": "adult"}]})
    assert list(store.current.all("queues", Queue)) == ["adult", "child"]


async def test_what_has_not_changed_is_not_read_again(
    store: ConfigStore, database: Database
) -> None:
    """Fails when `load` reads the entries without asking by what mark they stand."""
    await store.apply(DOCUMENT)
    read = store.current
    assert await store.load(always=False) is read
    async with database.unit_of_work() as uow:
        await uow.connection.execute(
            text("""UPDATE config_entry SET body = '{"id": "adult", "target_s": 7}', version = version + 1
                    WHERE section = 'queues' AND id = 'adult'""")
        )
    assert (await store.load(always=False)).all("queues", Queue)["adult"].target_s == 7
    assert store.current is not read


async def test_listeners_hear_of_every_change_after_it_stands(
    store: ConfigStore, database: Database
) -> None:
    heard: list[int] = []

    async def listener(configuration: Configuration) -> None:
        async with database.read() as connection:
            stored = await connection.execute(text("SELECT count(*) FROM config_entry"))
        assert stored.scalar_one() == len(versions(configuration))
        heard.append(len(configuration.entries("queues")))

    store.on_applied(listener)
    await store.load()
    await store.apply(DOCUMENT)
    await store.put("queues", "third", {}, None)
    assert heard == [0, 2, 3]


async def test_another_replica_hears_of_it(
    store: ConfigStore, database: Database, manual_clock: ManualClock
) -> None:
    replica = ConfigStore(database, SECTIONS, clock=manual_clock)
    heard: list[Configuration] = []

    async def listener(configuration: Configuration) -> None:
        heard.append(configuration)

    replica.on_applied(listener)
    watching = asyncio.create_task(watch_config(replica))
    try:
        await eventually(lambda: _listening(database))
        await store.apply(DOCUMENT)
        await eventually(lambda: replica.current.has("queues", "adult"))
        await store.apply(DOCUMENT)
        await store.put("queues", "third", {}, None)
        await eventually(lambda: replica.current.has("queues", "third"))
        assert len(heard) == 2
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _listening(database: Database) -> bool:
    async with database.read() as connection:
        found = await connection.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen%'")
        )
        return bool(found.scalar_one())


async def test_two_replicas_that_apply_at_once_do_not_mix(
    store: ConfigStore, database: Database, manual_clock: ManualClock
) -> None:
    other = ConfigStore(database, SECTIONS, clock=manual_clock)
    documents = [
        {"queues": [{"id": f"q{number}", "target_s": target} for number in range(20)]}
        for target in (1, 2)
    ]
    await asyncio.gather(store.apply(documents[0]), other.apply(documents[1]))
    await store.load()
    assert len({queue.target_s for queue in store.current.all("queues", Queue).values()}) == 1


@pytest.fixture
async def client(
    store: ConfigStore, issuer: LocalIssuer, manual_clock: ManualClock
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        title="Desk",
        version="1",
        description="",
        readiness=Readiness(),
        authenticator=authenticator_of(issuer, manual_clock),
        settings=settings_for(issuer.path),
        metrics_registry=MetricsRegistry("desk"),
        clock=manual_clock,
    )
    app.state.config_store = store
    add_router(app, config_routes())
    queues = store.sections["queues"]
    add_router(app, entry_routes(queues, writers=("admin", "supervisor"), listed=True))
    for name in ("crm", "calendars"):
        add_router(app, entry_routes(store.sections[name]))
    async with client_of(app, issuer.token(subject="root", roles=["admin"])) as made:
        yield made


async def test_a_document_is_applied_over_http(
    client: httpx.AsyncClient, issuer: LocalIssuer
) -> None:
    agent = bearer(issuer.token(subject="a1", roles=["agent"]))
    assert (await client.put("/v1/config", json=DOCUMENT, headers=agent)).status_code == 403
    dry = await client.put("/v1/config?dry_run=true", json=DOCUMENT)
    assert dry.json()["dry_run"] is True
    assert dry.json()["sections"]["queues"]["created"] == 2
    wet = await client.put("/v1/config", json=DOCUMENT)
    assert wet.json()["sections"]["queues"] == {"created": 2, "updated": 0, "unchanged": 0}
    wrong = await client.put("/v1/config", json={"queues": [{"id": "adult", "target_s": "x"}]})
    assert wrong.status_code == 422
    assert [error["path"] for error in wrong.json()["errors"]] == ["queues[0].target_s"]
    assert (await client.put("/v1/config", json=[])).status_code == 422


async def test_an_entry_is_created_read_and_changed_by_version(client: httpx.AsyncClient) -> None:
    created = await client.put("/v1/queues/adult", json={"target_s": 5, "colour": "red"})
    assert (created.status_code, created.headers["etag"]) == (201, '"1"')
    assert created.headers["location"] == "/v1/queues/adult"
    assert created.json() == {"id": "adult", "target_s": 5, "skills": []}
    assert (await client.put("/v1/queues/adult", json={})).status_code == 428
    changed = await client.put(
        "/v1/queues/adult", json={"id": "adult"}, headers={"If-Match": '"1"'}
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    lost = await client.put("/v1/queues/adult", json={}, headers={"If-Match": '"1"'})
    assert (lost.status_code, lost.headers["etag"]) == (412, '"2"')
    read = await client.get("/v1/queues/adult")
    assert (read.json()["target_s"], read.headers["etag"]) == (20, '"2"')
    assert (await client.get("/v1/queues/none")).status_code == 404


async def test_entries_are_documented_by_their_models(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    put = document["paths"]["/v1/queues/{entry_id}"]["put"]
    schema = {"$ref": "#/components/schemas/Queue"}
    assert put["requestBody"]["content"]["application/json"]["schema"] == schema
    assert put["responses"]["201"]["content"]["application/json"]["schema"] == schema
    assert document["components"]["schemas"]["Queue"]["properties"]["target_s"]["default"] == 20


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"target_s": "x"}, "target_s"),
        ({"id": "other"}, "id"),
        ({"skills": ["dental"]}, "skills[0]"),
        ({"skills": [7]}, "skills[0]"),
    ],
)
async def test_a_wrong_entry_is_told_by_the_path_inside_it(
    client: httpx.AsyncClient, body: dict[str, Any], path: str
) -> None:
    answer = await client.put("/v1/queues/adult", json=body)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 422), (b"", 400)])
async def test_what_is_no_entry_is_refused(
    client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    assert (await client.put("/v1/queues/adult", content=body)).status_code == status


async def test_a_calendar_without_working_time_is_refused(client: httpx.AsyncClient) -> None:
    calendar = {"zone": "Europe/Moscow", "weekly": {}, "working": {"2020-01-01": ["09:00-10:00"]}}
    answer = await client.put("/v1/calendars/c1", json=calendar)
    assert answer.status_code == 422
    assert "no working time" in answer.json()["detail"]


async def test_entries_are_listed_by_pages(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await client.put(f"/v1/queues/q{number}", json={})
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/queues", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == ["q0", "q1", "q2", "q3", "q4"]
    assert (await client.get("/v1/queues?limit=201")).status_code == 422
    assert (await client.get("/v1/queues?cursor=abc")).status_code == 422


async def test_a_secret_never_comes_back_and_survives_being_sent_back(
    client: httpx.AsyncClient, store: ConfigStore, tmp_path: Path
) -> None:
    await client.put("/v1/config", json=DOCUMENT)
    read = await client.get("/v1/crm/crm")
    assert read.json() == {"url": "http://crm.test/{phone}", "password": MASK}
    sent = {**read.json(), "url": "http://other.test/"}
    answer = await client.put("/v1/crm/crm", json=sent, headers={"If-Match": read.headers["etag"]})
    assert (answer.status_code, answer.json()["password"]) == (200, MASK)
    crm = store.current.get("crm", "crm", Crm)
    assert crm is not None
    assert crm.password == SecretStr("opensesame")
    assert crm.url == "http://other.test/"


async def test_a_secret_in_a_file_is_read_anew_and_never_stored(
    store: ConfigStore, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "crm.password"
    document = {"crm": {"url": "http://crm.test/", "password_file": str(file)}}
    with pytest.raises(ConfigInvalidError) as invalid:
        await store.apply(document)
    assert invalid.value.errors[0]["path"] == "crm.password_file"
    for password in ("first", "second"):
        file.write_text(password)
        await store.apply(document)
        crm = store.current.get("crm", "crm", Crm)
        assert crm is not None
        assert crm.password == SecretStr(password)
    async with database.read() as connection:
        bodies = (await connection.execute(text("SELECT body::text FROM config_entry"))).scalars()
        assert "second" not in "".join(bodies)
