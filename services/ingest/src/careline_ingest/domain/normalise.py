"""One spelling for everything: digits, letters, spaces, phones, dates.

Partners write the same thing in many ways (Persian digits, Arabic ye and kaf, no-break spaces,
three orders of a date). Records are compared and searched, so they are kept in one. The letter ё
stays as it was written.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Protocol

from careline_ingest.domain.faults import ValueRefusedError

OLDEST_YEAR = 1900
_JALALI_YEARS = range(1300, 1500)

_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_INVISIBLE = "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x9f"
_SURROGATES = "\ud800-\udfff"
_DIRT = re.compile(f"[{_INVISIBLE}{_CONTROLS}{_SURROGATES}]")
_UNSTORABLE = re.compile(f"[\x00{_SURROGATES}]")
_WIDE_SPACE = re.compile(f"[{_SPACES}\x0b\x0c]")
_JOINERS = re.compile("[\u200c\u200d]")
_ARABIC_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
_ARABIC = re.compile("[يىك]")
_DASHES = re.compile("[\u2010-\u2015\u2212]")

_YEAR_FIRST = r"(?P<y>\d{4})(?P<s>[-./])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
_DAY_FIRST = r"(?P<d2>\d{1,2})(?P<s2>[-./])(?P<m2>\d{1,2})(?P=s2)(?P<y2>\d{4})"
_CHINESE = r"(?P<y3>\d{4})年(?P<m3>\d{1,2})月(?P<d3>\d{1,2})日"
_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r" ?(?P<offset>Z|[+-]\d{2}:?\d{2})?)?"
)
_MOMENT = re.compile(rf"(?:{_YEAR_FIRST}|{_DAY_FIRST}|{_CHINESE})(?: ?г\.?)?{_TIME}")


class Parsers(Protocol):
    """What only libraries know."""

    def phone(self, text: str, region: str) -> str | None:
        """E.164, or None for what is no phone number."""
        ...

    def jalali(self, year: int, month: int, day: int) -> date | None:
        """The Gregorian date of a Jalali one, or None when there is no such day."""
        ...


def clean(text: str) -> str:
    """Text in NFC, without control and invisible characters, with plain spaces and Persian ye and
    kaf. Zero-width joiners stay: Persian spelling needs them."""
    if text.isascii() and text.isprintable():
        return text
    text = _WIDE_SPACE.sub(" ", _DIRT.sub("", text))
    if _ARABIC.search(text):
        text = text.translate(_ARABIC_LETTERS)
    return unicodedata.normalize("NFC", text)


def line(text: str) -> str:
    """`clean`, on one line, with single spaces."""
    return " ".join(clean(text).split())


def paragraph(text: str) -> str:
    """`clean`, with line ends as `\\n` and nothing at the edges."""
    lines = clean(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return "\n".join(each.rstrip() for each in lines).strip()


def key(text: str) -> str:
    """`line`, with ASCII digits and no joiners at all: for numbers, codes and ids."""
    text = line(text)
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in _JOINERS.sub("", text)
    )


def folded(text: str) -> str:
    """What two spellings of a column's name or of a code have in common."""
    return key(text).casefold()


def storable(value: object) -> object:
    """A row as it came, without the two things that PostgreSQL cannot keep."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {str(storable(name)): storable(inner) for name, inner in value.items()}
    return [storable(inner) for inner in value] if isinstance(value, list) else value


def phone(text: str, region: str, parsers: Parsers) -> str:
    number = parsers.phone(key(text), region)
    if number is None:
        raise ValueRefusedError("phone", "this is not a phone number")
    return number


def birth_date(text: str, parsers: Parsers, *, today: date) -> str:
    """ISO 8601 date; a time of day that sheets add to it is dropped."""
    match = _MOMENT.fullmatch(_plain(text))
    if match is None:
        raise ValueRefusedError("date", "this is not a date; write dd.mm.yyyy or yyyy-mm-dd")
    day = _day(match, parsers)
    if day.year < OLDEST_YEAR or day > today:
        raise ValueRefusedError("date-range", f"a birth date is from {OLDEST_YEAR} until today")
    return day.isoformat()


def moment(text: str, parsers: Parsers, *, zone: tzinfo, now: datetime) -> datetime:
    """A moment in UTC. Without an offset it is in `zone`; without a time it is midnight there."""
    match = _MOMENT.fullmatch(_plain(text))
    if match is None:
        raise ValueRefusedError(
            "date", "this is not a date; write dd.mm.yyyy hh:mm or yyyy-mm-ddThh:mm:ss"
        )
    day = _day(match, parsers)
    if day.year < OLDEST_YEAR:
        raise ValueRefusedError("date-range", f"the moment lies before {OLDEST_YEAR}")
    try:
        local = datetime(
            day.year,
            day.month,
            day.day,
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            int((match["fraction"] or "0")[:6].ljust(6, "0")),
            tzinfo=_offset(match["offset"]) or zone,
        )
        result = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueRefusedError("date", "there is no such time of day") from None
    if result > now:
        raise ValueRefusedError("date-range", "the moment lies in the future")
    return result


def _plain(text: str) -> str:
    return _DASHES.sub("-", key(text))


def _day(match: re.Match[str], parsers: Parsers) -> date:
    year = int(match["y"] or match["y2"] or match["y3"])
    month = int(match["m"] or match["m2"] or match["m3"])
    day = int(match["d"] or match["d2"] or match["d3"])
    try:
        found = (
            parsers.jalali(year, month, day) if year in _JALALI_YEARS else date(year, month, day)
        )
    except ValueError:
        found = None
    if found is None:
        raise ValueRefusedError("date", "there is no such day in the calendar")
    return found


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
