"""Segments: the field's own texts, and limits by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.segments import count

pytestmark = pytest.mark.unit

RU_FULL = "ТФОМС МО: оцените работу оператора от 1 до 5, ответив на это СМС. Отказ от опросов: СТОП"
FA_SHORT = "۱۴۲۰: رضایت خود را از ۱ تا ۵ پیامک کنید. لغو: ۱۱"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        (RU_FULL, "UCS-2", 88, 2),
        (FA_SHORT, "UCS-2", 48, 1),
        ("x" * 160, "GSM-7", 160, 1),
        ("x" * 161, "GSM-7", 161, 2),
        ("x" * 306, "GSM-7", 306, 2),
        ("x" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("я" * 70, "UCS-2", 70, 1),
        ("я" * 71, "UCS-2", 71, 2),
        ("я" * 134, "UCS-2", 134, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("How was it – rate 1’5", "UCS-2", 21, 1),
    ],
)
def test_texts_take_the_segments_of_gsm_03_38(text, encoding, units, segments) -> None:
    found = count(text)
    assert (found.encoding, found.units, found.segments) == (encoding, units, segments)


@given(st.text(alphabet="аяё😀𝄞 5", min_size=1, max_size=400))
def test_a_pair_of_units_is_never_cut_in_two(text) -> None:
    """An outside count: greedy filling of 67 units a part, whole characters only."""
    units = [len(char.encode("utf-16-be")) // 2 for char in text]
    parts, room = 1, 67
    for size in units:
        if size > room:
            parts, room = parts + 1, 67
        room -= size
    found = count(text)
    if found.encoding == "UCS-2":
        assert found.units == sum(units)
        assert found.segments == (1 if sum(units) <= 70 else parts)


def test_the_cost_is_of_all_segments_and_unknown_without_a_price() -> None:
    assert count(RU_FULL).cost(2.5) == 5.0
    assert count(RU_FULL).cost(None) is None
