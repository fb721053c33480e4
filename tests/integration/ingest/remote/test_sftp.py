"""Feeds over SFTP: one suite over asyncssh's server and over OpenSSH's."""

import asyncio
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest
from feeds.places import SftpPlace, configured, fetch

from careline_common.testing.waiting import eventually

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

on_one_server = pytest.mark.parametrize("place", ["asyncssh"], indirect=True)
"""For what does not depend on whose server it is."""

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
OTHER = "A-2;89161234567;Очередь;01.03.2026 09:30"
BAD = "A-3;нет;Очередь;01.03.2026 09:30"


def counts(run: dict[str, Any]) -> tuple[int, int, int, int, int]:
    rows = run["rows"]
    assert rows["read"] == sum(rows[name] for name in rows if name != "read")
    return tuple(rows[n] for n in ("read", "created", "updated", "unchanged", "quarantined"))  # type: ignore[return-value]


async def test_a_file_is_fetched_once_and_left_where_it_is(
    ingest: "Ingest", place: SftpPlace
) -> None:
    place.put("day.csv", ingest.sheet(GOOD, OTHER, BAD))
    await configured(ingest, place.settings)
    (run,) = await fetch(ingest)
    assert (run["status"], run["file"], counts(run)) == ("done", "day.csv", (3, 2, 0, 0, 1))
    (nothing,) = await fetch(ingest)
    assert (nothing["file"], counts(nothing)) == (None, (0, 0, 0, 0, 0))
    assert place.names(place.inbox) == ["day.csv"]
    fetched = ingest.service.app.state.metrics.value
    assert fetched("fetches_total", source="feed", result="new") == 1
    assert fetched("fetches_total", source="feed", result="nothing") == 1


@on_one_server
async def test_a_file_renamed_touched_or_delivered_again_brings_nothing_new(
    ingest: "Ingest", place: SftpPlace
) -> None:
    content = ingest.sheet(GOOD)
    path = place.put("day.csv", content)
    await configured(ingest, place.settings)
    (first,) = await fetch(ingest)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert [run["id"] for run in await fetch(ingest)] == [first["id"]]
    path.rename(place.inbox / "renamed.csv")
    assert [run["id"] for run in await fetch(ingest)] == [first["id"]]
    place.put("again.csv", content)
    assert [run["id"] for run in await fetch(ingest)] == [first["id"]]
    assert len(await ingest.records()) == 1


async def test_a_file_that_was_taken_moves_to_the_archive_by_its_content(
    ingest: "Ingest", place: SftpPlace
) -> None:
    await configured(ingest, place.settings, archive="archive")
    names = []
    for row in (GOOD, OTHER, OTHER):
        content = ingest.sheet(row)
        place.put("day.csv", content)
        await fetch(ingest)
        names.append(f"{hashlib.sha256(content).hexdigest()[:12]}-day.csv")
        assert place.names(place.inbox) == ["archive"]
    assert place.names(place.archive) == sorted(set(names))
    assert len([run for run in await ingest.runs() if run["file"]]) == 2


async def test_only_whole_files_that_fit_are_taken(ingest: "Ingest", place: SftpPlace) -> None:
    for name in (".day.csv", "day.csv.part", "day.tmp", "day.txt", "day.csv.flk.json"):
        place.put(name, ingest.sheet(GOOD))
    (place.inbox / "folder.csv").mkdir()
    (place.inbox / "link.csv").symlink_to(place.inbox / "day.txt")
    place.put("день.csv", ingest.sheet(OTHER))
    await configured(ingest, place.settings, pattern="*.csv")
    (run,) = await fetch(ingest)
    assert (run["file"], counts(run)) == ("день.csv", (1, 1, 0, 0, 0))


@on_one_server
async def test_a_name_that_is_not_utf_8_is_taken_like_any_other(
    ingest: "Ingest", place: SftpPlace
) -> None:
    place.put(os.fsdecode("сводка.csv".encode("cp1251")), ingest.sheet(GOOD))
    await configured(ingest, place.settings, archive="archive")
    (run,) = await fetch(ingest)
    assert (run["status"], counts(run)) == ("done", (1, 1, 0, 0, 0))
    assert place.names(place.inbox) == ["archive"]


