"""What partners' SFTP servers do wrong, and what becomes of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from feeds.places import configured, fetch, place_of

from careline_common.testing.waiting import eventually
from careline_ingest.adapters import sftp
from careline_ingest.db.fetches import NOT_HERE
from careline_ingest.fakes.sftp import SftpPartner
from careline_ingest.ports import Listing

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

ROWS = 1000
LOST = "the connection was lost"


def many(ingest: "Ingest") -> bytes:
    rows = (f"A-{n};89161234567;Текст {n};01.03.2026" for n in range(ROWS))
    return ingest.sheet(*rows)


def spooled(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "spool").iterdir()]


async def test_a_connection_that_breaks_half_way_is_told_and_the_file_comes_whole_later(
    start: "Start", partner: SftpPartner, tmp_path: Path
) -> None:
    async with start(ingest_retry_s=0.05) as ingest:
        place = place_of(partner)
        place.put("day.csv", many(ingest))
        partner.faults.drop_at, partner.faults.drops = 10_000, 3
        await configured(ingest, place.settings, schedule=None)
        await eventually(lambda: _some_run_is_done(ingest), what="the file to be read")
        run, failed = await ingest.runs()
        assert (failed["status"], failed["error"], failed["rows"]["read"]) == ("failed", LOST, 0)
        ended = await ingest.ended(run["id"])
        assert (ended["status"], ended["rows"]["created"]) == ("done", ROWS)
        counted = ingest.service.app.state.metrics.value
        assert counted("fetches_total", source="feed", result="failed") == 3
        await eventually(lambda: not spooled(tmp_path), what="the spool to be empty")


async def test_a_file_that_grows_while_it_is_read_is_left_for_another_time(
    ingest: "Ingest", partner: SftpPartner, tmp_path: Path
) -> None:
    place = place_of(partner)
    content = ingest.sheet("A-1;89161234567;Нет;01.03.2026")
    path = place.put("day.csv", content)
    partner.faults.grow = b"A-2;"
    await configured(ingest, place.settings)
    assert [run["file"] for run in await fetch(ingest)] == [None]
    assert spooled(tmp_path) == []
    partner.faults.grow = b""
    path.write_bytes(content)
    (run,) = await fetch(ingest)
    assert (run["status"], run["rows"]["created"], run["rows"]["read"]) == ("done", 1, 1)


async def test_a_file_replaced_between_list_and_read_is_taken_as_it_then_is(
    ingest: "Ingest", partner: SftpPartner
) -> None:
    place = place_of(partner)
    place.put("day.csv", ingest.sheet("A-1;89161234567;Старый;01.03.2026"))
    fresh = ingest.sheet("A-2;89161234567;Новый файл;01.03.2026")
    partner.faults.replace["day.csv"] = fresh
    await configured(ingest, place.settings, archive="archive")
    assert [run["file"] for run in await fetch(ingest)] == [None]
    assert place.names(place.inbox) == ["archive", "day.csv"] or place.names(place.inbox) == [
        "day.csv"
    ]
    (run,) = await fetch(ingest)
    assert run["rows"]["created"] == 1
    assert list(await ingest.records()) == ["A-2"]
    (kept,) = place.archive.iterdir()
    assert kept.read_bytes() == fresh


async def test_a_marked_file_that_comes_in_the_moment_of_the_move_keeps_its_marker(
    ingest: "Ingest", partner: SftpPartner
) -> None:
    place = place_of(partner)
    place.put("day.csv", ingest.sheet("A-1;89161234567;Старый;01.03.2026"))
    place.put("day.csv.done", b"")
    fresh = ingest.sheet("A-2;89161234567;Новый файл;01.03.2026")
    partner.faults.meanwhile = {"in/day.csv.done": b"", "in/day.csv": fresh}
    await configured(ingest, place.settings, finished="done", archive="archive")
    await fetch(ingest)
    assert place.names(place.inbox) == ["archive", "day.csv", "day.csv.done"]
    await fetch(ingest)
    assert list(await ingest.records()) == ["A-1", "A-2"]
    assert place.names(place.inbox) == ["archive"]


async def test_a_name_as_long_as_names_can_be_is_archived(
    ingest: "Ingest", partner: SftpPartner
) -> None:
    place = place_of(partner)
    place.put(f"{'x' * 251}.csv", ingest.sheet("A-1;89161234567;Нет;01.03.2026"))
    await configured(ingest, place.settings, archive="archive")
    (run,) = await fetch(ingest)
    assert run["status"] == "done"
    assert place.names(place.inbox) == ["archive"]
    (kept,) = place.names(place.archive)
    assert kept.endswith("xxx.csv")


async def test_a_listing_too_long_to_be_one_of_a_feed_is_given_up(
    ingest: "Ingest", partner: SftpPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp, "MOST_FILES", 5)
    place = place_of(partner)
    for number in range(6):
        (place.inbox / f"{number}").mkdir()
    await configured(ingest, place.settings)
    (run,) = await fetch(ingest)
    assert run["error"] == "more than 5 files lie there"


async def test_a_spool_that_cannot_be_written_is_not_said_to_be_the_partners_fault(
    ingest: "Ingest", partner: SftpPartner, tmp_path: Path
) -> None:
    place = place_of(partner)
    place.put("day.csv", ingest.sheet("A-1;89161234567;Нет;01.03.2026"))
    await configured(ingest, place.settings)
    (tmp_path / "spool").rename(tmp_path / "elsewhere")
    (run,) = await fetch(ingest)
    assert run["error"] == "the file cannot be stored here: No such file or directory"
    (tmp_path / "elsewhere").rename(tmp_path / "spool")
    (run,) = await fetch(ingest)
    assert run["status"] == "done"


async def test_a_file_that_was_lost_here_before_it_was_read_is_fetched_again(
    ingest: "Ingest", partner: SftpPartner
) -> None:
    place = place_of(partner)
    place.put("day.csv", ingest.sheet("A-1;89161234567;Нет;01.03.2026"))
    await configured(ingest, place.settings)
    (run,) = await fetch(ingest)
    await ingest.query(
        "UPDATE ingest.run SET status = 'running', checkpoint = 0, read = 0, created = 0"
    )
    lost = await ingest.ended(run["id"])
    assert (lost["status"], lost["error"]) == ("failed", NOT_HERE)
    (again,) = await fetch(ingest)
    assert (again["id"], again["status"]) == (run["id"], "done")
    assert again["rows"]["unchanged"] == 1


async def test_a_folder_may_have_more_files_than_a_statement_has_parameters(
    ingest: "Ingest", partner: SftpPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(partner)
    place.put("day.csv", ingest.sheet("A-1;89161234567;Нет;01.03.2026"))
    look = sftp.SftpSession.look

    async def crowded(session: sftp.SftpSession, known: Mapping[str, str]) -> Listing:
        listing = await look(session, known)
        return replace(listing, present=listing.present | {str(n) for n in range(33_000)})

    monkeypatch.setattr(sftp.SftpSession, "look", crowded)
    await configured(ingest, place.settings)
    (run,) = await fetch(ingest)
    assert run["status"] == "done"
    assert [run["file"] for run in await fetch(ingest)] == [None]


async def test_a_full_disk_delays_the_answer_and_nothing_else(
    start: "Start", partner: SftpPartner
) -> None:
    async with start(ingest_retry_s=0.05) as ingest:
        place = place_of(partner)
        place.put("day.csv", ingest.sheet("A-1;89161234567;Нет;01.03.2026"))
        partner.faults.disk_full = True
        await configured(ingest, place.settings, answers="/answers")
        (run,) = await fetch(ingest)
        assert run["status"] == "done"
        counted = ingest.service.app.state.metrics.value

        def tried(result: str, times: int) -> bool:
            return bool(counted("answers_total", source="feed", result=result) >= times)

        await eventually(lambda: tried("failed", 3), what="three tries")
        assert place.names(place.answers) == []
        (row,) = await ingest.query("SELECT error FROM ingest.answer")
        assert row["error"].startswith("the answer cannot be put there: ")
        partner.faults.disk_full = False
        await eventually(lambda: tried("delivered", 1), what="the answer")
        assert len(place.names(place.answers)) == 1
        assert len(await ingest.runs()) == 1


async def test_servers_that_cannot_rename_over_a_file_do_as_well(
    ingest: "Ingest", partner: SftpPartner
) -> None:
    place = place_of(partner)
    partner.faults.no_posix_rename = True
    await configured(ingest, place.settings, archive="archive")
    content = ingest.sheet("A-1;89161234567;Нет;01.03.2026")
    for _ in range(2):
        place.put("day.csv", content)
        await fetch(ingest)
        assert place.names(place.inbox) == ["archive"]
    assert len(place.names(place.archive)) == 1


async def test_one_partner_who_hangs_delays_no_other(
    start: "Start", partner: SftpPartner, tmp_path: Path
) -> None:
    folder, drop = tmp_path / "second", tmp_path / "drop"
    (folder / "in").mkdir(parents=True)
    drop.mkdir()
    async with start(ingest_fetch_s=0.05) as ingest, SftpPartner(folder) as second:
        partner.faults.hang_at = "list"
        await ingest.source("hangs", **place_of(partner).settings)
        await eventually(partner.hanging.is_set, what="the first to hang")
        place = place_of(second)
        place.put("day.csv", ingest.sheet("A-1;89161234567;Нет;01.03.2026"))
        await configured(ingest, place.settings, schedule=None)
        await eventually(lambda: _read(ingest, 1), what="the second partner's file")
        (drop / "day.csv").write_bytes(ingest.sheet("A-2;89161234567;Нет;01.03.2026"))
        await ingest.source("folder", kind="folder", path=str(drop))
        await eventually(lambda: _read(ingest, 2), what="the folder's file")
        assert partner.hanging.is_set()


async def _some_run_is_done(ingest: "Ingest") -> bool:
    return any(run["status"] == "done" for run in await ingest.runs())


async def _read(ingest: "Ingest", number: int) -> bool:
    return len(await ingest.records()) == number


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"timeout_s": 0.2}, "the server was silent for longer than timeout_s"),
        ({"deadline_s": 0.5}, "the fetch took longer than its deadline_s"),
    ],
)
async def test_a_server_that_hangs_is_given_up(
    ingest: "Ingest", partner: SftpPartner, tmp_path: Path, settings: dict[str, float], reason: str
) -> None:
    place = place_of(partner)
    place.put("day.csv", many(ingest))
    partner.faults.hang_at = "read"
    await configured(ingest, place.settings, **settings)
    (run,) = await fetch(ingest)
    assert (run["status"], run["error"]) == ("failed", reason)
    assert spooled(tmp_path) == []
    partner.faults.hang_at = None
    await configured(ingest, place.settings)
    (run,) = await fetch(ingest)
    assert run["rows"]["created"] == ROWS


async def test_a_slow_server_is_waited_for(ingest: "Ingest", partner: SftpPartner) -> None:
    place = place_of(partner)
    place.put("day.csv", many(ingest))
    partner.faults.read_delay_s = 0.05
    await configured(ingest, place.settings)
    (run,) = await fetch(ingest)
    assert run["rows"]["created"] == ROWS


async def test_a_fetch_that_runs_is_not_begun_again(ingest: "Ingest", partner: SftpPartner) -> None:
    place = place_of(partner)
    place.put("day.csv", many(ingest))
    partner.faults.read_delay_s = 0.05
    await configured(ingest, place.settings)
    first, second = await asyncio.gather(fetch(ingest), fetch(ingest))
    assert sorted(len([run for run in runs if run["file"]]) for runs in (first, second)) == [0, 1]
    assert len([run for run in await ingest.runs() if run["file"]]) == 1


async def test_no_secret_is_ever_shown(
    start: "Start", partner: SftpPartner, capfd: pytest.CaptureFixture[str]
) -> None:
    async with start(log_level="debug") as ingest:
        place = place_of(partner)
        place.put("day.csv", ingest.sheet("A-1;89161234567;Нет;01.03.2026"))
        shown = []
        for password in (partner.password, "quite another secret"):
            await configured(ingest, place.settings, password=password)
            shown += [str(run) for run in await fetch(ingest)]
        for path in ("/v1/sources", "/v1/runs", "/metrics"):
            shown.append((await ingest.http.get(path)).text)
        out, err = capfd.readouterr()
        for text in (*shown, out, err):
            assert "quite another secret" not in text
            assert str(partner.password) not in text
