"""Phones and calendars, by the libraries that know them."""

from datetime import date

import phonenumbers
from persiantools.jdatetime import JalaliDate
from phonenumbers import ValidationResult


class LibraryParsers:
    """The domain's `Parsers`."""

    def phone(self, text: str, region: str) -> str | None:
        """E.164 of a number that can be dialled from everywhere; an extension is left out."""
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None
        if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def jalali(self, year: int, month: int, day: int) -> date | None:
        try:
            found: date = JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
        except ValueError:
            return None
        return found
