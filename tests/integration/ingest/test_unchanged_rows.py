"""Rows that bring nothing new are known by their marks, and never taken for what they are not."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careline_ingest.intake import SAMPLE

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

FILES = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=7),
    min_size=2,
    max_size=3,
)


@given(files=FILES, batch_rows=st.sampled_from([1, 2, 3]), alone=st.booleans())
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_files_in_a_row_leave_what_a_plain_dictionary_would_hold(
    start: "Start", files: list[list[tuple[str, str]]], batch_rows: int, *, alone: bool
) -> None:
    async with start(
        ingest_batch_rows=batch_rows, ingest_workers=1, ingest_alone_bytes=0 if alone else 1 << 30
    ) as ingest:
        await ingest.source()
        await emptied(ingest)
        held: dict[str, str] = {}
        versions: dict[str, int] = {}
        for number, file in enumerate(files):
            counts = {"created": 0, "updated": 0, "unchanged": 0}
            for key, text in file:
                outcome = (
                    "created"
                    if key not in held
                    else "unchanged"
                    if held[key] == text
                    else "updated"
                )
                counts[outcome] += 1
                versions[key] = versions.get(key, 0) + (outcome != "unchanged")
                held[key] = text
            sheet = ingest.sheet(*(f"{key};;{text};" for key, text in file)) + b"\n" * number
            run = await ingest.read(sheet)
            assert run["rows"] == {"read": len(file), **counts, "quarantined": 0}
        kept = await ingest.records()
        assert {name: record["fields"]["text"] for name, record in kept.items()} == held
        assert {name: record["version"] for name, record in kept.items()} == versions


async def test_of_many_rows_those_that_changed_are_taken_wherever_they_stand(
    ingest: "Ingest",
) -> None:
    """More rows than are asked about first: all new, a few changed, none, nearly all, all."""
    number = 3 * SAMPLE + 1
    texts = dict.fromkeys(range(number), "a")
    outcomes = []
    for changed in (range(0), range(5, number, 70), range(0), range(1, number), range(number)):
        texts |= {each: f"{texts[each]}b" for each in changed}
        sheet = ingest.sheet(*(f"A-{each};;{text};" for each, text in texts.items()))
        run = await ingest.read(sheet + b"\n" * len(outcomes))
        outcomes.append([run["rows"][each] for each in ("created", "updated", "unchanged")])
    assert outcomes == [[301, 0, 0], [0, 5, 296], [0, 0, 301], [0, 300, 1], [0, 301, 0]]
    kept = await ingest.records()
    assert {name: record["fields"]["text"] for name, record in kept.items()} == {
        f"A-{each}": text for each, text in texts.items()
    }


async def test_a_changed_mapping_reads_every_row_again(ingest: "Ingest") -> None:
    row = "A-1;89161234567;Текст;01.03.2026"
    await ingest.read(ingest.sheet(row))
    marks = [await _mark(ingest)]
    for change, outcome in (({"region": "KZ"}, "unchanged"), ({"zone": "Asia/Omsk"}, "updated")):
        await ingest.source(**change)
        run = await ingest.read(ingest.sheet(row) + b"\n" * len(marks))
        assert run["rows"][outcome] == 1
        marks.append(await _mark(ingest))
    assert all(before != after for before, after in pairwise(marks))


async def test_a_record_whose_content_was_erased_is_read_again(ingest: "Ingest") -> None:
    sheet = ingest.sheet("A-1;89161234567;Текст;01.03.2026")
    await ingest.read(sheet)
    await ingest.query("DELETE FROM ingest.record_content")
    run = await ingest.read(sheet + b"\n")
    assert run["rows"]["updated"] == 1


async def test_a_file_that_needs_a_process_of_its_own_and_cannot_be_read_says_why(
    start: "Start", tmp_path: Path
) -> None:
    async with start(ingest_alone_bytes=0) as ingest:
        await ingest.source()
        for content, reason in ((b"x;y\n", "lacks the columns"), (b"\x1f\x8b12", "gzip")):
            run = await ingest.read(content)
            assert run["status"] == "failed"
            assert reason in run["error"]


async def emptied(ingest: "Ingest") -> None:
    """What the service looks at in the background may cross it."""
    while True:
        with suppress(asyncpg.DeadlockDetectedError):
            await ingest.query(
                "TRUNCATE ingest.run, ingest.record, ingest.record_content, ingest.outbox CASCADE"
            )
            return


async def _mark(ingest: "Ingest") -> bytes:
    ((mark,),) = await ingest.query("SELECT mark FROM ingest.record_content")
    assert mark is not None
    return bytes(mark)
