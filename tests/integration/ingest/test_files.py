"""Files of partners: what becomes of their rows, and of the same file again."""

import hashlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

GOOD = "A-1;8 (916) 123-45-67;Нет лекарства в аптеке;01.03.2026 09:30"
OTHER = "A-2;+7 903 765 43 21;Грубость в регистратуре, ещё раз;2026-03-01T10:00:00"
BAD = "A-3;не указан;Очередь;01.03.2026"


def counts(read: int, created: int = 0, updated: int = 0, unchanged: int = 0) -> dict[str, int]:
    """The counts of a run; the rest of what was read is in quarantine."""
    return {
        "read": read,
        "created": created,
        "updated": updated,
        "unchanged": unchanged,
        "quarantined": read - created - updated - unchanged,
    }


async def events(ingest: "Ingest", event_type: str) -> list[dict[str, object]]:
    rows = await ingest.query(
        "SELECT convert_from(body, 'utf8')::jsonb -> 'data' ->> 'kind' AS kind, subject, sequence"
        " FROM ingest.outbox WHERE type = $1 ORDER BY id",
        event_type,
    )
    return [dict(row) for row in rows]


async def test_good_rows_become_records_and_a_bad_one_waits_in_quarantine(
    ingest: "Ingest",
) -> None:
    content = ingest.sheet(GOOD, OTHER, BAD)
    run = await ingest.read(content)
    assert run["status"] == "done"
    assert run["file"] == "day.csv"
    assert run["sha256"] == hashlib.sha256(content).hexdigest()
    assert run["rows"] == counts(3, created=2)
    (row,) = await ingest.quarantine(run["id"])
    assert (row["row"], row["field"], row["code"]) == (4, "phone", "phone")
    assert row["external_id"] == "A-3"
    assert "не указан" not in str(row)
    records = await ingest.records()
    assert records["A-1"]["fields"] == {
        "external_id": "A-1",
        "registered_at": "2026-03-01T06:30:00Z",
        "phone": "+79161234567",
        "channel": "phone",
        "kind": "complaint",
        "text": "Нет лекарства в аптеке",
    }
    assert "ещё" in records["A-2"]["fields"]["text"]


async def test_the_same_bytes_again_are_the_first_run_and_create_nothing(ingest: "Ingest") -> None:
    first = await ingest.read(ingest.sheet(GOOD))
    again = await ingest.send(ingest.sheet(GOOD))
    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert again.json()["unchanged"] is True
    assert len(await ingest.runs()) == 1


async def test_under_a_key_a_file_gets_the_first_answer_again(ingest: "Ingest") -> None:
    content = ingest.sheet(GOOD)
    first = await ingest.send(content, key="k")
    assert (first.status_code, first.json()["unchanged"]) == (202, False)
    await ingest.ended(first.json()["id"])
    again = await ingest.send(content, key="k")
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    other = await ingest.send(ingest.sheet(OTHER), key="k")
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")
    assert len(await ingest.runs()) == 1


async def test_the_same_file_under_another_name_creates_nothing(ingest: "Ingest") -> None:
    first = await ingest.read(ingest.sheet(GOOD), "monday.csv")
    again = await ingest.send(ingest.sheet(GOOD), "tuesday.csv")
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert again.json()["file"] == "monday.csv"


async def test_a_corrected_file_updates_what_changed_and_leaves_the_rest(
    ingest: "Ingest",
) -> None:
    await ingest.read(ingest.sheet(GOOD, OTHER))
    run = await ingest.read(ingest.sheet(GOOD, OTHER.replace("Грубость", "Хамство")))
    assert run["rows"] == counts(2, updated=1, unchanged=1)
    records = await ingest.records()
    assert records["A-2"]["version"] == 2
    assert records["A-2"]["fields"]["text"].startswith("Хамство")
    assert records["A-1"]["version"] == 1


async def test_every_change_of_a_record_is_told_with_its_version(ingest: "Ingest") -> None:
    await ingest.read(ingest.sheet(GOOD))
    await ingest.read(ingest.sheet(GOOD.replace("Нет", "Нету")))
    record = (await ingest.records())["A-1"]
    assert await events(ingest, "careline.feed.record_received.v1") == [
        {"kind": "created", "subject": record["id"], "sequence": 1},
        {"kind": "updated", "subject": record["id"], "sequence": 2},
    ]
    assert len(await events(ingest, "careline.feed.run_finished.v1")) == 2


async def test_an_appeal_twice_in_one_file_is_created_and_updated(ingest: "Ingest") -> None:
    run = await ingest.read(ingest.sheet(GOOD, GOOD.replace("Нет", "Нету"), GOOD))
    assert run["rows"] == counts(3, created=1, updated=2)
    assert (await ingest.records())["A-1"]["version"] == 3


async def test_a_withdrawn_row_is_told_as_withdrawn(ingest: "Ingest") -> None:
    mapping = {"external_id": "id", "text": "text", "status": "status"}
    await ingest.source("portal", map=mapping, encodings=["utf-8"])
    await ingest.read(b"id;text;status\nP-1;a;open\n", source="portal")
    await ingest.read("id;text;status\nP-1;a;Отозвано\n".encode(), source="portal")
    told = await events(ingest, "careline.feed.record_received.v1")
    assert [event["kind"] for event in told] == ["created", "withdrawn"]
    assert (await ingest.records())["P-1"]["withdrawn"] is True


