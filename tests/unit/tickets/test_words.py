"""What counts as a word in Russian, English, Persian and Chinese, and how far back a search looks."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_tickets.domain.words import (
    LONGEST_WORD,
    MOST_BYTES,
    Sought,
    normal,
    sought_in,
    time_words,
    wider,
    windows,
    words_of,
)

MOMENTS = st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def found(query: str, text: str) -> bool:
    """Whether the index would find a text, its stemmers aside."""
    sought, words = sought_in(query), words_of(text)
    return set(sought.stemmed) <= {*words.stemmed} and all(
        any({*alternative} <= {*words.exact} for alternative in group) for group in sought.exact
    )


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("ИНСУЛИНА", "Нет инсулина в аптеке"),
        ("ежик", "Ёжик"),
        ("كتاب", "کتاب من"),
        ("علی", "علي"),
        ("می خواهم", "می‌خواهم"),
        ("میخواهم", "می‌خواهم"),
        ("می‌خواهم", "میخواهم"),
        ("می‌خواهم", "می خواهم"),
        ("سلام", "سَلام"),
        ("سلام", "ســـلام"),
        ("123", "شماره ۱۲۳"),
        ("٤٥", "45"),
        ("医保", "上海医保报销"),
        ("医", "上海医保报销"),
        ("医保报销", "上海医保报销"),
        ("医保 rejected", "My 医保 claim was rejected, отказ"),
        ("отказ", "My 医保 claim was rejected, отказ"),
        ("ＡＢＣ", "abc"),
    ],
)
def test_one_word_in_many_spellings_is_found(query: str, text: str) -> None:
    assert found(query, text)


@pytest.mark.parametrize(("query", "text"), [("海保", "上海医保"), ("инсулин5", "инсулин 5")])
def test_other_words_are_not_found(query: str, text: str) -> None:
    assert not found(query, text)


@pytest.mark.parametrize("query", ["", "  ", "%%%", "—…!", "\u200c\u200f"])
def test_a_query_without_words_seeks_nothing(query: str) -> None:
    assert sought_in(query).empty
    assert Sought().empty


@given(st.text(), st.text(st.characters(categories=["L"]), min_size=1, max_size=20), st.text())
def test_every_word_of_a_text_is_found_in_it(before: str, word: str, after: str) -> None:
    assert found(word, f"{before} {word} {after}")


@given(st.text())
def test_no_sign_that_a_query_treats_specially_is_in_a_word(text: str) -> None:
    words = words_of(text)
    for word in (*words.stemmed, *words.exact):
        assert word
        assert not {*word} & {*"'\\@&|!()<>:* \0"}, word


@given(st.text(st.characters(categories=["Nd"]), max_size=10))
def test_digits_of_all_scripts_are_one(digits: str) -> None:
    assert normal(digits) == "".join(str(unicodedata.decimal(sign)) for sign in digits)


def test_a_text_of_a_mebibyte_is_cut_where_the_index_ends() -> None:
    words = words_of(" ".join(f"слово{number}" for number in range(100_000)))
    assert sum(len(word.encode()) for word in words.stemmed) < MOST_BYTES
    assert words.stemmed[0] == "слово0"
    assert words_of("x" * 2**20).stemmed == ("x" * LONGEST_WORD,)
    assert found("x" * 2**20, "x" * 2**20)


@given(MOMENTS, MOMENTS)
def test_a_window_holds_just_the_appeals_since_its_start(newest: datetime, at: datetime) -> None:
    if at > newest:
        return
    for since, words in windows(newest):
        held = not words or bool({*words} & {*time_words(at)})
        assert held == (since is None or at >= since)


@given(MOMENTS)
def test_each_window_holds_the_one_before(newest: datetime) -> None:
    starts = [since for since, _ in windows(newest)]
    assert starts[-1] is None
    known = [start for start in starts if start is not None]
    assert known == sorted(known, reverse=True)


@given(
    MOMENTS,
    st.timedeltas(timedelta(0), timedelta(days=4000)),
    st.lists(st.integers(0, 60), min_size=5, max_size=5),
)
def test_stretches_are_widened_until_everything_was_asked(
    newest: datetime, back: timedelta, found: list[int]
) -> None:
    if newest - datetime(1900, 1, 1, tzinfo=UTC) < back:
        return
    starts = [since for since, _ in windows(newest)]
    asked: list[int] = []
    nth: int | None = 0
    while nth is not None:
        assert not asked or nth > asked[-1]
        asked.append(nth)
        nth = wider(starts, nth, found[nth], span=(newest - back, newest), wanted=51)
    last = starts[asked[-1]]
    assert last is None or last <= newest - back


@pytest.mark.parametrize(
    ("tried", "found", "days", "expected"),
    [
        (0, 0, 500, 4),  # nowhere in two days: all of them are few
        (0, 4, 500, 2),  # three a day: two weeks may hold too few, three months do not
        (0, 40, 500, 1),
        (2, 50, 900, 4),  # sorted in no time
        (0, 40, 1, None),  # the journal is a day old
    ],
)
def test_a_stretch_is_as_long_as_what_was_found_lets_expect(
    tried: int, found: int, days: int, expected: int | None
) -> None:
    newest = datetime(2026, 11, 26, 12, tzinfo=UTC)
    starts = [since for since, _ in windows(newest)]
    span = (newest - timedelta(days=days), newest)
    assert wider(starts, tried, found, span=span, wanted=51) == expected
