"""The same rows in every format, alone or packed; visits and appointments beside appeals."""

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

ROWS = (
    ("A-1", "89161234567", "Нет лекарства; ждите", "01.03.2026 10:00"),
    ("A-2", "нет", "Вторая", "02.03.2026"),
    ("A-3", "+7 (916) 765-43-21", "Третья «строка»", "2026-03-03T09:00:00+03:00"),
)
NAMES = ("Номер обращения", "Телефон", "Текст", "Дата")
ELEMENTS = {"external_id": "N_ZAP", "phone": "PACIENT/TEL", "text": "TEXT", "registered_at": "DATE"}


def as_xlsx() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["Журнал обращений за март"])
    book.active.append([])
    for row in (NAMES, *ROWS):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_xml() -> bytes:
    rows = "".join(
        f"<ZAP><N_ZAP>{i}</N_ZAP><PACIENT><TEL>{p}</TEL></PACIENT><TEXT>{t}</TEXT><DATE>{d}</DATE></ZAP>"
        for i, p, t, d in ROWS
    )
    text = f'<?xml version="1.0" encoding="windows-1251"?><ZL_LIST><ZGLV/>{rows}</ZL_LIST>'
    return text.encode("cp1251")


def as_json(*, lines: bool) -> bytes:
    rows = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    if lines:
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    return json.dumps({"data": {"rows": rows}}, ensure_ascii=False).encode("utf-16")


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


FORMATS: dict[str, tuple[bytes, dict[str, Any], int]] = {
    "xlsx": (as_xlsx(), {"format": "xlsx"}, 5),
    "xml": (as_xml(), {"format": "xml", "rows": "ZL_LIST/ZAP", "map": ELEMENTS}, 2),
    "json": (as_json(lines=False), {"format": "json", "rows": "data.rows"}, 2),
    "ndjson": (as_json(lines=True), {"format": "ndjson"}, 2),
}


@pytest.mark.parametrize("form", FORMATS)
async def test_the_same_rows_in_any_format_give_the_same_records(
    ingest: "Ingest", form: str
) -> None:
    content, how, bad_row = FORMATS[form]
    await ingest.source("s", **how)
    run = await ingest.read(content, source="s")
    assert (run["status"], run["error"]) == ("done", None)
    assert run["rows"] == {
        "read": 3, "created": 2, "updated": 0, "unchanged": 0, "quarantined": 1,
    }  # fmt: skip
    kept = await ingest.records()
    assert kept["A-1"]["fields"]["phone"] == "+79161234567"
    assert kept["A-1"]["fields"]["registered_at"] == "2026-03-01T07:00:00Z"
    assert kept["A-3"]["fields"]["text"] == "Третья «строка»"
    assert kept["A-3"]["fields"]["registered_at"] == "2026-03-03T06:00:00Z"
    (bad,) = await ingest.quarantine(run["id"])
    assert (bad["row"], bad["field"], bad["code"]) == (bad_row, "phone", "phone")

    fixed = await ingest.http.post(
        f"/v1/quarantine/{bad['id']}/replay", json={"fix": {"phone": "89161112233"}}
    )
    assert fixed.json()["outcome"] == "created", fixed.text
    again = await ingest.read(packed(**{"other.bin": content}), source="s")
    assert again["id"] == run["id"]


async def test_files_in_an_archive_are_known_by_their_own_bytes(ingest: "Ingest") -> None:
    one, two = (ingest.sheet(f"A-{n};89161234567;Текст;01.03.2026") for n in (1, 2))
    alone = await ingest.read(one)
    answer = await ingest.send(packed(**{"папка/a.csv": one, "b.csv": two, "b.csv.sha256": b"x"}))
    assert answer.status_code == 202
    assert answer.json()["unchanged"] is False
    first, second = answer.json()["runs"]
    assert first == alone["id"]
    run = await ingest.ended(second)
    assert (run["file"], run["rows"]["created"]) == ("b.csv", 1)
    again = await ingest.send(packed(**{"c.csv": two, "d/e.csv": one}), name="later.zip")
    assert (again.status_code, again.json()["unchanged"]) == (200, True)
    assert len(await ingest.runs()) == 2


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"../a.csv": b"x"}, "leads out"),
        ({"/etc/a.csv": b"x"}, "leads out"),
        ({"a.zip": packed(**{"b.csv": b"x"})}, "archive in the archive"),
        ({"a.csv": bytes(40 << 20)}, "200 times"),
        ({"__MACOSX/a.csv": b"x", ".hidden": b"x"}, "no file"),
        ({f"{n}.csv": b"" for n in range(1001)}, "1000 files"),
    ],
    ids=["up", "root", "nested", "bomb", "none", "many"],
)
async def test_a_hostile_archive_is_refused_and_leaves_nothing(
    ingest: "Ingest", names: dict[str, bytes], reason: str
) -> None:
    answer = await ingest.send(
        packed(**{"good.csv": ingest.sheet()} | names if "a.csv" not in str(names) else names)
    )
    assert (answer.status_code, answer.json()["type"]) == (422, "archive-refused")
    assert reason in answer.json()["detail"]
    assert await ingest.runs() == []


async def test_an_archive_with_a_huge_list_of_files_is_refused_before_it_is_read(
    ingest: "Ingest",
) -> None:
    whole = bytearray(packed(**{"a.csv": ingest.sheet()}))
    at = whole.rindex(b"PK\x05\x06")
    whole[at + 12 : at + 16] = (1 << 30).to_bytes(4, "little")
    answer = await ingest.send(bytes(whole))
    assert (answer.status_code, answer.json()["type"]) == (422, "archive-refused")


async def test_a_visit_is_told_to_whoever_asks_patients(ingest: "Ingest") -> None:
    names = {"kind": "Услуга", "registered_at": "Дата", "external_id": "№", "phone": "Телефон"}
    await ingest.source("v", record="visit", map=names)
    sheet = "№;Телефон;Услуга;Дата\n1;89161234567;Стационар;01.03.2026\n2;;;02.03.2026\n3;;x;\n"
    run = await ingest.read(sheet.encode(), source="v")
    assert (run["rows"]["created"], run["rows"]["quarantined"]) == (2, 1)
    told = await ingest.query(
        "SELECT type, body FROM ingest.outbox WHERE type NOT LIKE '%run_finished%' ORDER BY id"
    )
    assert {row["type"] for row in told} == {"careline.service.rendered.v1"}
    data = [json.loads(row["body"])["data"] for row in told]
    assert [each["service"] for each in data] == ["inpatient", "outpatient"]
    assert data[0]["rendered_at"] == "2026-02-28T21:00:00Z"
    assert "phone" not in data[0]


async def test_an_appointment_may_lie_ahead_and_is_kept(ingest: "Ingest") -> None:
    await ingest.source("p", record="appointment", map={"external_id": "id", "registered_at": "at"})
    run = await ingest.read(b"id;at\n1;01.03.2099 10:00\n2;\n", source="p")
    assert (run["rows"]["created"], run["rows"]["quarantined"]) == (1, 1)
    kept = await ingest.records()
    assert kept["1"]["fields"]["registered_at"] == "2099-03-01T07:00:00Z"