@on_one_server
async def test_a_file_that_grows_between_two_looks_is_not_taken_yet(
    ingest: "Ingest", place: SftpPlace
) -> None:
    path = place.put("day.csv", ingest.sheet(GOOD))
    await configured(ingest, place.settings, settle_s=0.3)
    looks = ingest.http.post("/v1/sources/feed/run", timeout=60)
    with path.open("ab") as file:
        done = False

        async def run() -> None:
            nonlocal done
            answer = await looks
            assert answer.json()["file"] is None, answer.text
            done = True

        task = asyncio.create_task(run())

        async def grown() -> bool:
            file.write(b"x")
            file.flush()
            return done

        await eventually(grown, what="the fetch to end while the file grows")
        await task
    path.write_bytes(ingest.sheet(GOOD, OTHER))
    (run_,) = await fetch(ingest)
    assert counts(run_) == (2, 2, 0, 0, 0)


async def test_a_marker_says_that_a_file_is_whole_and_is_archived_with_it(
    ingest: "Ingest", place: SftpPlace
) -> None:
    await configured(ingest, place.settings, finished="done", archive="archive")
    path = place.put("day.csv", ingest.sheet(GOOD))
    assert [run["file"] for run in await fetch(ingest)] == [None]
    marker = place.put("day.csv.done", b"")
    later = path.stat().st_mtime + 60
    os.utime(path, (later, later))
    assert [run["file"] for run in await fetch(ingest)] == [None]  # the marker of an older file
    os.utime(marker, (later, later))
    (run,) = await fetch(ingest)
    assert counts(run) == (1, 1, 0, 0, 0)
    assert place.names(place.inbox) == ["archive"]
    assert [name.split("-")[1] for name in place.names(place.archive)] == [
        "day.csv",
        "day.csv.done",
    ]


@on_one_server
async def test_a_file_must_have_the_sha256_that_its_marker_says(
    ingest: "Ingest", place: SftpPlace
) -> None:
    await configured(ingest, place.settings, finished="sha256")
    content = ingest.sheet(GOOD)
    place.put("day.csv", content)
    for wrong in (b"0" * 64, b"no digest"):
        place.put("day.csv.sha256", wrong + b"  day.csv\n")
        (run,) = await fetch(ingest)
        assert (run["status"], run["file"], counts(run)[0]) == ("failed", "day.csv", 0)
        assert "sha256" in run["error"].lower().replace("-", "")
        assert [run["file"] for run in await fetch(ingest)] == [None]  # it was told once
    right = hashlib.sha256(content).hexdigest().upper()
    place.put("day.csv.sha256", f"{right} *day.csv\n".encode())
    (run,) = await fetch(ingest)
    assert (run["status"], counts(run)) == ("done", (1, 1, 0, 0, 0))


@on_one_server
async def test_a_file_over_the_limit_is_told_once_and_keeps_no_other_back(
    ingest: "Ingest", place: SftpPlace
) -> None:
    place.put("a-large.csv", b"x" * 5000)
    place.put("b-day.csv", ingest.sheet(GOOD))
    await configured(ingest, place.settings, max_bytes=4999)
    failed, good = sorted(await fetch(ingest), key=lambda run: str(run["file"]))
    assert (failed["status"], failed["error"]) == ("failed", "the file is larger than 4999 bytes")
    assert good["status"] == "done"
    assert [run["file"] for run in await fetch(ingest)] == [None]
    await configured(ingest, place.settings, max_bytes=5000)
    (run,) = [run for run in await fetch(ingest) if run["file"] == "a-large.csv"]
    assert run["error"] != failed["error"]


