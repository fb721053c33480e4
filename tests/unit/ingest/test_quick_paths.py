"""What is read by a short way is read as by the long one."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from careline_ingest.adapters.parsers import LibraryParsers, parsed_phone
from careline_ingest.domain import normalise
from careline_ingest.domain.faults import ValueRefusedError
from careline_ingest.domain.record import LATEST, as_json

pytestmark = pytest.mark.unit

PARSERS = LibraryParsers()
EARLY = datetime(1900, 1, 2)  # noqa: DTZ001 - hypothesis wants them so
LATE = datetime(2025, 12, 31)  # noqa: DTZ001
MOSCOW = ZoneInfo("Europe/Moscow")
ANY = st.text(
    alphabet=st.sampled_from("аЯёЁй \u00a0\t\n-—«٣۵ي\u200c\u200bé\u0301Zz9;…\x00"), max_size=12
)


@given(st.from_regex(r"(\+7|8|7|\+?)9?[0-9]{7,11}", fullmatch=True))
@example("89161234567")
@example("79991112233")
@example("+78001112233")
def test_russian_mobiles_are_read_as_the_library_reads_them(text: str) -> None:
    assert PARSERS.phone(text, "RU") == parsed_phone(text, "RU")


@given(st.dictionaries(st.sampled_from(["phone", "text", "name", "kind"]), st.text()))
def test_fields_are_written_as_json_writes_them(fields: dict[str, str]) -> None:
    expected = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert as_json(fields) == expected


@given(ANY)
def test_a_plain_text_is_left_as_it_is_just_where_cleaning_would_leave_it(text: str) -> None:
    assert normalise.line(text) == " ".join(normalise.clean(text).split())
    assert normalise.key(normalise.key(text)) == normalise.key(text)
    if normalise.paragraph(text) == text:
        assert normalise.clean(text) == text


@given(st.datetimes(EARLY, LATE), st.booleans())
def test_a_usual_moment_is_read_as_the_same_moment_with_its_offset(
    naive: datetime, seconds: bool
) -> None:
    local = naive.replace(microsecond=0, second=naive.second if seconds else 0, tzinfo=MOSCOW)
    text = local.strftime("%d.%m.%Y %H:%M:%S" if seconds else "%d.%m.%Y %H:%M")
    found = normalise.moment(text, PARSERS, zone=MOSCOW, now=LATEST)
    assert found == local.replace(fold=0).astimezone(UTC)


@given(st.dates(date(1927, 5, 18), date(2173, 10, 13)), st.integers(0, 86_399))
def test_a_date_as_a_sheet_keeps_it_is_that_date(day: date, second: int) -> None:
    serial = (day - date(1899, 12, 30)).days + second / 86_400
    expected = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    text = repr(serial).removesuffix(".0")
    for said in (text, text.replace(".", ",")):
        found = normalise.moment(said, PARSERS, zone=UTC, now=LATEST)
        assert abs(found - expected) < timedelta(seconds=1)


@pytest.mark.parametrize("text", ["31.02.2026 10:00", "01.01.2026 24:00", "01.13.2026 10:00"])
def test_a_usual_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueRefusedError):
        normalise.moment(text, PARSERS, zone=UTC, now=LATEST)
