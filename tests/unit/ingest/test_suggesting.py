"""A mapping for a file that nobody has described."""

from pathlib import Path

import openpyxl
import pytest

from careline.configuration import read
from careline.datadir import CannotError
from careline.feeds_looking import show_preview, suggest_source
from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.config import SourceEntry
from careline_ingest.domain.feed import TARGETS
from careline_ingest.domain.suggesting import NAMES, suggest

pytestmark = pytest.mark.unit

SHEETS = {
    "ru": ("№ обращения;Контактный телефон;ФИО заявителя;Дата поступления;Содержание", "cp1251"),
    "fa": ("شماره درخواست;تلفن همراه;نام;تاریخ ثبت;متن", "utf-8-sig"),
    "zh": ("工单号;手机号;姓名;登记时间;内容", "gb18030"),
    "en": ("appeal_no;Phone Number;full name;Created At;description", "utf-8"),
}
ROW = "{n};89161234567;Имя;2026-03-0{n};x"


@pytest.mark.parametrize("language", SHEETS)
def test_columns_are_known_by_their_names_in_four_languages(language: str, tmp_path: Path) -> None:
    header, encoding = SHEETS[language]
    rows = [
        ROW.format(n=n) if language == "ru" else ROW.format(n=n).replace("Имя", "Ali")
        for n in (1, 2)
    ]
    file = tmp_path / "day.csv"
    file.write_bytes("\r\n".join((header, *rows)).encode(encoding))
    config = tmp_path / "source.yaml"
    config.write_text(suggest_source(file, "RU"))
    (entry,) = read(config).sections["sources"]
    source = SourceEntry.model_validate(entry)
    names = header.split(";")
    assert {column.target: column.names[0] for column in source.columns()} == dict(
        zip(("external_id", "phone", "name", "registered_at", "text"), names, strict=True)
    )


def test_columns_without_telling_names_are_known_by_what_stands_in_them() -> None:
    header = ["c1", "c2", "c3", "c4", "c5"]
    rows = [
        dict(zip(header, cells, strict=True))
        for cells in (
            ("A-1", "8 916 123-45-67", "01.03.2026 10:00", "Жалоба", "Не выдали лекарство в аптеке, просят ждать"),
            ("A-2", "+7 495 123-45-67", "02.03.2026", "Консультация", "Где узнать, к какой поликлинике прикреплён"),
        )
    ]  # fmt: skip
    found = suggest(header, rows, LibraryParsers(), region="RU")
    assert {each.target: each.column for each in found} == {
        "external_id": "c1", "phone": "c2", "registered_at": "c3", "kind": "c4", "text": "c5",
    }  # fmt: skip
    assert {each.why for each in found} == {"what stands in it"}


def test_every_name_that_is_known_is_a_fields_alone() -> None:
    assert set(NAMES) == set(TARGETS)
    names = [name for several in NAMES.values() for name in several]
    assert len(names) == len(set(names))


def test_a_sheet_and_json_are_suggested_with_their_format(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Журнал за 2026"], ["Номер", "Телефон"], ["1", "89161234567"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert 'external_id: "Номер"' in suggest_source(tmp_path / "a.xlsx", "RU")
    (tmp_path / "b.json").write_text('{"data": {"items": [{"id": 1, "text": "x"}]}}')
    told = suggest_source(tmp_path / "b.json", "RU")
    assert "format: json" in told
    assert "rows: data.items" in told
    (tmp_path / "c.csv").write_bytes(b"")
    with pytest.raises(CannotError, match="empty"):
        suggest_source(tmp_path / "c.csv", "RU")


def test_what_is_suggested_without_a_number_is_not_taken_until_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("Телефон;Текст\n89161234567;Нет лекарства\n")
    config = tmp_path / "source.yaml"
    config.write_text(suggest_source(tmp_path / "day.csv", "RU"))
    (entry,) = read(config).sections["sources"]
    with pytest.raises(ValueError, match="external_id must be mapped"):
        SourceEntry.model_validate(entry)


def test_a_preview_shows_what_would_become_of_the_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "day.csv").write_text("id;tel;extra\n1;89161234567;x\n2;no[/red]t;y\n")
    config = tmp_path / "c.yaml"
    config.write_text(
        "careline: 1\nsources: [{id: s, kind: push, map: {external_id: id, phone: tel}}]\n"
    )
    show_preview(tmp_path / "day.csv", config, "s", 10)
    told = capsys.readouterr().out
    assert "phone=+79161234567" in told.replace("\n", "")
    assert "phone: this is not a phone number" in told
    assert "not used: extra" in told
    assert "1 of 2 rows are good" in told
    with pytest.raises(CannotError, match="no source 'other'"):
        show_preview(tmp_path / "day.csv", config, "other", 10)
