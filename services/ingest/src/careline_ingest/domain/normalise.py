"""One spelling for everything: digits, letters, spaces, phones, dates.

Partners write the same thing in many ways (Persian digits, Arabic ye and kaf, no-break spaces,
three orders of a date). Records are compared and searched, so they are kept in one. The letter ё
stays as it was written.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
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
_LOCAL_DIGIT = re.compile(r"[^\D0-9]")
_JOINERS = re.compile("[\u200c\u200d]")
_USUAL = "!-~А-Яа-яЁё«»№–—…"
_PLAIN = re.compile(f"(?:[{_USUAL}]+(?: [{_USUAL}]+)*)?")
"""Nearly every Russian value has nothing but these with single spaces between, and is in NFC: nothing
is to be done about it."""
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
SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - sheets know no zones
_SERIAL = re.compile(r"([1-9]\d{4})(?:[.,](\d{1,17}))?")
"""A date as sheets keep it: days since 1899-12-30, five digits from 1927 to 2173 (ECMA-376 §18.17.4)."""
_MOMENT = re.compile(rf"(?:{_YEAR_FIRST}|{_DAY_FIRST}|{_CHINESE})(?: ?г\.?)?{_TIME}")
_USUAL_MOMENT = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
"""What most partners write; `_MOMENT` reads it too, at five times the price."""


class Parsers(Protocol):
    """What only libraries know."""

    def phone(self, text: str, region: str) -> str | None:
        """E.164, or None for what is no phone number."""
        ...

    def jalali(self, year: int, month: int, day: int) -> date | None:
        """The Gregorian date of a Jalali one, or None when there is no such day."""
        ...

    def evaluate(self, expression: str, cells: Mapping[str, object], value: str) -> str:
        """What a mapping's expression gives for a row; raises `ValueError` that says why it gives
        no text."""
        ...


def clean(text: str) -> str:
    """Text in NFC, without control and invisible characters, with plain spaces and Persian ye and
    kaf. Zero-width joiners stay: Persian spelling needs them."""
    if _PLAIN.fullmatch(text):
        return text
    text = _WIDE_SPACE.sub(" ", _DIRT.sub("", text))
    if _ARABIC.search(text):
        text = text.translate(_ARABIC_LETTERS)
    return unicodedata.normalize("NFC", text)


def line(text: str) -> str:
    """`clean`, on one line, with single spaces."""
    return text if _PLAIN.fullmatch(text) else " ".join(clean(text).split())


def paragraph(text: str) -> str:
    """`clean`, with line ends as `\\n` and nothing at the edges."""
    if _PLAIN.fullmatch(text):
        return text
    lines = clean(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return "\n".join(each.rstrip() for each in lines).strip()


def key(text: str) -> str:
    """`line`, with ASCII digits and no joiners at all: for numbers, codes and ids."""
    if _PLAIN.fullmatch(text):
        return text
    text = line(text)
    if text.isascii():
        return text
    return _LOCAL_DIGIT.sub(_ascii_digit, _JOINERS.sub("", text))


def _ascii_digit(match: re.Match[str]) -> str:
    return str(unicodedata.decimal(match[0]))


@lru_cache(maxsize=4096)  # names of columns and codes come again and again
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
    plain = _plain(text)
    serial = _SERIAL.fullmatch(plain)
    match = None if serial else _MOMENT.fullmatch(plain)
    if serial:
        day = (SERIAL_ZERO + timedelta(days=int(serial[1]))).date()
    elif match:
        day = _day(match, parsers)
    else:
        raise ValueRefusedError("date", "this is not a date; write dd.mm.yyyy or yyyy-mm-dd")
    if day.year < OLDEST_YEAR or day > today:
        raise ValueRefusedError("date-range", f"a birth date is from {OLDEST_YEAR} until today")
    return day.isoformat()


def moment(text: str, parsers: Parsers, *, zone: tzinfo, now: datetime) -> datetime:
    """A moment in UTC. Without an offset it is in `zone`; without a time it is midnight there."""
    try:
        result = _moment(text, parsers, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueRefusedError("date", "there is no such time of day") from None
    if result > now:
        raise ValueRefusedError("date-range", "the moment lies in the future")
    return result


def _moment(text: str, parsers: Parsers, zone: tzinfo) -> datetime:
    usual = _USUAL_MOMENT.fullmatch(text)
    if usual:
        day, month, year, hour, minute, second = map(int, usual.groups("0"))
        if year >= OLDEST_YEAR:
            return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    plain = _plain(text)
    serial = _SERIAL.fullmatch(plain)
    if serial:
        return _of_serial(serial).replace(tzinfo=zone)
    match = _MOMENT.fullmatch(plain)
    if match is None:
        raise ValueRefusedError(
            "date", "this is not a date; write dd.mm.yyyy hh:mm or yyyy-mm-ddThh:mm:ss"
        )
    return _local(match, parsers, zone)


def _local(match: re.Match[str], parsers: Parsers, zone: tzinfo) -> datetime:
    day = _day(match, parsers)
    if day.year < OLDEST_YEAR:
        raise ValueRefusedError("date-range", f"the moment lies before {OLDEST_YEAR}")
    return datetime(
        day.year,
        day.month,
        day.day,
        int(match["hour"] or 0),
        int(match["minute"] or 0),
        int(match["second"] or 0),
        int((match["fraction"] or "0")[:6].ljust(6, "0")),
        tzinfo=_offset(match["offset"]) or zone,
    )


def _of_serial(serial: re.Match[str]) -> datetime:
    """To the second: a sheet keeps times as parts of a day in binary."""
    seconds = round(float(f"0.{serial[2] or 0}") * 86_400)
    return SERIAL_ZERO + timedelta(days=int(serial[1]), seconds=seconds)


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
