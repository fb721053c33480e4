"""Phone numbers: read as people write them, kept as E.164."""

import unicodedata
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import timezone

_REASONS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "it has no country code",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "it is no number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "it is too short",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "it is too short",
    phonenumbers.NumberParseException.TOO_LONG: "it is too long",
}

LONGEST = 40


def parse_phone(text: str, region: str | None) -> str:
    """The number as E.164. `region` (`RU`) is used where it is written without country code.

    Digits of any script are read. Raises ValueError with the reason, without the number.
    """
    digits = "".join(_plain(character) for character in text.strip())
    if len(digits) > LONGEST:
        raise ValueError("not a phone number: it is too long")
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"not a phone number: {_REASONS[error.error_type]}") from None
    if number.extension:
        raise ValueError("not a phone number: it has an extension")
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:  # one without area code is not enough
        raise ValueError("not a phone number: its length is wrong for its country")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _plain(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def region_of(number: str) -> str | None:
    """`RU`, `IR`, … of an E.164 number; None when it is of no one country."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(number))


def main_region_of(number: str) -> str:
    """The country of an E.164 number's code, by whose rules it is dialled: `RU` also for Kazakhstan's."""
    return phonenumbers.region_code_for_country_code(phonenumbers.parse(number).country_code or 0)


def is_landline(number: str) -> bool:
    """Whether no SMS can reach it, as far as the numbering plan tells."""
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    return bool(kind == phonenumbers.PhoneNumberType.FIXED_LINE)


def time_zones_of(number: str) -> tuple[str, ...]:
    """The zones in which the number may be; several (Russian mobiles) or none when it is not sure."""
    zones = timezone.time_zones_for_number(phonenumbers.parse(number))
    return tuple(zone for zone in zones if zone in _ZONES)


_ZONES = frozenset(available_timezones())
