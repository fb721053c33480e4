"""Reads whether a patient wants to be left alone."""

from careline_surveys.domain import words_stop as words
from careline_surveys.domain.letters import normalised, spelled, words_of

_CANCEL = frozenset({"لغو", "الغاء", "ایقاف", "توقف", "انصراف"})
_CHINESE_POLITE = ("请", "麻烦", "你好", "您好", "我要", "我想", "帮我")
_NEAR_STOP = words.STOP_WORDS - {"td"}


def is_stop(text: str, *, iranian: bool = False) -> bool:
    """True when the sender wants no more messages, in any of the five languages."""
    tokens = [spelled(word, _NEAR_STOP, ()) for word in words_of(normalised(text))]
    if not tokens:
        return False
    if iranian and tokens == [words.IRAN_STOP_NUMBER]:
        return True
    meant = _without_politeness(tokens) or tokens
    if meant[0] in words.STOP_WORDS:
        something_else = len(meant) > 1 and meant[1] in words.APPOINTMENTS
        return not (meant[0] in _CANCEL and something_else)
    plain = " ".join(meant)
    return plain in words.STOP_PHRASES or any(each.search(plain) for each in words.STOP_PATTERNS)


def _without_politeness(tokens: list[str]) -> list[str]:
    meant = [token for token in tokens if token not in words.POLITE]
    if meant:
        for polite in _CHINESE_POLITE:
            meant[0] = meant[0].removeprefix(polite) or meant[0]
        ends = meant[-1] in {"کنید", "شود", "کن", "بکنید", "کنین"}
        if ends and len(meant) > 1 and meant[-2] in _CANCEL:
            meant.pop()
    return meant