async def test_a_row_behind_the_partners_own_version_changes_nothing(ingest: "Ingest") -> None:
    mapping = {"external_id": "id", "text": "text", "version": "v"}
    await ingest.source("versioned", map=mapping, encodings=["utf-8"])
    await ingest.read(b"id;text;v\nP-1;new;10\n", source="versioned")
    run = await ingest.read(b"id;text;v\nP-1;old;9\n", source="versioned")
    assert run["rows"] == counts(1, unchanged=1)
    assert (await ingest.records())["P-1"]["fields"]["text"] == "new"


async def test_two_sources_may_use_the_same_numbers(ingest: "Ingest") -> None:
    await ingest.source("ins8-daily")
    await ingest.read(ingest.sheet(GOOD))
    run = await ingest.read(ingest.sheet(GOOD), source="ins8-daily")
    assert run["rows"] == counts(1, created=1)


async def test_a_file_that_cannot_be_decoded_fails_and_leaves_nothing(ingest: "Ingest") -> None:
    await ingest.source("utf", encodings=["utf-8"])
    content = ingest.sheet(GOOD, encoding="utf-8") + b"A-9;\xff\xfe;x;y\r\n"
    run = await ingest.read(content, source="utf")
    assert run["status"] == "failed"
    assert f"fails at byte {content.index(0xFF)}" in run["error"]
    assert run["rows"] == counts(0)
    assert await ingest.records() == {}


async def test_a_file_without_a_mapped_column_fails_and_says_which(ingest: "Ingest") -> None:
    run = await ingest.read("Номер обращения;Телефон\r\nA-1;1\r\n".encode("cp1251"))
    assert run["status"] == "failed"
    assert "text (Текст)" in run["error"]
    assert "registered_at (Дата)" in run["error"]


async def test_what_is_no_csv_fails_and_says_why(ingest: "Ingest") -> None:
    for content, reason in (
        (b"", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
        (b"\x1f\x8b rest of an archive", "gzip"),
        (b"a" * 1_100_000, "longer than"),
    ):
        run = await ingest.read(content)
        assert (run["status"], run["rows"]["read"]) == ("failed", 0)
        assert reason in run["error"]


async def test_a_failed_file_is_read_again_once_the_source_is_put_right(
    ingest: "Ingest",
) -> None:
    content = "Номер;Телефон\r\nA-1;89161234567\r\n".encode("cp1251")
    failed = await ingest.read(content)
    assert failed["status"] == "failed"
    same = await ingest.send(content)
    assert (same.status_code, same.json()["unchanged"]) == (200, True)
    await ingest.source(map={"external_id": "Номер", "phone": "Телефон"})
    again = await ingest.send(content)
    assert (again.status_code, again.json()["id"]) == (202, failed["id"])
    run = await ingest.ended(failed["id"])
    assert (run["status"], run["error"]) == ("done", None)
    assert run["rows"] == counts(1, created=1)


async def test_a_file_over_the_limit_is_refused_and_leaves_nothing(start: "Start") -> None:
    async with start(ingest_max_file=1000) as ingest:
        await ingest.source()

        async def drip() -> object:
            for _ in range(11):
                yield b"x" * 100

        declared = await ingest.send(b"x" * 1001)
        streamed = await ingest.http.post("/v1/sources/ins7-daily/files", content=drip())
        assert (declared.status_code, streamed.status_code) == (413, 413)
        assert streamed.json()["type"] == "too-large"
        assert await ingest.runs() == []


async def test_a_file_larger_than_a_usual_body_is_taken(ingest: "Ingest") -> None:
    rows = [f"A-{n};;{'х' * 200};01.03.2026" for n in range(6000)]
    content = ingest.sheet(*rows)
    assert len(content) > 1 << 20
    run = await ingest.read(content)
    assert run["rows"] == counts(6000, created=6000)


async def test_json_and_ndjson_are_read_as_well(ingest: "Ingest") -> None:
    mapping = {"external_id": "id", "phone": "person.phone", "text": ["body", "text"]}
    await ingest.source("lines", format="ndjson", map=mapping)
    await ingest.source("list", format="json", map=mapping, rows="data.items")
    line = '{"id": 12345678901234567890, "person": {"phone": "+79161234567"}, "text": "т"}'
    lines = await ingest.read(f"{line}\n\nno json\n".encode(), source="lines")
    listed = await ingest.read(f'{{"data": {{"items": [{line}, 7]}}}}'.encode(), source="list")
    assert lines["rows"] == listed["rows"] == counts(2, created=1)
    assert [row["row"] for row in await ingest.quarantine(lines["id"])] == [3]
    assert [row["row"] for row in await ingest.quarantine(listed["id"])] == [2]
    record = (await ingest.records())["12345678901234567890"]
    assert record["fields"]["phone"] == "+79161234567"


async def test_the_name_of_a_file_is_a_name_and_no_path(ingest: "Ingest") -> None:
    answer = await ingest.send(ingest.sheet(GOOD), "../../etc/passwd")
    assert answer.json()["file"] == "passwd"
    assert answer.headers["location"] == f"/v1/runs/{answer.json()['id']}"
    await ingest.ended(answer.json()["id"])


async def test_what_postgresql_cannot_keep_does_no_harm(ingest: "Ingest") -> None:
    await ingest.source("lines", format="ndjson", map={"external_id": "id", "text": "text"})
    content = b'{"id": "a\\u0000b", "text": "\\ud800x"}\n{"id": "", "text": "\\u0000\\ud800"}\n'
    run = await ingest.read(content, source="lines")
    assert run["rows"] == counts(2, created=1)
    assert (await ingest.records())["ab"]["fields"]["text"] == "x"
