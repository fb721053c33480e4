"""Phones, calendars and expressions, by the libraries that know them."""

import re
from collections.abc import Mapping
from datetime import date

from persiantools.jdatetime import JalaliDate

from careline_ingest.adapters.expression_worker import ExpressionWorker

_MOBILE = re.compile(r"(?:\+7|8|7)(9\d{9})", re.ASCII)
"""Russian mobiles as nearly every row has them, with nothing to think about: reading them with the
library takes most of a row's time. A property test holds this against the library."""


class LibraryParsers:
    """The domain's `Parsers`. To be closed, for expressions are worked out by a process of their own."""

    def __init__(self) -> None:
        self._worker = ExpressionWorker()

    def phone(self, text: str, region: str) -> str | None:
        """E.164 of a number that can be dialled from everywhere; an extension is left out."""
        plain = _MOBILE.fullmatch(text) if region == "RU" else None
        if plain:
            return f"+7{plain[1]}"
        return parsed_phone(text, region)

    def jalali(self, year: int, month: int, day: int) -> date | None:
        try:
            found: date = JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
        except ValueError:
            return None
        return found

    def evaluate(self, expression: str, cells: Mapping[str, object], value: str) -> str:
        return self._worker.evaluate(expression, cells, value)

    def close(self) -> None:
        self._worker.close()


def parsed_phone(text: str, region: str) -> str | None:
    """As `LibraryParsers.phone`, by the library alone."""
    import phonenumbers  # a process that reads one file starts without, and seldom needs it

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
