"""Reads yes or no, in five languages, or neither."""

import re

from careline_surveys.domain import words_yes_no as words
from careline_surveys.domain.letters import HAN, normalised, spelled, words_of

_YES_SIGNS = frozenset("+👍✅☑✔👌1")
_NO_SIGNS = frozenset("-👎❌✖🚫02")
_SHORT = 4
"""Words; in a text this short a word for "solved" anywhere is the answer."""

_SINGLE = words.YES | words.NO
_GUESSABLE = sorted(word for word in _SINGLE if word.isalpha())
_SENTENCES_OF_YES = tuple(phrase for phrase in words.YES_PHRASES if " " in phrase)
_UNSIGNED = re.compile(r"[\s.!?,)(]+")


def read_yes_no(text: str) -> bool | None:
    """Yes, no, or None when it is neither, or both."""
    plain = normalised(text)
    sign = _sign(plain)
    tokens = [spelled(word, _SINGLE, _GUESSABLE) for word in words_of(plain)]
    joined = " ".join(tokens)
    if sign is not None and not tokens:
        return sign
    if joined in words.NO_PHRASES or plain in _NO_SIGNS:
        return False
    if joined in words.YES_PHRASES or plain in _YES_SIGNS:
        return True
    if not tokens:
        return None
    read = _chinese("".join(tokens), plain) if HAN.search(joined) else _spoken(joined, plain)
    return None if sign is not None and read is not None and sign is not read else read


def _sign(plain: str) -> bool | None:
    """What the signs of a text say when all that say anything agree; digits say nothing here."""
    signs = set(_UNSIGNED.sub("", plain)) - set("0123456789-+")
    yes, no = bool(signs & _YES_SIGNS), bool(signs & _NO_SIGNS)
    return None if yes is no else yes


def _spoken(joined: str, plain: str) -> bool | None:
    for phrase in words.HARMLESS:
        joined = joined.replace(phrase, " ")
    tokens = joined.split()
    if not tokens or _has(joined, words.UNSURE):
        return None
    if len(tokens) == 1 and tokens[0] in words.ALONE_YES:
        return True
    firm = any(token in words.FIRM_YES for token in tokens)
    if _denied(tokens, joined):
        return None if firm else False
    if tokens[0] in words.ALONE_YES and len(tokens) > 1 and tokens[0] not in words.HALF_WORDS:
        tokens = tokens[1:]
    if tokens[0] in words.FIRM_YES:
        return True
    asks = "?" in plain
    if not asks and _has(joined, _SENTENCES_OF_YES):
        return True
    short = len(tokens) <= _SHORT and any(token in words.YES for token in tokens)
    return True if not asks and (tokens[0] in words.YES or short) else None


def _denied(tokens: list[str], joined: str) -> bool:
    if _has(joined, words.NO_PHRASES):
        return True
    if len(tokens) == 1:
        return tokens[0] in words.NO
    if any(token in words.NO - words.ALONE_NO for token in tokens):
        return True
    if tokens[0] in {"no", "n", "na", "la"} or tokens[-1] in {"no", "not"}:
        return True
    near = zip(tokens, tokens[1:], [*tokens[2:], ""], strict=False)
    return any(
        token in words.NOT and (after.startswith(words.SOLVED) or second.startswith(words.SOLVED))
        for token, after, second in near
    )


def _has(joined: str, phrases: tuple[str, ...]) -> bool:
    padded = f" {joined} "
    return any(f" {phrase} " in padded for phrase in phrases)


def _chinese(text: str, plain: str) -> bool | None:
    if any(phrase in text for phrase in words.CHINESE_UNSURE):
        return None
    agrees = text.startswith(("是", "对", "嗯"))
    denied = text.startswith(words.CHINESE_NO) or any(no in text for no in words.CHINESE_DENIED)
    if agrees and denied and not text.startswith("对不"):
        return None
    if denied:
        return False
    asks = "吗" in text or "?" in plain
    if agrees or (not asks and (text.startswith(words.CHINESE_YES) or "解决" in text)):
        return True
    return None
