"""The runner of histories, on a package that the test writes."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, text

from careline_common.db.engine import service_metadata
from careline_common.db.migrate import (
    MigrationsPendingError,
    differences,
    require_current,
    upgrade,
)
from careline_common.db.tables import common_tables
from careline_common.testing.echo import echo_database

pytestmark = pytest.mark.integration

PACKAGE = "careline_written_by_a_test"

FIRST = """
import sqlalchemy as sa
from alembic import op
from careline_common.db.tables import create_common_tables

revision = "0001"
down_revision = None

def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_common_tables(op.execute, "echo")
    op.create_table("thing", sa.Column("id", sa.Text, primary_key=True), schema="echo")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

def upgrade() -> None:
    op.add_column("thing", sa.Column("size", sa.Integer), schema="echo")
"""
BROKEN = SECOND.replace("0002", "0003").replace('"0001"', '"0002"').replace("size", "id")


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the package's revisions, with the first one in it."""
    folder = tmp_path / "100% a test" / PACKAGE / "db" / "migrations" / "versions"
    folder.mkdir(parents=True)
    (tmp_path / "100% a test" / PACKAGE / "__init__.py").touch()
    (folder / "0001_first.py").write_text(FIRST)
    monkeypatch.syspath_prepend(tmp_path / "100% a test")
    yield folder
    sys.modules.pop(PACKAGE, None)


def metadata(*columns: Column[object]) -> MetaData:
    declared = service_metadata("echo")
    common_tables(declared)
    Table("thing", declared, Column("id", Text, primary_key=True), *columns)
    return declared


@pytest.mark.usefixtures("versions")
async def test_a_history_makes_the_tables_that_the_code_declares(empty_database_url: str) -> None:
    await upgrade(empty_database_url, package=PACKAGE, schema="echo")
    assert await differences(empty_database_url, schema="echo", metadata=metadata()) == []


@pytest.mark.usefixtures("versions")
async def test_tables_that_the_history_does_not_make_are_named(empty_database_url: str) -> None:
    await upgrade(empty_database_url, package=PACKAGE, schema="echo")
    declared = metadata(Column("size", Integer))
    (found,) = await differences(empty_database_url, schema="echo", metadata=declared)
    assert "add_column" in found
    assert "size" in found


@pytest.mark.usefixtures("versions")
async def test_processes_that_start_at_once_take_turns(empty_database_url: str) -> None:
    await asyncio.gather(
        *(upgrade(empty_database_url, package=PACKAGE, schema="echo") for _ in range(4))
    )
    await require_current(empty_database_url, package=PACKAGE, schema="echo")


async def test_a_schema_that_is_behind_is_pending_until_it_is_upgraded(
    versions: Path, empty_database_url: str
) -> None:
    with pytest.raises(MigrationsPendingError, match="careline echo migrate"):
        await require_current(empty_database_url, package=PACKAGE, schema="echo")
    await upgrade(empty_database_url, package=PACKAGE, schema="echo")
    (versions / "0002_second.py").write_text(SECOND)
    with pytest.raises(MigrationsPendingError):
        await require_current(empty_database_url, package=PACKAGE, schema="echo")
    await upgrade(empty_database_url, package=PACKAGE, schema="echo")
    await require_current(empty_database_url, package=PACKAGE, schema="echo")
    declared = metadata(Column("size", Integer))
    assert await differences(empty_database_url, schema="echo", metadata=declared) == []


async def test_code_works_on_with_the_schema_of_a_later_release(
    empty_database_url: str, versions: Path
) -> None:
    later = versions / "0002_size.py"
    later.write_text(SECOND)
    await upgrade(empty_database_url, package=PACKAGE, schema="echo")
    later.unlink()
    await require_current(empty_database_url, package=PACKAGE, schema="echo")
    await upgrade(empty_database_url, package=PACKAGE, schema="echo")
    thing = metadata(Column("size", Integer))
    assert await differences(empty_database_url, schema="echo", metadata=thing) == []


async def test_a_revision_that_fails_leaves_those_before_it_and_lets_go_of_the_lock(
    versions: Path, empty_database_url: str
) -> None:
    (versions / "0002_second.py").write_text(SECOND)
    (versions / "0003_broken.py").write_text(BROKEN)
    with pytest.raises(Exception, match="already exists"):
        await upgrade(empty_database_url, package=PACKAGE, schema="echo")
    database = echo_database(empty_database_url)
    async with database.read() as connection:
        version = await connection.execute(text("SELECT version_num FROM echo.migration"))
        assert version.scalar_one() == "0002"
    await database.close()
    (versions / "0003_broken.py").unlink()
    await asyncio.wait_for(upgrade(empty_database_url, package=PACKAGE, schema="echo"), 10)
