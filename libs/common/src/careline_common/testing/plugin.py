"""The pytest plugin: fixtures over real components. Nothing starts before a test asks for it."""

import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from careline_common.clock import ManualClock

if TYPE_CHECKING:
    from careline_common.http.issuer import LocalIssuer
    from careline_common.testing.asterisk import Asterisk
    from careline_common.testing.ports import Ports
    from careline_common.testing.postgres import PostgresServer
    from careline_common.testing.processes import Processes
    from careline_common.testing.rabbit import RabbitServer
    from careline_common.testing.sipp import Phones


@pytest.fixture(scope="session")
def project_folder(pytestconfig: pytest.Config) -> Path:
    """The root of the repository."""
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def run_folder(project_folder: Path) -> Iterator[Path]:
    """A folder of this run alone, removed at the end."""
    from careline_common.testing import scratch

    with scratch.run_folder(scratch.fast_base(project_folder / ".cache" / "run")) as folder:
        yield folder


@pytest.fixture(scope="session", autouse=True)
def _no_database_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """As root, `careline up --data tmp_path` keeps its PostgreSQL files elsewhere: away with them."""
    from careline_common.testing import scratch

    base = tmp_path_factory.getbasetemp()
    yield
    scratch.remove_databases(base)


@pytest.fixture(scope="session")
def ports() -> "Iterator[Ports]":
    """Free ports on 127.0.0.1."""
    from careline_common.testing.ports import Ports

    held = Ports()
    yield held
    held.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server(run_folder: Path) -> "AsyncIterator[PostgresServer]":
    """One private PostgreSQL a run."""
    from careline_common.postgres import PostgresError
    from careline_common.testing.components import missing
    from careline_common.testing.postgres import private_server

    try:
        async with private_server(run_folder / "postgres") as server:
            yield server
    except PostgresError as error:
        missing("postgresql", str(error))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_template(postgres_server: "PostgresServer") -> str:
    """The name of a database with the schemas of all four services."""
    from careline_common.testing.postgres import migrated

    return await migrated(postgres_server)


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(
    postgres_server: "PostgresServer", postgres_template: str
) -> AsyncIterator[str]:
    """A fresh database with all schemas, for this test alone."""
    name = await postgres_server.create(template=postgres_template)
    yield postgres_server.url(name)
    await postgres_server.drop(name)


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database_url(postgres_server: "PostgresServer") -> AsyncIterator[str]:
    """A fresh database with nothing in it, for this test alone."""
    name = await postgres_server.create()
    yield postgres_server.url(name)
    await postgres_server.drop(name)


@pytest.fixture
def issuer(tmp_path: Path) -> "LocalIssuer":
    """A local issuer of tokens with a key of its own."""
    from careline_common.http.issuer import LocalIssuer

    return LocalIssuer(tmp_path / "issuer.json")


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that stands at a Monday noon in Moscow until the test moves it."""
    return ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rabbit_server(
    project_folder: Path, run_folder: Path, ports: "Ports"
) -> "AsyncIterator[RabbitServer]":
    """One private RabbitMQ node a run. A test that kills takes `mortal_rabbit`."""
    from careline_common.testing.components import require
    from careline_common.testing.rabbit import private_node

    component = require("rabbitmq", project_folder)
    async with private_node(component, run_folder / "rabbitmq", ports) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def rabbit_url(rabbit_server: "RabbitServer") -> AsyncIterator[str]:
    """A fresh virtual host for this test alone."""
    vhost = await rabbit_server.create_vhost()
    yield rabbit_server.url(vhost)
    await rabbit_server.delete_vhost(vhost)


@pytest_asyncio.fixture(loop_scope="session")
async def mortal_rabbit(
    project_folder: Path, run_folder: Path, ports: "Ports"
) -> "AsyncIterator[RabbitServer]":
    """A RabbitMQ node for this test alone: 3.10 may keep dead quorum queues after a kill, and then
    answers whoever comes next with INTERNAL_ERROR."""
    from careline_common.testing.components import require
    from careline_common.testing.rabbit import private_node

    component = require("rabbitmq", project_folder)
    folder = Path(tempfile.mkdtemp(prefix="rabbitmq-", dir=run_folder))
    async with private_node(component, folder, ports) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def mortal_rabbit_url(mortal_rabbit: "RabbitServer") -> str:
    """A virtual host of that node."""
    return mortal_rabbit.url(await mortal_rabbit.create_vhost())


@pytest_asyncio.fixture(loop_scope="session")
async def asterisk(
    project_folder: Path, run_folder: Path, ports: "Ports"
) -> "AsyncIterator[Asterisk]":
    """A private Asterisk 22 for this test alone, with the configuration of deploy/asterisk."""
    from careline_common.testing.asterisk import private_asterisk
    from careline_common.testing.components import require

    component = require("asterisk", project_folder)
    shipped = project_folder / "deploy" / "asterisk"
    folder = Path(tempfile.mkdtemp(prefix="asterisk-", dir=run_folder))
    async with private_asterisk(component, shipped, folder, ports) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def phones(
    asterisk: "Asterisk", project_folder: Path, run_folder: Path, ports: "Ports"
) -> "AsyncIterator[Phones]":
    """SIP phones around that Asterisk: callers, and agents a1 to a4."""
    from careline_common.testing.components import require
    from careline_common.testing.sipp import phones_around

    component = require("sipp", project_folder)
    folder = Path(tempfile.mkdtemp(prefix="phones-", dir=run_folder))
    async with phones_around(asterisk, component, folder, ports) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def processes(run_folder: Path, ports: "Ports") -> "AsyncIterator[Processes]":
    """Real `careline …` processes for this test."""
    from careline_common.testing.processes import careline_processes

    folder = Path(tempfile.mkdtemp(prefix="processes-", dir=run_folder))
    async with careline_processes(folder, ports) as started:
        yield started


def pytest_configure() -> None:
    """Garbage is looked for every 20,000 objects and not every 700, as in Careline's own processes."""
    gc.set_threshold(20_000, 10, 10)


def pytest_collection_finish() -> None:
    """Modules and collected tests stay to the end: the collector of garbage need not look at them again."""
    gc.freeze()
