"""Texts as bytes and back: GSM 03.38 with its extension table, UCS-2, and what SMSCs call default.

`data_coding` as in SMPP 3.4, 5.2.19. Septets are not packed: one octet each, as SMPP has them.
"""

from dataclasses import dataclass
from typing import Literal

import smsutil

Alphabet = Literal["gsm7", "latin1"]
"""What an SMSC means by data_coding 0."""

LongMessages = Literal["udh", "udh8", "sar", "payload"]
"""How a text that is too long for one message goes out."""

DEFAULT, IA5, LATIN1, CYRILLIC, HEBREW, UCS2 = 0x00, 0x01, 0x03, 0x06, 0x07, 0x08

_PLAIN = {IA5: "ascii", LATIN1: "latin-1", CYRILLIC: "iso8859-5", HEBREW: "iso8859-8"}
_ROOM: dict[LongMessages, tuple[int, int]] = {
    "udh": (152, 132), "udh8": (153, 134), "sar": (153, 134), "payload": (60_000, 60_000),
}  # fmt: skip
"""Octets of (septets, UCS-2) in a part: 140 less a header of 7 (16-bit reference) or 6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A text as the parts that carry it; one part when it fits one message."""

    data_coding: int
    parts: tuple[bytes, ...]


def encode(text: str, alphabet: Alphabet, long_messages: LongMessages) -> Encoded:
    """Splits and encodes; neither a surrogate pair nor an escape sequence is ever cut in two."""
    septets, octets = _ROOM[long_messages]
    if smsutil.is_valid_gsm(text) and _fits(text, alphabet):
        split = smsutil.gsm_split(text, multi_part_bytes=septets)
        charset = "gsm0338" if alphabet == "gsm7" else "latin-1"
        return Encoded(
            data_coding=DEFAULT, parts=tuple(part.content.encode(charset) for part in split.parts)
        )
    split = smsutil.unicode_split(text, multi_part_bytes=octets)
    return Encoded(
        data_coding=UCS2, parts=tuple(part.content.encode("utf-16-be") for part in split.parts)
    )


def _fits(text: str, alphabet: Alphabet) -> bool:
    if alphabet == "gsm7":
        return "\x1b" not in text
    return all(char.isascii() or "\xa0" <= char <= "\xff" for char in text)


def decode(data: bytes, data_coding: int, alphabet: Alphabet) -> str:
    """The text of a message that came in; what cannot be read becomes U+FFFD, never an error."""
    meaning = _meaning(data_coding)
    if meaning == UCS2:
        return data.decode("utf-16-be", "replace").removeprefix("\ufeff")
    if meaning in _PLAIN:
        return data.decode(_PLAIN[meaning], "replace")
    if meaning == DEFAULT and alphabet == "gsm7" and all(octet < 0x80 for octet in data):
        text: str = data.decode("gsm0338")
        return text
    return data.decode("latin-1")


def _meaning(data_coding: int) -> int:
    """SMPP's own values, and GSM 03.38's groups with a message class (flash messages)."""
    if data_coding & 0xF0 == 0x10:
        return (DEFAULT, LATIN1, UCS2, DEFAULT)[data_coding >> 2 & 3]
    if data_coding & 0xF0 == 0xF0:
        return LATIN1 if data_coding & 0x04 else DEFAULT
    return data_coding


def charset_of(data_coding: int, alphabet: Alphabet) -> str:
    """How a message is to be read, in one word that can be kept with it."""
    return f"{data_coding}:{alphabet}"


def text_of(charset: str, content: bytes) -> str:
    """The words of a reply from the joined content of its parts; NUL, which none needs, goes."""
    data_coding, _, alphabet = charset.partition(":")
    known: Alphabet = "latin1" if alphabet == "latin1" else "gsm7"
    return decode(content, int(data_coding), known).replace("\0", "")
