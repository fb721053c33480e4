"""Raw files kept sealed: given to who may read them, sealed anew by a new key, gone in time."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from careline_common.sealed import KeyRing
from careline_common.testing.waiting import eventually
from careline_ingest.adapters.archive import Archive

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"


async def archived(ingest: "Ingest", run: str) -> bytes:
    async def found() -> bytes | None:
        answer = await ingest.http.get(f"/v1/runs/{run}/file")
        return answer.content if answer.status_code == 200 else None

    content: bytes = await eventually(found, what="the file to be archived")
    return content


async def test_a_file_that_was_read_is_kept_sealed_and_its_reading_is_noted(
    start: "Start", tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    KeyRing.rotated(None).save(keys)
    async with start(keys_file=keys) as ingest:
        await ingest.source()
        content = ingest.sheet(GOOD)
        run = await ingest.read(content)
        assert await archived(ingest, run["id"]) == content
        (file,) = (tmp_path / "spool" / "archive").iterdir()
        assert "лекарства".encode("cp1251") not in file.read_bytes()
        looks = await ingest.query(
            "SELECT subject, target FROM ingest.audit WHERE action = 'file.read'"
        )
        assert ("root", run["id"]) in {(row["subject"], row["target"]) for row in looks}
        for role, status in (("auditor", 403), ("service", 200)):
            path = f"/v1/runs/{run['id']}/file"
            answer = await ingest.http.get(path, headers=ingest.token(role))
            assert answer.status_code == status


async def test_old_files_go_and_others_are_sealed_by_the_new_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    KeyRing.rotated(None).save(keys)
    archive = Archive(tmp_path / "archive", keys)
    archive.prepare()
    for name in ("old", "new"):
        (tmp_path / name).write_bytes(name.encode())
        with (tmp_path / name).open("rb") as file:
            archive.keep(name, file)
    os.utime(tmp_path / "archive" / "old.sealed", (1000, 1000))
    os.utime(tmp_path / "archive" / "new.sealed", (3000, 3000))
    KeyRing.rotated(KeyRing.load(keys)).save(keys)
    await asyncio.to_thread(archive.tend, 2000.0)
    KeyRing.load(keys).without("k1").save(keys)
    assert not archive.has("old")
    assert b"".join(archive.read("new")) == b"new"
    assert (tmp_path / "archive" / "new.sealed").stat().st_mtime == 3000
