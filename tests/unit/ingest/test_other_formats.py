"""XML, JSON and spreadsheets: what they hold, and what hostile ones do not do."""

import io
import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.domain.reading import open_file
from careline_ingest.domain.rows import RawRow

pytestmark = pytest.mark.unit

SPEC = FeedSpec(
    source="s",
    format="xml",
    columns=(
        Column(target="external_id", names=("id",)),
        Column(target="phone", names=("p/tel",)),
    ),
)


def rows_of(content: bytes, **changes: Any) -> list[RawRow]:
    file = open_file(lambda: io.BytesIO(content), replace(SPEC, **changes), LibraryReaders())
    with closing(file):
        return list(file.rows)


def test_cells_of_xml_are_called_by_their_path() -> None:
    content = (
        '<a><x/><ns:row k="7" xmlns:ns="u"><id> 1 </id><p><tel t="m">8</tel></p><n>a</n><n>b</n>'
        "<![CDATA[<raw>]]></ns:row><row><id/></row></a>"
    ).encode("utf-16")
    first, second = rows_of(content, rows="a/row")
    assert first.cells == {"@k": "7", "id": "1", "p/tel@t": "m", "p/tel": "8", "n": ["a", "b"]}
    assert (second.number, second.cells) == (2, {"id": ""})


def test_the_declared_encoding_of_xml_holds() -> None:
    content = '<?xml version="1.0" encoding="KOI8-R"?><a><b><id>Ж</id></b></a>'.encode("koi8-r")
    (row,) = rows_of(content, encodings=("cp1251",))
    assert row.cells == {"id": "Ж"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('<!DOCTYPE a [<!ENTITY x "y">]><a><b><id>&x;</id></b></a>', "DTD"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DTD"),
        ("<a><b><id>1</id></b>", "not XML"),
        ("<a><b><id>&y;</id></b></a>", "not XML"),
        ("<a>" * 65 + "</a>" * 65, "nested deeper"),
        (f"<a><b><id>{'x' * (1 << 20)}y</id></b></a>", "a row has more than"),
        (f'<a><b c="{"x" * (5 << 20)}"/></a>', "tag is longer"),
    ],
    ids=["entity", "external", "cut", "unknown", "deep", "long", "attribute"],
)
def test_hostile_or_broken_xml_gives_no_row_at_all(content: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        rows_of(content.encode())


def test_xml_without_the_element_of_its_rows_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="no element 'ZAP'"):
        rows_of(b"<a><b/></a>", rows="ZAP")


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5) | st.integers(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
                    max_leaves=10))  # fmt: skip
def test_rows_of_json_come_as_they_are_written(row: Any) -> None:
    document = {"a": {"b": [row, {"id": 12345678901234567890, "n": 1.50}]}, "c": [1]}
    rows = rows_of(json.dumps(document).encode(), format="json", rows="a.b")
    assert rows[1].cells == {"id": "12345678901234567890", "n": "1.5"}
    expected = json.loads(json.dumps(row), parse_int=str)
    assert rows[0].cells == (expected if isinstance(row, dict) else None)


@pytest.mark.parametrize(
    "content",
    [b'{"a": [{"id": 1}', b'{"b": []}', b'[{"id": 1}]', b'{"a": [1]}x', b'{"a": ' + b"[" * 9999],
    ids=["cut", "elsewhere", "top", "after", "deep"],
)
def test_json_that_is_not_whole_gives_no_row_at_all(content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        rows_of(content, format="json", rows="a")


def sheet(*rows: list[Any], more: dict[str, Any] | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.create_sheet("Пояснения", 0).append(["Как заполнять", "id"])
    for row in rows:
        book["Sheet"].append(row)
    for cell, value in (more or {}).items():
        book["Sheet"][cell] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_the_header_of_a_sheet_is_found_by_its_names_and_ids_stay_whole() -> None:
    content = sheet(
        ["Журнал"], [], ["id", None, "p/tel"], [1.0, "x", 79031234567], [],
        ["000123", None, 5012345678901234], [True, None, "0123456789012345"],
    )  # fmt: skip
    rows = rows_of(content, format="xlsx")
    assert [row.number for row in rows] == [4, 6, 7]
    assert rows[0].cells == {"id": "1", "p/tel": "79031234567"}
    assert rows[1].cells == {"id": "000123", "p/tel": {"inexact": "5012345678901234.0"}}
    assert rows[2].cells == {"id": "true", "p/tel": "0123456789012345"}


def test_a_header_further_down_is_not_looked_for() -> None:
    for above, found in ((19, 1), (20, 0)):
        content = sheet(*[["x"]] * above, ["id", "p/tel"], ["1", "2"])
        if found:
            assert len(rows_of(content, format="xlsx")) == found
        else:
            with pytest.raises(UnreadableFileError, match=r"first 20 rows|lacks"):
                rows_of(content, format="xlsx")


def test_a_sheet_with_a_cell_in_its_last_corner_is_refused_and_harms_nobody() -> None:
    content = sheet(["id", "p/tel"], ["1", "2"], more={"XFD1048576": "boom"})
    with pytest.raises(UnreadableFileError, match="limits of memory and time"):
        rows_of(content, format="xlsx")


@pytest.mark.parametrize("content", [b"x", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_what_is_no_spreadsheet_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="no spreadsheet"):
        rows_of(content, format="xlsx")
