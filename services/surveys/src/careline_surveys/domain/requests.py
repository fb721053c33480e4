"""Messages that ask something of us, and answer nothing we asked."""

import re

from careline_surveys.domain.letters import normalised, words_of

STATUS = frozenset(
    {"status", "статус", "состояние", "وضعیت", "پیگیری", "الحالة", "状态", "进度", "查询"}
)
"""Words by which somebody asks how his appeal stands, alone or before its code."""
MOST_WORDS = 6
LONG_WORD = 8
"""Letters of an alphabet, each Chinese sign for four."""
_CODE = re.compile(
    r"(?<![^\W_])[0-9A-Z]{4}[-\u2010-\u2015 ]?[0-9A-Z]{4}[-\u2010-\u2015 ]?[0-9A-Z]{4}(?![^\W_])"
)


def asks_status(text: str) -> bool:
    """Whether a message asks how an appeal stands: by the word, or by what looks like a tracking code.

    A code has letters and figures in it, or dashes: twelve figures may be anything, and three words of
    four letters are words."""
    words = words_of(normalised(text))
    if words and len(words) <= MOST_WORDS and words[0] in STATUS:
        return True
    found = _CODE.search(text.upper())
    if found is None:
        return False
    signs = found[0]
    mixed = any(sign.isdigit() for sign in signs) and any(sign.isalpha() for sign in signs)
    return mixed or (len(signs) == 14 and " " not in signs)


def says_something(text: str) -> bool:
    """Whether somebody could act on it: two words, or one that is long for its script. A figure, a smile, an
    OK or a thank-you is somebody's late answer to something."""
    letters = [sign for sign in text if sign.isalpha()]
    long = sum(4 if sign >= "\u2e80" else 1 for sign in letters) >= LONG_WORD
    words = [word for word in text.split() if sum(sign.isalpha() for sign in word) >= 2]
    return long or len(words) >= 2