async def test_the_sender_finds_the_answer_once(start: "Start", place: SftpPlace) -> None:
    async with start() as ingest:
        content = ingest.sheet(GOOD, BAD)
        place.put("day.csv", content)
        answers = str(place.answers) if "private_key" in place.settings else "/answers"
        place.root.joinpath("answers").mkdir()
        place.give(place.answers)
        await configured(ingest, place.settings, answers=answers)
        (run,) = await fetch(ingest)
        name = f"day.csv.{hashlib.sha256(content).hexdigest()[:12]}.flk.json"
        await eventually(lambda: place.names(place.answers) == [name], what="the answer")
        told = json.loads((place.answers / name).read_text())
        assert (told["run"], told["rows"]) == (run["id"], run["rows"])
        assert [(row["row"], row["field"]) for row in told["items"]] == [(3, "phone")]
        before = (place.answers / name).stat()

        await ingest.query("UPDATE ingest.answer SET delivered = 0")  # as if it was not known
        await eventually(lambda: _delivered(ingest), what="the answer to be known again")
        assert place.names(place.answers) == [name]
        assert (place.answers / name).stat() == before


async def test_an_answer_larger_than_one_message_of_ssh_is_delivered(
    start: "Start", place: SftpPlace
) -> None:
    async with start() as ingest:
        rows = [f"A-{n};нет;{'Очередь ' * 20};01.03.2026" for n in range(2500)]
        place.put("day.csv", ingest.sheet(*rows))
        answers = str(place.inbox / "answers") if "private_key" in place.settings else "/in/answers"
        await configured(ingest, place.settings, answers=answers)
        await fetch(ingest)
        await eventually(lambda: _delivered(ingest), what="the answer to be delivered")
        (answer,) = (place.inbox / "answers").iterdir()
        assert answer.stat().st_size > 1 << 18
        assert len(json.loads(answer.read_text())["items"]) == 2500


async def _delivered(ingest: "Ingest") -> bool:
    return [row["delivered"] for row in await ingest.query("SELECT * FROM ingest.answer")] == [1]


async def test_a_server_with_another_key_is_refused(ingest: "Ingest", place: SftpPlace) -> None:
    place.put("day.csv", ingest.sheet(GOOD))
    for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256"):
        key = asyncssh.generate_private_key(kind).export_public_key().decode()
        await configured(ingest, place.settings, host_key=key)
        (run,) = await fetch(ingest)
        assert run["status"] == "failed"
        assert run["error"].endswith("is none of those in host_key: nothing was fetched")
    own = place.settings["host_key"]
    shown = asyncssh.import_public_key(own if isinstance(own, str) else own[-1])
    assert shown.get_fingerprint() in run["error"]
    assert await ingest.records() == {}


async def test_a_wrong_login_is_told(ingest: "Ingest", place: SftpPlace) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    wrong = {"private_key": other} if "private_key" in place.settings else {"password": "other"}
    await configured(ingest, place.settings, **wrong)
    (run,) = await fetch(ingest)
    assert run["error"] == "the server does not accept the user with this password or key"
    assert ingest.service.app.state.metrics.value("source_reachable", source="feed") == 0


@on_one_server
async def test_a_folder_that_is_not_there_is_told(ingest: "Ingest", place: SftpPlace) -> None:
    await configured(ingest, {**place.settings, "url": place.settings["url"] + "/missing"})
    (run,) = await fetch(ingest)
    assert run["error"] == "the folder cannot be read: no such file or folder"


@on_one_server
async def test_a_server_that_is_away_is_told_once_and_tried_again(
    start: "Start", place: SftpPlace
) -> None:
    async with start(ingest_retry_s=0.05, ingest_fetch_s=0.05) as ingest:
        place.put("day.csv", ingest.sheet(GOOD))
        await place.stop()
        await configured(ingest, place.settings, schedule=None)
        failures = ingest.service.app.state.metrics.value

        def failed() -> bool:
            return bool(failures("fetches_total", source="feed", result="failed") >= 3)

        await eventually(failed, what="three fetches that fail")
        (run,) = await ingest.runs()
        assert run["error"].startswith("the server cannot be reached")
        await place.start()

        async def told() -> bool:
            return sorted(run["status"] for run in await ingest.runs()) == ["done", "failed"]

        await eventually(told, what="the file to be read")
