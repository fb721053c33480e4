"""Replies whose bytes were read by the wrong rule on their way to us."""

_MISREAD = (("latin-1", "utf-8", 1), ("cp1252", "utf-8", 1), ("cp1251", "utf-8", 4))
"""(read as, written as, how many letters beyond ASCII prove it); "ЕЁ" is valid as both."""
_SINGLE_BYTE = (
    ("latin-1", "cp1251"),
    ("cp1252", "cp1251"),
    ("latin-1", "cp1256"),
    ("latin-1", "gb18030"),
)
_HIGH_BYTES = frozenset("\x04\x06")
"""What UCS-2 letters of Cyrillic and Arabic begin with."""


def legible(text: str) -> str:
    """The text as it was written, where that is beyond doubt; else the text as it came.

    UTF-8 read byte by byte ("Ð¿Ñ\x8fÑ\x82Ñ\x8c") and UCS-2 read as octets give themselves away:
    no other text is valid under both rules. U+0000 and halves of pairs, which nobody types, go.
    """
    text = "".join(char for char in text if char != "\0" and not "\ud800" <= char <= "\udfff")
    if text.isascii() and not _HIGH_BYTES & set(text):
        return text
    if len(text) % 2 == 0 and text and set(text[::2]) <= _HIGH_BYTES:
        return _again(text, "latin-1", "utf-16-be") or text
    strange = sum(not char.isascii() for char in text)
    for wrong, right, proof in _MISREAD:
        read = _again(text, wrong, right) if strange >= proof else None
        if read is not None and read != text:
            return read
    return text


def guesses(text: str) -> list[str]:
    """What the text may have been, when one single-byte alphabet was taken for another.

    Only a guess: to be believed when it makes sense and the text itself does not.
    """
    if text.isascii():
        return []
    found = (_again(text, wrong, right) for wrong, right in _SINGLE_BYTE)
    return list(dict.fromkeys(read for read in found if read is not None and read != text))


def _again(text: str, wrong: str, right: str) -> str | None:
    try:
        return text.encode(wrong).decode(right)
    except UnicodeError:
        return None
