"""Tracking codes: long enough not to be guessed, short enough to be read out over the phone."""

import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without the letters that are taken for digits or for each other."""

SIGNS = 12
"""Of five bits each."""

GROUP = 4

_READ_AS = str.maketrans("OIL", "011", "- \u2010\u2011\u2012\u2013\u2014\u200c\u200e\u200f")


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


def _digit(sign: str) -> str:
    value = unicodedata.decimal(sign, None)
    return sign if value is None else str(value)
