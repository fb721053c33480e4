"""Files: known by content, refused when they are not what they are said to be, under harmless names."""

import unicodedata
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_tickets.domain.attachments import (
    KINDS,
    LONGEST_NAME,
    BadFileError,
    checked,
    clean_name,
    kind_of,
)

pytestmark = pytest.mark.unit

MOST = 1 << 20


def packed(*names: str) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return target.getvalue()


DOCX = packed("[Content_Types].xml", "word/document.xml")
SAMPLES: dict[str, bytes] = {
    "pdf": b"%PDF-1.7\n...",
    "jpg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "png": b"\x89PNG\r\n\x1a\n...",
    "gif": b"GIF89a...",
    "webp": b"RIFF\0\0\0\0WEBPVP8 ",
    "tif": b"II*\0....",
    "heic": b"\0\0\0\x18ftypheic",
    "ogg": b"OggS\0...",
    "mp3": b"ID3\x04...",
    "wav": b"RIFF\0\0\0\0WAVEfmt ",
    "m4a": b"\0\0\0\x18ftypM4A ",
    "docx": DOCX,
    "xlsx": packed("[Content_Types].xml", "xl/workbook.xml"),
    "odt": packed("mimetype", "content.xml"),
    "txt": "Мне не дали лекарство\n".encode(),
}
REFUSED: dict[str, bytes] = {
    "program": b"MZ\x90\0" + bytes(100),
    "elf": b"\x7fELF" + bytes(100),
    "script": b"#!/bin/sh\nrm -rf /\n",
    "page": b"<html><script>steal()</script>",
    "page behind a byte order mark": b"\xef\xbb\xbf<html><script>steal()</script>",
    "svg": b"<?xml version='1.0'?><svg onload='steal()'/>",
    "zip": packed("a.exe"),
    "macros": packed("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    "broken zip": DOCX[:30],
    "rtf": b"{\\rtf1 ...",
    "binary": bytes(range(256)),
    "no utf-8": "Привет".encode("cp1251"),
}


def test_there_is_a_sample_of_every_kind() -> None:
    assert {kind_of(content) for content in SAMPLES.values()} == set(KINDS)


@pytest.mark.parametrize("ending", SAMPLES)
def test_what_is_on_the_list_is_taken_as_what_it_is(ending: str) -> None:
    content = SAMPLES[ending]
    kind = kind_of(content)
    assert kind is not None
    for declared in (kind.media, *kind.also, "application/octet-stream", "", f"{kind.media}; x=y"):
        file = checked(f"my file.{ending}", declared, content, most_bytes=MOST)
        assert (file.name, file.kind) == (f"my file.{ending}", kind)
    assert checked("", "", content, most_bytes=MOST).name == f"file.{kind.endings[0]}"


@pytest.mark.parametrize("ending", SAMPLES)
@pytest.mark.parametrize("other", ["pdf", "png", "txt", "exe", "html"])
def test_what_is_said_to_be_something_else_is_refused(ending: str, other: str) -> None:
    content, kind = SAMPLES[ending], kind_of(SAMPLES[ending])
    assert kind is not None
    if other not in kind.endings:
        with pytest.raises(BadFileError):
            checked(f"x.{other}", kind.media, content, most_bytes=MOST)
    declared = kind_of(SAMPLES.get(other, b""))
    if declared not in {None, kind}:
        assert declared is not None
        with pytest.raises(BadFileError):
            checked("", declared.media, content, most_bytes=MOST)


@pytest.mark.parametrize("what", REFUSED)
def test_programs_pages_and_whatever_else_is_not_on_the_list_are_refused(what: str) -> None:
    with pytest.raises(BadFileError) as caught:
        checked("x", "", REFUSED[what], most_bytes=MOST)
    assert "steal" not in str(caught.value)


@pytest.mark.parametrize(("content", "most"), [(b"", 10), (b"x" * 11, 10)])
def test_empty_files_and_large_ones_are_refused(content: bytes, most: int) -> None:
    with pytest.raises(BadFileError):
        checked("x.txt", "text/plain", content, most_bytes=most)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise_anything_else(content: bytes) -> None:
    kind = kind_of(content)
    assert kind is None or kind in KINDS


@given(st.binary(max_size=300).map(lambda junk: b"PK\x03\x04" + junk))
def test_no_zip_is_so_broken_that_it_raises(content: bytes) -> None:
    assert kind_of(content) is None


@given(st.text(max_size=300))
def test_names_are_harmless_whatever_they_were(name: str) -> None:
    try:
        kept = checked(name, "", SAMPLES["pdf"], most_bytes=MOST).name
    except BadFileError:
        assert "." in clean_name(name)  # an ending of another kind
        return
    assert kept.endswith(".pdf") or kept.lower().endswith(".pdf")
    assert len(kept) <= LONGEST_NAME
    assert not set(kept) & set('/\\<>:"|?*%\r\n\0')
    assert not any(unicodedata.category(sign)[0] == "C" for sign in kept)
    assert not kept.startswith((".", " "))


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\снимок.jpg", "снимок.jpg"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie x.txt"),
        ("con.txt", "file con.txt"),
        ("...", ""),
        ("报告 最终.pdf", "报告 最终.pdf"),
    ],
)
def test_names_that_people_have_tried(name: str, clean: str) -> None:
    assert clean_name(name) == clean
