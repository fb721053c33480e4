"""Rows in quarantine: put right, tried again, and answered to the sender."""

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
BAD_PHONE = "A-2;12345;Очередь;01.03.2026"
NO_ID = ";89161234567;Кто это;01.03.2026"
BAD_DATE = "A-4;89161234567;Когда;31.02.2026"
FUTURE = "A-5;89161234567;Когда;01.01.2199"
TOO_MANY = "A-6;89161234567;Текст; с разделителем;01.03.2026"
OPEN_QUOTE = 'A-7;89161234567;"не закрыта;01.03.2026'


async def test_each_bad_row_is_explained_by_row_field_code_and_reason(ingest: "Ingest") -> None:
    run = await ingest.read(
        ingest.sheet(GOOD, BAD_PHONE, NO_ID, BAD_DATE, FUTURE, TOO_MANY, OPEN_QUOTE)
    )
    assert run["rows"]["read"] == 7
    assert run["rows"]["quarantined"] == 6
    rows = await ingest.quarantine(run["id"])
    assert [(row["row"], row["field"], row["code"]) for row in rows] == [
        (3, "phone", "phone"),
        (4, "external_id", "missing"),
        (5, "registered_at", "date"),
        (6, "registered_at", "date-range"),
        (7, None, "row-shape"),
        (8, None, "quoting"),
    ]
    assert all(row["text"] for row in rows)
    assert all(row["run"] == run["id"] for row in rows)


async def test_of_a_file_with_one_bad_row_in_a_hundred_all_good_ones_are_in_and_each_bad_one_is_explained(
    ingest: "Ingest",
) -> None:
    faults = {
        BAD_PHONE: "phone", NO_ID: "missing", BAD_DATE: "date", FUTURE: "date-range",
        TOO_MANY: "row-shape", OPEN_QUOTE: "quoting",
    }  # fmt: skip
    rows = [GOOD.replace("A-1;", f"B-{n};") for n in range(100 * len(faults))]
    explained = {}
    for nth, (row, code) in enumerate(faults.items()):
        place = (
            100 * nth + 7 * nth + 3
        )  # not the same one of each hundred, not at a batch's edge alone
        rows[place] = row
        explained[place + 2] = code

    run = await ingest.read(ingest.sheet(*rows))

    assert run["rows"] == {
        "read": 600, "created": 594, "updated": 0, "unchanged": 0, "quarantined": 6,
    }  # fmt: skip
    assert set(await ingest.records()) == {row.partition(";")[0] for row in rows if row[0] == "B"}
    answer = (await ingest.http.get(f"/v1/runs/{run['id']}/answer.json")).json()
    assert {item["row"]: item["code"] for item in answer["items"]} == explained
    assert all(item["text"] for item in answer["items"])


