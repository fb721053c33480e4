"""Drop folders: files are taken when they are finished, stay where they are, and come once."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from careline_common.testing.waiting import eventually

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
OTHER = "A-2;89161234567;Очередь;01.03.2026 09:30"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "inbox"
    found.mkdir()
    return found


async def watched(ingest: "Ingest", folder: Path, **more: Any) -> None:
    await ingest.source("drop", kind="folder", path=str(folder), **more)


async def first_run(ingest: "Ingest") -> dict[str, Any]:
    await eventually(ingest.runs, what="a run")
    return await ingest.ended((await ingest.runs())[0]["id"])


async def looks(ingest: "Ingest", folder: Path, number: int = 4) -> None:
    """Returns when the watch has looked at the folder some more times: a marker file is taken."""
    before = len(await ingest.runs())
    marker = folder / f"marker-{before}.csv"
    marker.write_bytes(ingest.sheet(f"M-{before};;;"))

    async def taken() -> bool:
        return any(run["file"] == marker.name for run in await ingest.runs())

    await eventually(taken, what="the marker file to be taken")


async def test_a_file_dropped_into_the_folder_is_read_and_stays_there(
    ingest: "Ingest", folder: Path
) -> None:
    await watched(ingest, folder)
    (folder / "day.csv").write_bytes(ingest.sheet(GOOD))
    run = await first_run(ingest)
    assert (run["file"], run["rows"]["created"]) == ("day.csv", 1)
    assert (folder / "day.csv").exists()


async def test_a_file_renamed_touched_or_copied_brings_nothing_new(
    ingest: "Ingest", folder: Path
) -> None:
    await watched(ingest, folder)
    (folder / "day.csv").write_bytes(ingest.sheet(GOOD))
    await first_run(ingest)
    (folder / "day.csv").rename(folder / "renamed.csv")
    (folder / "copy.csv").write_bytes(ingest.sheet(GOOD))
    (folder / "renamed.csv").touch()
    await looks(ingest, folder)
    assert sorted(run["file"] for run in await ingest.runs()) == ["day.csv", "marker-1.csv"]


async def test_hidden_files_and_files_in_the_making_are_left_alone(
    ingest: "Ingest", folder: Path
) -> None:
    await watched(ingest, folder)
    for name in (".day.csv", "day.csv.part", "day.tmp", "day.csv.done", "day.csv.flk.xml"):
        (folder / name).write_bytes(ingest.sheet(GOOD))
    (folder / "inner").mkdir()
    (folder / "link.csv").symlink_to(folder / ".day.csv")
    await looks(ingest, folder)
    assert [run["file"] for run in await ingest.runs()] == ["marker-0.csv"]


async def test_a_file_that_grows_is_taken_only_when_it_is_whole(
    ingest: "Ingest", folder: Path
) -> None:
    await watched(ingest, folder)
    content = ingest.sheet(GOOD, OTHER)
    with (folder / "day.csv").open("wb") as file:
        for start in range(0, len(content), 8):
            file.write(content[start : start + 8])
            file.flush()
            await asyncio.sleep(0.01)
    run = await first_run(ingest)
    assert run["rows"]["created"] == 2
    assert len(await ingest.runs()) == 1


async def test_a_folder_that_is_away_is_told_once_and_found_again(
    ingest: "Ingest", folder: Path
) -> None:
    folder.rmdir()
    await watched(ingest, folder)
    run = await first_run(ingest)
    assert run["status"] == "failed"
    assert run["error"] == "the folder cannot be read: No such file or directory"
    reachable = ingest.service.app.state.metrics.value
    assert reachable("source_reachable", source="drop") == 0
    folder.mkdir()
    await looks(ingest, folder)
    assert reachable("source_reachable", source="drop") == 1
    assert len(await ingest.runs()) == 2


async def test_run_now_reads_what_lies_there_at_once(start: "Start", folder: Path) -> None:
    async with start(ingest_poll_s=600) as ingest:
        await watched(ingest, folder)
        empty = await ingest.http.post("/v1/sources/drop/run")
        assert empty.status_code == 202
        assert (empty.json()["status"], empty.json()["rows"]["read"]) == ("done", 0)
        (folder / "day.csv").write_bytes(ingest.sheet(GOOD))
        (folder / "next.csv").write_bytes(ingest.sheet(OTHER))
        answer = await ingest.http.post("/v1/sources/drop/run")
        assert (answer.status_code, len(answer.json()["runs"])) == (202, 2)
        for run_id in answer.json()["runs"]:
            assert (await ingest.ended(run_id))["rows"]["created"] == 1
        again = await ingest.http.post("/v1/sources/drop/run")
        assert (again.status_code, again.json()["unchanged"]) == (200, True)


async def test_under_a_key_a_source_is_read_once(start: "Start", folder: Path) -> None:
    async with start(ingest_poll_s=600) as ingest:
        await watched(ingest, folder)
        key = {"Idempotency-Key": "k"}
        first = await ingest.http.post("/v1/sources/drop/run", headers=key)
        assert first.status_code == 202
        (folder / "day.csv").write_bytes(ingest.sheet(GOOD))
        again = await ingest.http.post("/v1/sources/drop/run", headers=key)
        assert (again.status_code, again.content) == (202, first.content)
        assert len(await ingest.runs()) == 1
        other = await ingest.http.post("/v1/sources/drop/run?again=1", headers=key)
        assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")


async def test_run_now_of_a_folder_that_is_away_is_a_failed_run(
    start: "Start", folder: Path
) -> None:
    async with start(ingest_poll_s=600) as ingest:
        await watched(ingest, folder / "away")
        answer = await ingest.http.post("/v1/sources/drop/run")
        assert answer.json()["status"] == "failed"
        assert str(folder) not in answer.text


async def test_a_file_over_the_limit_is_a_failed_run_and_told_once(
    start: "Start", folder: Path
) -> None:
    async with start(ingest_max_file=300) as ingest:
        await watched(ingest, folder)
        (folder / "large.csv").write_bytes(b"x" * 301)
        run = await first_run(ingest)
        assert (run["status"], run["file"]) == ("failed", "large.csv")
        assert "larger than 300 bytes" in run["error"]
        (folder / "large.csv").touch()
        await looks(ingest, folder)
        assert len(await ingest.runs()) == 2


async def test_a_file_whose_name_is_not_utf_8_is_read_like_any_other(
    ingest: "Ingest", folder: Path
) -> None:
    await watched(ingest, folder)
    name = os.fsdecode("сводка.csv".encode("cp1251"))
    (folder / name).write_bytes(ingest.sheet(GOOD))
    run = await first_run(ingest)
    assert (run["status"], run["rows"]["created"]) == ("done", 1)
    assert run["file"].endswith(".csv")


async def test_a_source_that_cannot_be_fetched_from_says_so(ingest: "Ingest") -> None:
    for kind in ("open311", "push"):
        await ingest.source(kind, kind=kind)
        answer = await ingest.http.post(f"/v1/sources/{kind}/run")
        assert (answer.status_code, answer.json()["type"]) == (409, "kind-not-available"), kind
