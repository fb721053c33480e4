"""Tracking codes: long enough not to be guessed, short enough to be read out over the phone."""

import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without the letters that are taken for digits or for each other."""

SIGNS = 12
"""Of five bits each."""

GROUP = 4

_READ_AS = str.maketrans("OIL", "011", "- \u2010\u2011\u2012\u2013\u2014\u200c\u200e\u200f")

_KEYS = str.maketrans(
    {
        letter: digit
        for digit, letters in zip(
            "23456789", ("ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"), strict=True
        )
        for letter in letters
    }
)


def grouped(signs: str) -> str:
    """`7K2M-X09D-4QTC`."""
    return "-".join(signs[start : start + GROUP] for start in range(0, len(signs), GROUP))


def read_code(text: str) -> str | None:
    """A tracking code as somebody has typed it, None when it cannot be one.

    Case, dashes, the letters O, I and L and digits of any script do not matter.
    """
    signs = "".join(map(_digit, text.upper().translate(_READ_AS)))
    if len(signs) != SIGNS or not set(signs) <= set(ALPHABET):
        return None
    return grouped(signs)


def keyed(code: str) -> str:
    """The digits by which a code is keyed on a telephone: letters by the key that they stand on (ITU-T E.161)."""
    return code.replace("-", "").translate(_KEYS)


def _digit(sign: str) -> str:
    value = unicodedata.decimal(sign, None)
    return sign if value is None else str(value)
