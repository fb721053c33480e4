"""Digits, letters, spaces, phones and dates in one spelling."""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.domain import normalise
from careline_ingest.domain.faults import ValueRefusedError

pytestmark = pytest.mark.unit

PARSERS = LibraryParsers()
MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DIGITS = ("0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９")


def moment(text: str) -> str:
    found = normalise.moment(text, PARSERS, zone=MOSCOW, now=NOW)
    return found.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("01.03.2026", "2026-02-28T21:00:00Z"),
        ("1.3.2026 9:05", "2026-03-01T06:05:00Z"),
        ("01.03.2026 г. 09:05", "2026-03-01T06:05:00Z"),
        ("01/03/2026 09:05:06", "2026-03-01T06:05:06Z"),
        ("01.03.2026\u00a009:05", "2026-03-01T06:05:00Z"),
        ("2026-03-01", "2026-02-28T21:00:00Z"),
        ("2026-03-01T09:05:00", "2026-03-01T06:05:00Z"),
        ("2026-03-01T09:05:00.25Z", "2026-03-01T09:05:00.250000Z"),
        ("2026-03-01T09:05:00+0500", "2026-03-01T04:05:00Z"),
        ("2026-03-01 09:05 +03:00", "2026-03-01T06:05:00Z"),
        ("1405/01/02", "2026-03-21T21:00:00Z"),
        ("۱۴۰۵/۰۱/۰۲ ۱۳:۴۵", "2026-03-22T10:45:00Z"),
        ("2/1/1405", "2026-03-21T21:00:00Z"),
        ("2026年3月1日", "2026-02-28T21:00:00Z"),
    ],
)
def test_moments_are_read_as_partners_write_them(text: str, expected: str) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "вчера", "01.03", "01.03.26", "31.02.2026", "00.01.2026", "01.13.2026", "2026-03-01T25:00",
        "2026-03-01T10:60", "01.03-2026", "2026-03-01T10:00+99:00", "1404/12/30", "1", "", "12345678",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueRefusedError) as refused:
        moment(text)
    assert refused.value.code == "date"


@pytest.mark.parametrize("text", ["01.06.2026 15:01", "01.01.2199", "31.12.1899", "0001-01-01"])
def test_the_future_and_the_long_past_are_refused(text: str) -> None:
    with pytest.raises(ValueRefusedError) as refused:
        moment(text)
    assert refused.value.code == "date-range"


@given(st.dates(date(1900, 1, 2), date(2026, 5, 31)), st.sampled_from(DIGITS))
def test_every_day_in_every_order_and_script_is_the_same_day(day: date, digits: str) -> None:
    jalali = JalaliDate(day)
    table = str.maketrans(DIGITS[0], digits)
    texts = [f"{day:%d.%m.%Y}", f"{day.year:04}-{day.month:02}-{day.day:02}"]
    if jalali.year >= 1300:
        texts.append(f"{jalali.year}/{jalali.month:02}/{jalali.day:02}")
    for text in texts:
        found = normalise.birth_date(text.translate(table), PARSERS, today=date(2026, 6, 1))
        assert found == day.isoformat()


@pytest.mark.parametrize("text", ["02.06.2026", "01.01.1899", "2100-01-01"])
def test_nobody_is_born_tomorrow_or_before_1900(text: str) -> None:
    with pytest.raises(ValueRefusedError) as refused:
        normalise.birth_date(text, PARSERS, today=date(2026, 6, 1))
    assert refused.value.code == "date-range"


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("8 (916) 123-45-67", "RU", "+79161234567"),
        ("9161234567", "RU", "+79161234567"),
        ("79161234567", "RU", "+79161234567"),
        ("+7\u00a0916\u2011123\u201145\u201167", "RU", "+79161234567"),
        ("8 (495) 123-45-67 доб. 12", "RU", "+74951234567"),
        ("۰۹۱۲ ۱۲۳ ۴۵۶۷", "IR", "+989121234567"),
        ("+98 912 123 4567", "RU", "+989121234567"),
        ("13812345678", "CN", "+8613812345678"),
    ],
)
def test_phones_are_read_by_region_in_every_script(text: str, region: str, expected: str) -> None:
    assert normalise.phone(text, region, PARSERS) == expected


@pytest.mark.parametrize("text", ["не указан", "12345", "1234567", "112", "+7916", "-", "8" * 40])
def test_what_is_no_phone_is_refused(text: str) -> None:
    with pytest.raises(ValueRefusedError) as refused:
        normalise.phone(text, "RU", PARSERS)
    assert refused.value.code == "phone"


def test_persian_letters_are_unified_and_the_letter_yo_is_not() -> None:
    assert normalise.line("كيفيت  بيمارستان") == "کیفیت بیمارستان"
    assert normalise.line("ещё\u00a0раз\u200b") == "ещё раз"
    assert normalise.line("е\u0308") == "ё"
    assert normalise.line("می\u200cشود") == "می\u200cشود"
    assert normalise.key("۱۲\u200c۳") == "123"


def test_paragraphs_keep_their_lines() -> None:
    assert normalise.paragraph(" а \r\n\r\nб\rв\n") == "а\n\nб\nв"


@given(st.text(max_size=200))
def test_normal_text_is_normal_already(text: str) -> None:
    for spell in (normalise.line, normalise.paragraph, normalise.key):
        once = spell(text)
        assert spell(once) == once
        assert unicodedata.is_normalized("NFC", once)
        assert "\x00" not in once
        once.encode()


CELLS = st.text(max_size=5) | st.none()


@given(
    st.recursive(
        CELLS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    )
)
def test_what_is_storable_has_nothing_that_postgresql_refuses(value: object) -> None:
    shown = repr(normalise.storable(value))
    assert "\\x00" not in shown
    shown.encode()


@given(st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_a_moment_with_its_offset_means_the_same_in_every_zone(ago: timedelta) -> None:
    at = NOW - ago
    for offset in (-5, 0, 3):
        local = at + timedelta(hours=offset)
        text = f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond:06}{offset:+03}:00"
        assert normalise.moment(text, PARSERS, zone=MOSCOW, now=NOW) == at
