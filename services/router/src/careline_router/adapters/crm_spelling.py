"""A number as people have typed it into a CRM: `+79161234567`, `89161234567`, `+7 (916) 123-45-67`."""

import re
from collections.abc import Sequence

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat

NAMED: dict[str, str] = {
    "e164": "+{cc}{national}",
    "digits": "{cc}{national}",
    "trunk": "{trunk}{national}",
    "national": "{national}",
}
"""Spellings with a name, as patterns; `international` and `local` are those of the country."""
COUNTRY_S = {
    "international": PhoneNumberFormat.INTERNATIONAL,
    "local": PhoneNumberFormat.NATIONAL,
}
USUAL: tuple[str, ...] = (*NAMED, *COUNTRY_S)
LONGEST = 40
_PARTS = re.compile(r"\{(\w*)\}")
_MEANINGS = frozenset({"cc", "trunk", "national"})


def check_spelling(text: str) -> str:
    """The spelling, if it is a name or a pattern; raises ValueError.

    In a pattern `{cc}` is the country code, `{trunk}` the national prefix (8 in Russia, 0 in Iran),
    `{national}` the rest, or `#` one of its digits; everything else stands for itself.
    """
    if text in USUAL:
        return text
    unknown = sorted(set(_PARTS.findall(text)) - _MEANINGS)
    if unknown:
        raise ValueError(f"unknown {{{unknown[0]}}}: a pattern has {{cc}} {{trunk}} {{national}} #")
    if "#" not in text and "{national}" not in text:
        raise ValueError(f"give one of {', '.join(USUAL)} or a pattern with # or {{national}}")
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"a pattern has at most {LONGEST} printable characters")
    return text


def spellings(phone: str, wanted: Sequence[str], *, region: str) -> list[str]:
    """The spellings of an E.164 number, in the order wanted, each once.

    One that does not fit the number (another count of `#`, a country without prefix) is left out; so
    is one by which people in `region`, the CRM's country, mean somebody else: 9121234567, typed in
    Russia, is a Russian's and never Iran's +98 912 123 4567.
    """
    number = phonenumbers.parse(phone)
    written = (_written(number, spelling) for spelling in wanted)
    return list(
        dict.fromkeys(text for text in written if text and not _is_another(text, phone, region))
    )


def _is_another(text: str, phone: str, region: str) -> bool:
    """Whether a text, read where it was typed, is a number that exists and is not `phone`."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    read = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return read != phone and phonenumbers.is_valid_number(number)


def _written(number: PhoneNumber, spelling: str) -> str | None:
    if spelling in COUNTRY_S:
        return phonenumbers.format_number(number, COUNTRY_S[spelling])
    pattern = NAMED.get(spelling, spelling)
    national = phonenumbers.national_significant_number(number)
    trunk = _trunk_prefix(number)
    if "{trunk}" in pattern and not trunk:
        return None
    if "#" in pattern and pattern.count("#") != len(national):
        return None
    digits = iter(national)
    drawn = re.sub("#", lambda _: next(digits), pattern)
    parts = {"cc": str(number.country_code), "trunk": trunk, "national": national}
    return _PARTS.sub(lambda part: parts[part[1]], drawn)


def _trunk_prefix(number: PhoneNumber) -> str:
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    metadata = PhoneMetadata.metadata_for_region(region, None)
    return "" if metadata is None else (metadata.national_prefix or "")
