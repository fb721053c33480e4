"""Phone numbers as callers, agents and files write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_common.phones import is_landline, parse_phone, region_of, time_zones_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+7 916 123-45-67", None, "+79161234567"),
        ("8 (916) 123-45-67", "RU", "+79161234567"),
        ("89161234567", "RU", "+79161234567"),
        ("۰۹۱۲۳۴۵۶۷۸۹", "IR", "+989123456789"),
        ("+۹۸۹۱۲۳۴۵۶۷۸۹", None, "+989123456789"),
        ("138 0013 8000", "CN", "+8613800138000"),
        ("\uff0b8613800138000", None, "+8613800138000"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, region: str | None, number: str) -> None:
    assert parse_phone(text, region) == number


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("9161234567", None, "no country code"),
        ("hello", "RU", "no number"),
        ("", "RU", "no number"),
        ("+7916", None, "length is wrong"),
        ("+7916123456789012345", None, "too long"),
        ("1" * 500, "RU", "too long"),
        ("+79161234567 ext. 5", None, "extension"),
    ],
)
def test_what_is_no_number_is_told_without_repeating_it(
    text: str, region: str | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        parse_phone(text, region)
    assert not text or text not in str(refused.value)


@given(st.text(max_size=60), st.sampled_from([None, "RU", "IR", "CN"]))
def test_any_text_is_a_number_or_a_reason(text: str, region: str | None) -> None:
    try:
        number = parse_phone(text, region)
    except ValueError as error:
        number = str(error)
    if number.startswith("+"):
        assert parse_phone(number, None) == number
    else:
        assert number.startswith("not a phone number: ")


def test_a_number_tells_its_country_and_its_zones() -> None:
    assert region_of("+989123456789") == "IR"
    assert time_zones_of("+989123456789") == ("Asia/Tehran",)
    assert time_zones_of("+74951234567") == ("Europe/Moscow",)
    assert len(time_zones_of("+79161234567")) > 1
    assert time_zones_of("+80012345678") == ()


def test_a_landline_takes_no_sms() -> None:
    assert is_landline("+74951234567")
    assert not is_landline("+79161234567")
