"""What files an appeal may have: a short list, known by their content and not by what is said of them."""

import re
import unicodedata
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO

MOST_FILES = 30
"""Of one appeal."""
LONGEST_NAME = 100
MOST_ENTRIES = 5000
ANYTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""What senders declare who do not know."""


class BadFileError(Exception):
    """A file that is not taken; the text says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of file: its media type, others it is also called by, and the endings it may have."""

    media: str
    endings: tuple[str, ...]
    also: tuple[str, ...] = ()

    def called(self, declared: str) -> bool:
        return declared in ANYTHING or declared == self.media or declared in self.also


PDF = Kind("application/pdf", ("pdf",), ("application/x-pdf",))
JPEG = Kind("image/jpeg", ("jpg", "jpeg", "jpe"), ("image/jpg", "image/pjpeg"))
PNG = Kind("image/png", ("png",), ("image/x-png",))
GIF = Kind("image/gif", ("gif",))
WEBP = Kind("image/webp", ("webp",))
TIFF = Kind("image/tiff", ("tif", "tiff"))
HEIC = Kind("image/heic", ("heic", "heif"), ("image/heif",))
OGG = Kind("audio/ogg", ("ogg", "oga", "opus"), ("application/ogg", "audio/opus"))
MP3 = Kind("audio/mpeg", ("mp3",), ("audio/mp3",))
WAV = Kind("audio/wav", ("wav",), ("audio/x-wav", "audio/wave", "audio/vnd.wave"))
MP4 = Kind("audio/mp4", ("m4a", "mp4"), ("video/mp4", "audio/x-m4a", "audio/m4a"))
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = Kind(f"{_OFFICE}.wordprocessingml.document", ("docx",))
XLSX = Kind(f"{_OFFICE}.spreadsheetml.sheet", ("xlsx",))
ODT = Kind("application/vnd.oasis.opendocument.text", ("odt",))
TEXT = Kind("text/plain", ("txt",))
KINDS = (PDF, JPEG, PNG, GIF, WEBP, TIFF, HEIC, OGG, MP3, WAV, MP4, DOCX, XLSX, ODT, TEXT)

_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"%PDF-", PDF),
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"OggS", OGG),
    (b"ID3", MP3),
)
_RIFF: Mapping[bytes, Kind] = {b"WEBP": WEBP, b"WAVE": WAV}
_BRANDS: Mapping[bytes, Kind] = {
    b"heic": HEIC, b"heix": HEIC, b"mif1": HEIC, b"M4A ": MP4, b"isom": MP4, b"mp42": MP4,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """A file that may be kept: under a name that harms nobody, as what it is."""

    name: str = field(repr=False)
    kind: Kind
    content: bytes = field(repr=False)


def checked(name: str, declared: str, content: bytes, *, most_bytes: int) -> CheckedFile:
    """The file under a clean name; raises `BadFileError` where it is none of those that are taken, is
    too large, or is not what it is said to be by its type or its ending."""
    if not content:
        raise BadFileError("is empty")
    if len(content) > most_bytes:
        raise BadFileError(f"is larger than {most_bytes} bytes")
    kind = kind_of(content)
    if kind is None:
        taken = ", ".join(each.endings[0] for each in KINDS)
        raise BadFileError(f"is of no type that is taken, which are {taken}")
    said = declared.partition(";")[0].strip().lower()
    if not kind.called(said):
        raise BadFileError(f"is {kind.media} by its content and another type by what is declared")
    return CheckedFile(name=_ended(clean_name(name), kind), kind=kind, content=content)


def _ended(name: str, kind: Kind) -> str:
    """The name with an ending of its kind; raises `BadFileError` where it has that of another."""
    stem, dot, ending = name.rpartition(".")
    if not dot:
        stem, ending = name, kind.endings[0]
    if ending.lower() not in kind.endings:
        raise BadFileError(f"is {kind.media} by its content and another type by its name")
    last = f".{ending.lower()}"
    return (stem[: LONGEST_NAME - len(last)].rstrip(" .") or "file") + last


def kind_of(content: bytes) -> Kind | None:
    """What the content is; None for what is not on the list, programs in any wrapping among it."""
    for start, kind in _STARTS:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12])
    if content[:4] == b"PK\x03\x04":
        return _packed(content)
    if content[:1] == b"\xff" and len(content) > 1 and content[1] & 0xE6 == 0xE2:
        return MP3
    return TEXT if _is_text(content) else None


def _packed(content: bytes) -> Kind | None:
    """An office document in a ZIP. Only its list of entries is read, so that none can unfold."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as packed:
            names = {entry.filename for entry in packed.infolist()[: MOST_ENTRIES + 1]}
    # `zipfile` raises NotImplementedError for an archive that asks for a newer version than it reads
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        return None
    if len(names) > MOST_ENTRIES or any("vbaproject" in name.lower() for name in names):
        return None
    marks: tuple[tuple[str, Kind], ...] = (
        ("word/document.xml", DOCX),
        ("xl/workbook.xml", XLSX),
        ("content.xml", ODT),
    )
    wrapped = "[Content_Types].xml" in names or "mimetype" in names
    return next((kind for mark, kind in marks if mark in names and wrapped), None)


_MARKUP = re.compile(rb"^(\xef\xbb\xbf)?\s*(<|#!|\{\\rtf|MZ|@echo)", re.IGNORECASE)


def _is_text(content: bytes) -> bool:
    """UTF-8 without control signs, and nothing that some program would run or show as more than text."""
    if _MARKUP.match(content):
        return False
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not any(unicodedata.category(sign) == "Cc" and sign not in "\t\r\n\f" for sign in text)


_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def clean_name(name: str) -> str:
    """A name without folders, control signs, signs that turn the direction of what follows, and without
    what file systems take for something else. May be empty."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C")
    plain = re.sub(r'[<>:"|?*%;\s]+', " ", seen).strip(" .")
    return f"file {plain}" if _RESERVED.fullmatch(plain) else plain
