"""Why a row, or a whole file, cannot be taken."""

from dataclasses import dataclass

from careline_ingest.domain.feed import PERSONAL

SHOWN_VALUE_CHARS = 32
FREE_TEXT = frozenset({"name", "text", "answer"})

ERROR_NUMBERS: dict[str, int] = {
    "missing": 901,
    "phone": 902,
    "date": 903,
    "date-range": 904,
    "unknown-value": 905,
    "too-long": 906,
    "not-scalar": 907,
    "row-shape": 908,
    "quoting": 909,
    "not-json": 910,
    "version": 911,
    "expression": 912,
    "number-digits": 913,
    "frozen": 914,
}
"""Every quarantine code with its number (OSHIB) in the FLK protocol, where codes are numbers."""


class UnreadableFileError(Exception):
    """The file as a whole cannot be read; the text says why, without a word of its content."""


class ValueRefusedError(Exception):
    """A value that its field cannot have."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a row. `value` is masked already and may be shown to the sender."""

    field: str | None
    code: str
    text: str
    value: str | None = None


def mask(field: str, value: str) -> str:
    """Enough of a value to find it in the sheet, too little to learn it.

    >>> mask("phone", "+7916abc4567")
    '+7********67'
    """
    if field in FREE_TEXT:
        return "*" * min(len(value), SHOWN_VALUE_CHARS)
    if field not in PERSONAL:
        return value[:SHOWN_VALUE_CHARS]
    shown = 2 if len(value) >= 8 else 0
    hidden = "*" * min(len(value) - 2 * shown, SHOWN_VALUE_CHARS)
    return value[:shown] + hidden + value[len(value) - shown :] if shown else hidden
