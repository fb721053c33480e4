"""One text in every encoding, with every delimiter, mark, line end and quoting: the same rows."""

import codecs
import csv
import io
import itertools
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.domain.csv_rows import MAX_FIELD_CHARS
from careline_ingest.domain.decode import candidates, is_text_encoding, undecodable_byte
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.domain.lines import MAX_LINE_CHARS
from careline_ingest.domain.mapping import extract
from careline_ingest.domain.normalise import paragraph
from careline_ingest.domain.reading import open_file
from careline_ingest.domain.rows import RawRow

pytestmark = pytest.mark.unit

RUSSIAN = {
    "header": ("Номер обращения", "Телефон", "Текст"),
    "rows": (
        ("МО-1", "+79161234567", "Нет лекарства; ждите, сказали в аптеке"),
        ("МО-2", "", 'Врач сказал: "приходите завтра", ещё раз'),
        ("МО-3", "89161234567", "Первая строка\nвторая строка | и третья"),
    ),
}
PERSIAN = {
    "header": ("شماره", "تلفن", "متن"),
    "rows": (
        ("1", "09121234567", "دارو در داروخانه نبود"),
        ("2", "", 'پزشک گفت: "فردا"; بيا'),
        ("3", "02112345678", "خط نخست\nخط دوم"),
    ),
}
ENCODINGS = {
    "ru": ("cp1251", "koi8-r", "cp866", "iso8859-5", "utf-8", "utf-16-le", "utf-16-be", "gb18030"),
    "fa": ("cp1256", "utf-8", "utf-16-le", "utf-16-be"),
}
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
MATRIX = [
    (language, encoding, delimiter, end, quoting, mark)
    for language, encodings in ENCODINGS.items()
    for encoding, delimiter, end, quoting in itertools.product(
        encodings, (";", ",", "\t", "|"), ("\n", "\r\n", "\r"), (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    )
    for mark in ((False, True) if encoding in MARKS else (False,))
]


def spec(*names: str, **changes: object) -> FeedSpec:
    targets = ("external_id", "phone", "text")
    columns = tuple(Column(target=t, names=(n,)) for t, n in zip(targets, names, strict=False))
    return replace(FeedSpec(source="s", format="csv", columns=columns), **changes)


def rows_of(content: bytes, how: FeedSpec) -> list[RawRow]:
    file = open_file(lambda: io.BytesIO(content), how, LibraryReaders())
    with closing(file):
        return list(file.rows)


def values_of(content: bytes, how: FeedSpec) -> list[dict[str, str]]:
    file = open_file(lambda: io.BytesIO(content), how, LibraryReaders())
    with closing(file):
        found = list(file.rows)
        assert all(row.fault is None for row in found), found
        return [extract(file.binding, row.cells or {}, LibraryParsers()) for row in found]


@pytest.mark.parametrize("language", ["ru", "fa"])
def test_every_encoding_delimiter_mark_line_end_and_quoting_gives_the_same_rows(
    language: str,
) -> None:
    text = RUSSIAN if language == "ru" else PERSIAN
    expected = [
        {k: paragraph(v) for k, v in zip(("external_id", "phone", "text"), row, strict=True) if v}
        for row in text["rows"]
    ]
    tried = 0
    for lang, encoding, delimiter, end, quoting, mark in MATRIX:
        if lang != language:
            continue
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
        rows = [[cell.replace("\n", end) for cell in row] for row in text["rows"]]
        writer.writerows([text["header"], *rows])
        content = (MARKS[encoding] if mark else b"") + out.getvalue().encode(encoding)
        for declared in (delimiter, None):
            how = spec(*text["header"], encodings=(encoding,), delimiter=declared)
            found = [
                {target: paragraph(value) for target, value in row.items()}
                for row in values_of(content, how)
            ]
            assert found == expected, (encoding, delimiter, end, quoting, mark, declared)
            tried += 1
    assert tried > 100


def test_a_file_in_utf8_is_read_though_cp1251_was_declared_because_its_header_fits() -> None:
    content = "Номер;Текст\n1;ещё\n".encode()
    how = spec("Номер", encodings=("cp1251", "koi8-r"))
    assert rows_of(content, how)[0].cells == {"Номер": "1", "Текст": "ещё"}


def test_a_byte_order_mark_stands_over_what_was_declared() -> None:
    assert candidates(codecs.BOM_UTF16_LE + b"a\x00", ("cp1251",)) == ("utf-16",)
    assert candidates(codecs.BOM_UTF8 + b"a", ("cp1251",)) == ("utf-8-sig",)
    assert candidates(codecs.BOM_UTF32_LE, ("cp1251",)) == ("utf-32",)
    assert candidates(b"abc", ("cp1251", "utf-8")) == ("utf-8", "cp1251")
    assert candidates(b"<?xml", ("cp1251",), "koi8-r") == ("koi8-r", "utf-8", "cp1251")
    assert candidates(b"a\x00b\x00", ("cp1251", "utf-16-le")) == ("utf-16-le",)


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "cp1251", "utf-16-le", "gb18030"]))
def test_a_file_is_decodable_in_pieces_just_when_it_is_as_a_whole(
    content: bytes, encoding: str
) -> None:
    try:
        content.decode(encoding)
        whole = True
    except UnicodeDecodeError:
        whole = False
    pieces = [content[at : at + 7] for at in range(0, len(content), 7)]
    failed_at = undecodable_byte(pieces, encoding)
    assert (failed_at is None) == whole
    assert failed_at is None or 0 <= failed_at <= len(content)


