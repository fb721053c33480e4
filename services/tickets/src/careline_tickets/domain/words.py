"""The words of a text, as the journal's search knows them.

Russian and English words go to PostgreSQL's stemmers. Arabic script is written in one way first (Persian
ye and kaf, no diacritics) and found as it stands; Chinese has no spaces, so each sign and each pair of
neighbours is a word. Digits of any script are the same digits.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

MOST_BYTES = 400_000
"""Of distinct words; PostgreSQL takes about a mebibyte. What comes later in a text is not found."""
LONGEST_WORD = 100

ZWNJ = "\u200c"
"""Stands between the parts of a Persian word, where others write a space or nothing."""
_DROPPED = re.compile(
    "[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640\u00ad\u200b\u200d-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u2069\ufeff]"
)
"""Arabic diacritics, the tatweel, soft hyphens and signs without width."""
_ALIKE = {
    "ي": "ی", "ى": "ی", "ئ": "ی", "ك": "ک", "ة": "ه", "ۀ": "ه", "ە": "ه", "ؤ": "و",
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ё": "е",
}  # fmt: skip
_SIGNS = map(chr, range(0x20000))
_ONE_FORM: dict[int, str | None] = {
    **{ord(sign): str(unicodedata.decimal(sign)) for sign in _SIGNS if sign.isdecimal()},
    **{at: None for at in range(0x10000) if _DROPPED.match(chr(at))},
    **{ord(sign): alike for sign, alike in _ALIKE.items()},
}
_CJK = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:{ZWNJ}+[^\W_{_CJK}]+)*")
_CHINESE = re.compile(f"[{_CJK}]")
_STEMMED = re.compile("[0-9a-z\u00df-\u024f\u0400-\u052f]+")


@dataclass(frozen=True, slots=True)
class Words:
    """`stemmed` go through the stemmers, `exact` stand in the index as they are."""

    stemmed: tuple[str, ...]
    exact: tuple[str, ...]


def words_of(text: str) -> Words:
    """Every word of a text once, as it is indexed."""
    stemmed: dict[str, None] = {}
    exact: dict[str, None] = {}
    left = MOST_BYTES
    for word, stems in _indexed(text):
        kept = stemmed if stems else exact
        if word not in kept:
            left -= len(word.encode()) + 8
            if left < 0:
                break
            kept[word] = None
    return Words(stemmed=tuple(stemmed), exact=tuple(exact))


@dataclass(frozen=True, slots=True)
class Sought:
    """What must stand in a text: all words of `stemmed` and, of each of `exact`, one alternative whole."""

    stemmed: tuple[str, ...] = ()
    exact: tuple[tuple[tuple[str, ...], ...], ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.stemmed or self.exact)


def sought_in(query: str) -> Sought:
    """The words of a question to the search."""
    stemmed: dict[str, None] = {}
    exact: dict[tuple[tuple[str, ...], ...], None] = {}
    for word in _WORD.findall(normal(query)):
        if _CHINESE.match(word):
            exact[(tuple(_pairs(word)) if len(word) > 1 else (word,),)] = None
        elif _STEMMED.fullmatch(word):
            stemmed[word[:LONGEST_WORD]] = None
        else:
            parts = tuple(part[:LONGEST_WORD] for part in word.split(ZWNJ) if part)
            joined = ("".join(parts)[:LONGEST_WORD],)
            exact[(joined,) if len(parts) == 1 else (joined, parts)] = None
    return Sought(stemmed=tuple(stemmed), exact=tuple(exact))


def normal(text: str) -> str:
    """A text as it is compared: compatible signs, small letters and digits in one form."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_ONE_FORM)


def _indexed(text: str) -> Iterator[tuple[str, bool]]:
    """Words as they are indexed, and whether they are to be stemmed."""
    for word in dict.fromkeys(_WORD.findall(normal(text))):
        if _STEMMED.fullmatch(word):
            yield word[:LONGEST_WORD], True
        elif _CHINESE.match(word):
            yield from ((sign, False) for sign in word)
            yield from ((pair, False) for pair in _pairs(word))
        else:
            parts = [part for part in word.split(ZWNJ) if part]
            yield "".join(parts)[:LONGEST_WORD], False
            if len(parts) > 1:
                yield from ((part[:LONGEST_WORD], False) for part in parts)


def _pairs(signs: str) -> Iterator[str]:
    return (signs[at : at + 2] for at in range(len(signs) - 1))


def time_words(at: datetime) -> tuple[str, str, str]:
    """The day, month and year (UTC) of an appeal as words of the index, which no text can hold: with them
    the index finds the newest appeals with a common word without looking at all that have it."""
    day = at.astimezone(UTC).date()
    return _day(day), _month(day), _year(day)


def is_time_word(word: str) -> bool:
    return word.startswith("@")


Window = tuple[str, ...]
"""Time words of which one must be there; with none of them all appeals are meant."""


Span = tuple[datetime, datetime]
EASILY_SORTED = 1000
DAY = timedelta(days=1)


def windows(newest: datetime) -> Sequence[tuple[datetime | None, Window]]:
    """Ever longer stretches back from a moment: since when, and their time words.

    Whoever has not found enough in one goes on with a longer one, so that the work follows what is shown.
    """
    return _windows(newest.astimezone(UTC).date())


@lru_cache(maxsize=8)
def _windows(last: date) -> Sequence[tuple[datetime | None, Window]]:
    days = [last - timedelta(days=back) for back in range(14)]
    months = [_first_of_month(last, back) for back in range(4)]
    years = [date(last.year - back, 1, 1) for back in range(2) if last.year > back]
    return (
        (_start(days[1]), tuple(map(_day, days[:2]))),
        (_start(days[-1]), tuple(map(_day, days))),
        (_start(months[-1]), tuple(map(_month, months))),
        (_start(years[-1]), tuple(map(_year, years))),
        (None, ()),
    )


def wider(
    starts: Sequence[datetime | None], tried: int, found: int, *, span: Span, wanted: int
) -> int | None:
    """Which stretch to go on with when the `tried`-th had too few: the first that may have enough, or all,
    where so few are to be expected in all that to sort them is no work. None: it was all there is.

    `starts` are those of `windows`, `span` the oldest and the newest moment that there is.
    """
    oldest, newest = span
    last, since = len(starts) - 1, starts[tried]
    if since is None or since <= oldest:
        return None
    # one more than was found: nothing in two days is not nothing at all
    a_day = (found + 1) / ((newest - since) / DAY)
    if a_day * ((newest - oldest) / DAY) <= EASILY_SORTED:
        return last
    return next(
        (
            nth
            for nth in range(tried + 1, last)
            if a_day * ((newest - (starts[nth] or oldest)) / DAY) >= wanted
        ),
        last,
    )


def _first_of_month(day: date, back: int) -> date:
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(day: date) -> str:
    return f"@d{day:%Y%m%d}"


def _month(day: date) -> str:
    return f"@m{day:%Y%m}"


def _year(day: date) -> str:
    return f"@y{day:%Y}"
