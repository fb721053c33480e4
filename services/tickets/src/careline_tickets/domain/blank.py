"""Texts in which there is nothing to read."""

import unicodedata

UNSEEN = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp"})
"""Unicode's categories of signs that show nothing: formats (zero-width, direction), controls, spaces."""


def is_blank(text: str) -> bool:
    """Whether a text has no sign that can be seen: spaces, zero-width signs and marks of direction alone."""
    return all(unicodedata.category(sign) in UNSEEN for sign in text)