@given(st.binary(max_size=2000))
def test_no_bytes_bring_anything_but_rows_or_a_reason(content: bytes) -> None:
    for file_format in ("csv", "json", "ndjson"):
        how = spec("a", format=file_format, encodings=("cp1251",))
        with suppress(UnreadableFileError):
            numbers = [row.number for row in rows_of(content, how)]
            assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("name", ["hex", "zip", "base64", "rot13", "idna", "punycode", "nothing"])
def test_what_is_no_encoding_of_files_is_refused(name: str) -> None:
    assert not is_text_encoding(name)


@pytest.mark.parametrize("name", ["cp1251", "windows-1251", "utf-8-sig", "gb18030", "cp1256"])
def test_encodings_of_text_are_known(name: str) -> None:
    assert is_text_encoding(name)


def test_an_open_quote_costs_its_own_row_and_no_other() -> None:
    content = b'a;b\n1;"open\n2;x\n3;y\n4;"z"\n'
    found = rows_of(content, spec("a", encodings=("utf-8",)))
    assert [(row.number, row.fault.code if row.fault else None) for row in found] == [
        (2, "quoting"), (3, None), (4, None), (5, None),
    ]  # fmt: skip
    assert found[0].raw == '1;"open\n'
    assert found[3].cells == {"a": "4", "b": "z"}


def test_an_open_quote_before_very_many_rows_is_closed_at_its_line() -> None:
    rows = "".join(f"{number};text\n" for number in range(MAX_FIELD_CHARS // 4))
    found = rows_of(f'a;b\n0;"open\n{rows}'.encode(), spec("a", encodings=("utf-8",)))
    assert [row.number for row in found if row.fault] == [2]
    assert len(found) == MAX_FIELD_CHARS // 4 + 1


def test_a_cell_too_many_or_too_few_is_a_fault_and_empty_rows_are_none() -> None:
    content = b"a;b;\n1;2;\n1;2\n1\n1;2;3;4\n\n;;\n1;2;;;\n"
    found = rows_of(content, spec("a", encodings=("utf-8",)))
    assert [(row.number, row.fault.code if row.fault else None) for row in found] == [
        (2, None), (3, None), (4, "row-shape"), (5, "row-shape"), (8, None),
    ]  # fmt: skip


def test_blank_lines_above_the_header_are_counted_and_skipped() -> None:
    found = rows_of(b"\n\na;b\n1;2\n", spec("a", encodings=("utf-8",)))
    assert [(row.number, row.cells) for row in found] == [(4, {"a": "1", "b": "2"})]


def test_a_line_without_end_stops_the_file() -> None:
    with pytest.raises(UnreadableFileError, match="longer than"):
        rows_of(b"a;b\n" + b"x" * (MAX_LINE_CHARS + 1), spec("a"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" ", "not JSON"),
        (b"{}", "no list of rows at the top"),
        (b"[NaN]", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_list_of_json_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        rows_of(content, spec("a", format="json"))


def test_numbers_in_json_stay_as_they_are_written() -> None:
    content = b'[{"a": 12345678901234567890, "b": 1.50, "c": true, "d": null}]'
    (row,) = rows_of(content, spec("a", format="json"))
    assert row.cells == {"a": "12345678901234567890", "b": "1.50", "c": True, "d": None}