async def test_one_row_put_right_by_hand_moves_in_the_counts(ingest: "Ingest") -> None:
    run = await ingest.read(ingest.sheet(GOOD, BAD_PHONE))
    (row,) = await ingest.quarantine(run["id"])
    path = f"/v1/quarantine/{row['id']}/replay"
    answer = await ingest.http.post(path, json={"fix": {"phone": "8 903 111-22-33"}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "created"
    assert await ingest.quarantine(run["id"]) == []
    assert (await ingest.run(run["id"]))["rows"] == {
        "read": 2, "created": 2, "updated": 0, "unchanged": 0, "quarantined": 0,
    }  # fmt: skip
    records = await ingest.records()
    assert records["A-2"]["fields"]["phone"] == "+79031112233"
    assert records["A-2"]["id"] == answer.json()["record_id"]
    again = await ingest.http.post(path, json={"fix": {"phone": "+79990000000"}})
    assert again.json() == answer.json()
    assert (await ingest.records())["A-2"]["version"] == 1


async def test_a_row_that_is_still_wrong_stays_and_the_answer_says_why(ingest: "Ingest") -> None:
    run = await ingest.read(ingest.sheet(BAD_PHONE))
    (row,) = await ingest.quarantine(run["id"])
    path = f"/v1/quarantine/{row['id']}/replay"
    for body, where in (({"fix": {"phone": "x"}}, "fix.phone"), (None, "phone")):
        answer = await ingest.http.post(path, json=body)
        assert answer.status_code == 422
        assert answer.json()["type"] == "still-quarantined"
        assert answer.json()["errors"][0]["path"] == where
    assert await ingest.quarantine(run["id"]) == [row]


async def test_a_fix_of_something_that_is_no_field_is_refused(ingest: "Ingest") -> None:
    run = await ingest.read(ingest.sheet(BAD_PHONE))
    (row,) = await ingest.quarantine(run["id"])
    path = f"/v1/quarantine/{row['id']}/replay"
    answer = await ingest.http.post(path, json={"fix": {"Телефон": "1"}})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "fix.Телефон")
    answer = await ingest.http.post(path, json={"fix": {"phone": ["1"]}})
    assert answer.status_code == 422
    assert (await ingest.http.post("/v1/quarantine/none/replay")).status_code == 404


async def test_a_row_that_could_not_be_split_takes_all_its_values_from_the_fix(
    ingest: "Ingest",
) -> None:
    run = await ingest.read(ingest.sheet(TOO_MANY))
    (row,) = await ingest.quarantine(run["id"])
    fix = {"external_id": "A-6", "text": "Текст; с разделителем", "registered_at": "01.03.2026"}
    answer = await ingest.http.post(f"/v1/quarantine/{row['id']}/replay", json={"fix": fix})
    assert answer.json()["outcome"] == "created"
    assert (await ingest.records())["A-6"]["fields"]["text"] == "Текст; с разделителем"


async def test_all_rows_of_a_run_are_tried_again_after_the_mapping_was_put_right(
    ingest: "Ingest",
) -> None:
    rows = [f"A-{n};9{n:04};Текст;01.03.2026" for n in range(1, 701)]
    run = await ingest.read(ingest.sheet(GOOD.replace("A-1;", "A-0;"), *rows))
    assert run["rows"]["quarantined"] == 700
    without_phone = {"external_id": "Номер обращения", "text": "Текст", "registered_at": "Дата"}
    await ingest.source(map=without_phone)
    answer = await ingest.http.post(f"/v1/runs/{run['id']}/replay")
    assert answer.status_code == 200
    assert answer.json()["rows"] == {
        "read": 701, "created": 701, "updated": 0, "unchanged": 0, "quarantined": 0,
    }  # fmt: skip
    assert await ingest.quarantine(run["id"]) == []


async def test_some_rows_of_a_run_are_put_right_together(ingest: "Ingest") -> None:
    rows = [f"A-{n};none;Текст;01.03.2026" for n in range(1, 6)]
    run = await ingest.read(ingest.sheet(*rows))
    waiting = await ingest.quarantine(run["id"])
    path, ids = f"/v1/runs/{run['id']}/replay", [row["id"] for row in waiting[:3]]
    for body in ({"ids": [*ids, "another"]}, {"ids": ids, "fix": {"Телефон": "1"}}):
        assert (await ingest.http.post(path, json=body)).status_code in (404, 422), body
    assert await ingest.records() == {}
    for _ in range(2):
        fix = {"phone": "8 903 111-22-33"}
        answer = await ingest.http.post(path, json={"ids": ids, "fix": fix})
        assert answer.status_code == 200, answer.text
        assert answer.json()["rows"] == {
            "read": 5, "created": 3, "updated": 0, "unchanged": 0, "quarantined": 2,
        }  # fmt: skip
    assert await ingest.quarantine(run["id"]) == waiting[3:]
    kept = await ingest.records()
    assert {kept[name]["fields"]["phone"] for name in ("A-1", "A-2", "A-3")} == {"+79031112233"}
    assert (await ingest.http.post(path, json={})).json()["rows"]["quarantined"] == 2


async def test_a_row_that_comes_out_late_does_not_undo_a_later_file(ingest: "Ingest") -> None:
    old = await ingest.read(ingest.sheet(BAD_PHONE))
    await ingest.read(ingest.sheet("A-2;89161234567;Исправлено;01.03.2026"))
    await ingest.source(
        map={"external_id": "Номер обращения", "text": "Текст", "registered_at": "Дата"}
    )
    answer = await ingest.http.post(f"/v1/runs/{old['id']}/replay")
    assert answer.json()["rows"]["unchanged"] == 1
    assert (await ingest.records())["A-2"]["fields"]["text"] == "Исправлено"


async def test_the_answer_names_file_counts_and_each_refused_row(ingest: "Ingest") -> None:
    run = await ingest.read(ingest.sheet(GOOD, BAD_PHONE, NO_ID), "HM250228.csv")
    answer = (await ingest.http.get(f"/v1/runs/{run['id']}/answer.json")).json()
    assert answer["file"] == "HM250228.csv"
    assert answer["sha256"] == run["sha256"]
    assert answer["rows"] == run["rows"]
    assert [(item["row"], item["field"], item["code"]) for item in answer["items"]] == [
        (3, "phone", "phone"),
        (4, "external_id", "missing"),
    ]
    xml = await ingest.http.get(f"/v1/runs/{run['id']}/answer.xml")
    assert xml.headers["content-type"].startswith("application/xml")
    root = ET.fromstring(xml.content)
    assert (root.tag, root.findtext("FNAME_I")) == ("FLK_P", "HM250228.csv")
    entries = root.findall("PR")
    assert [entry.findtext("N_ZAP") for entry in entries] == ["3", "4"]
    assert [entry.findtext("IM_POL") for entry in entries] == ["phone", "external_id"]
    assert entries[0].findtext("BAS_EL") == "Телефон"
    assert entries[0].findtext("OSHIB") == "902"


async def test_the_answer_about_a_failed_file_says_why_it_failed(ingest: "Ingest") -> None:
    run = await ingest.read(b"")
    root = ET.fromstring((await ingest.http.get(f"/v1/runs/{run['id']}/answer.xml")).content)
    assert root.findtext("COMMENT") == run["error"] == "the file is empty"
