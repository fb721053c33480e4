"""Files on disk, names of files, and the answer to the sender."""

import hashlib
import os
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from careline_ingest.adapters.folder import is_wanted, look
from careline_ingest.adapters.spool import (
    FileChangedError,
    FileTooLargeError,
    FileUnreadableError,
    Spool,
)
from careline_ingest.answers import as_flk, as_json
from careline_ingest.db.quarantines import Quarantined
from careline_ingest.db.runs import Run
from careline_ingest.domain.counts import Counts
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.domain.names import file_name

pytestmark = pytest.mark.unit


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    found = Spool(tmp_path / "spool")
    found.prepare()
    return found


async def test_a_stream_is_stored_whole_and_known_by_its_hash(spool: Spool) -> None:
    stored = await spool.take(chunks(b"ab", b"", b"c"), name="n", limit=3)
    assert (stored.sha256, stored.size) == (hashlib.sha256(b"abc").digest(), 3)
    assert stored.path.stat().st_mode & 0o777 == 0o600
    spool.keep(stored, "run")
    with spool.open("run") as file:
        assert file.read() == b"abc"
    spool.remove("run")
    assert not spool.has("run")


async def test_a_stream_over_the_limit_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(FileTooLargeError):
        await spool.take(chunks(b"ab", b"cd"), name="n", limit=3)
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_file_that_is_written_to_while_it_is_copied_is_left_alone(
    spool: Spool, tmp_path: Path
) -> None:
    path, begun, over = tmp_path / "day.csv", threading.Event(), threading.Event()
    path.touch()
    os.truncate(path, 64 << 20)  # long enough to copy that the writer gets a turn

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not over.is_set():
                file.write(b"y")
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(10)
        with pytest.raises(FileChangedError):
            spool.copy(path, name="n", limit=1 << 30)
    finally:
        over.set()
        writer.join()
    assert list((tmp_path / "spool").iterdir()) == []


def test_links_and_folders_are_not_copied(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("link", "spool"):
        with pytest.raises(FileUnreadableError):
            spool.copy(tmp_path / name, name=f"copy of {name}", limit=10)
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("day.csv", True), ("ДЕНЬ.CSV", True), (".day.csv", False), ("~$day.xlsx", False),
        ("day.csv.part", False), ("day.TMP", False), ("day.csv~", False), ("day.csv.flk.xml", False),
    ],
)  # fmt: skip
def test_files_in_the_making_are_not_wanted(name: str, wanted: bool) -> None:
    assert is_wanted(name) is wanted


def test_a_folder_shows_its_regular_files_oldest_first(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old")):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "inner").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert list(look(tmp_path)) == ["old", "new"]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ("attachment", None),
        ('attachment; filename="a b.csv"', "a b.csv"),
        ("attachment; filename=a.csv", "a.csv"),
        ("attachment; filename*=UTF-8''%D0%B4.csv", "д.csv"),
        ("attachment; filename*=windows-1251''%E4.csv", "д.csv"),
        ('attachment; filename="../../a.csv"', "a.csv"),
        ('attachment; filename="."', None),
        (f'attachment; filename="{"д.csv".encode().decode("latin-1")}"', "д.csv"),
        (f'attachment; filename="{"x" * 300}.csv"', "x" * 196 + ".csv"),
    ],
)
def test_names_of_files_are_read_from_content_disposition(
    header: str | None, name: str | None
) -> None:
    assert file_name(header) == name


def test_the_protocol_is_xml_whatever_stands_in_it() -> None:
    spec = FeedSpec(source="s", format="csv", columns=(Column(target="phone", names=("Тел <&>",)),))
    run = Run(
        id="r", source="s", file='a"<&>.csv', sha256=b"\x01" * 32, spec=spec.document(),
        config_version=1, status="done", checkpoint=2, attempt=1, rows=Counts(quarantined=1),
        error=None, created_at=datetime(2026, 3, 1, tzinfo=UTC), finished_at=None,
    )  # fmt: skip
    row = Quarantined(
        id="q", run_id="r", source="s", row=2, field="phone", code="phone", text="не \x01<то>",
        value="**", external_id="1", outcome=None, record_id=None,
    )  # fmt: skip
    root = ET.fromstring(as_flk(run, [row]))
    assert root.findtext("FNAME_I") == 'a"<&>.csv'
    assert root.findtext("PR/BAS_EL") == "Тел <&>"
    assert root.findtext("PR/COMMENT") == "не <то>"
    assert as_json(run, [row])["rows"]["quarantined"] == 1
