"""Which encoding a file is in. Nothing is guessed: a byte order mark says it, or the source does."""

import codecs
import re
from collections.abc import Iterable, Sequence

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16 LE, so it is asked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_FOR_FILES = frozenset(
    {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}
)
_ARCHIVES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
)


_DECLARATION = re.compile(
    rb"""\s*<\?xml[^>]{0,100}?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)


def is_text_encoding(name: str) -> bool:
    """True for encodings of text that Python knows; never for its byte-to-byte codecs."""
    try:
        codec = codecs.lookup(name).name
        b"a".decode(codec)
    except (LookupError, UnicodeError, ValueError):
        return False
    return codec.replace("-", "_") not in _NOT_FOR_FILES


def foreign_kind(head: bytes) -> str | None:
    """What a file is that is certainly no text, by its first bytes; else None."""
    return next((kind for magic, kind in _ARCHIVES if head.startswith(magic)), None)


def declared_in(head: bytes) -> str | None:
    """The encoding that an XML declaration names, where it is one that we know."""
    found = _DECLARATION.match(head)
    name = found[1].decode("ascii") if found else ""
    return name if name and is_text_encoding(name) else None


def candidates(head: bytes, listed: Sequence[str], declared: str | None = None) -> tuple[str, ...]:
    """The encodings to try, in order: the byte order mark's alone, else what the file itself declares,
    strict UTF-8, and those that the partner uses. A text that begins with zero bytes is in none of one
    byte a letter."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return (encoding,)
    first = () if declared is None else (declared,)
    order = tuple(dict.fromkeys((*first, "utf-8", *listed)))
    wide = tuple(
        each for each in order if codecs.lookup(each).name.startswith(("utf-16", "utf-32"))
    )
    return wide if b"\x00" in head else order


def undecodable_byte(chunks: Iterable[bytes], encoding: str) -> int | None:
    """The offset of the chunk's byte at which strict decoding fails, or None when all is well."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    done = 0
    for chunk in chunks:
        kept = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk)
        except UnicodeError as error:
            return done - kept + _start(error)
        done += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        return done - len(decoder.getstate()[0]) + _start(error)
    return None


def _start(error: UnicodeError) -> int:
    return error.start if isinstance(error, UnicodeDecodeError) else 0
