"""Words of satisfaction and the score from 1 to 5 that they mean."""

from careline_surveys.domain import words
from careline_surveys.domain.letters import HAN

KNOWN_OPINIONS: dict[str, int] = {
    phrase: score for score, phrases in words.SATISFACTION.items() for phrase in phrases
}
OPINION_WORDS = frozenset(
    word for phrase in KNOWN_OPINIONS for word in phrase.split() if not HAN.match(word)
)
LONGEST_OPINION = 8
"""Words; a longer text without a digit is a story, and single words of it prove nothing."""

_LONGEST_PHRASE = 5
_STRONGER = {5: 5, 4: 5, 3: 3, 2: 1, 1: 1}
_STRONGER_BEHIND = {5: 5, 4: 5, 3: 4, 2: 1, 1: 1}
"""In Arabic good (3 of 5) becomes very good (4), as in school."""
_CHINESE_SHRUGS = frozenset({"好吧", "行吧", "好了"})
_CHINESE_DENIALS = "不没无未吗么"


def opinion(tokens: list[str], plain: str) -> int | None:
    """The score that words of satisfaction mean; None when they contradict each other.

    A question ("满意吗?", "are you happy?") is none; `plain` is the text that the tokens are of.
    """
    said = [token for token in tokens if token[0].isalnum()]
    if not said or len(said) > LONGEST_OPINION or "?" in plain:
        return None
    found: set[int] = set()
    position = 0
    while position < len(said):
        length, score = _longest_phrase(said, position)
        if score is not None:
            before = said[position - 1] if position else ""
            behind = said[position + length : position + length + 1]
            if before in words.NEGATIONS or words.DENIED_BEFORE & set(behind):
                return None
            found.add(score)
        position += length
    return found.pop() if len(found) == 1 else None


def _longest_phrase(said: list[str], position: int) -> tuple[int, int | None]:
    """(words, score) of what stands here; with a "very" before or behind it counts stronger."""
    for length in range(min(_LONGEST_PHRASE, len(said) - position), 0, -1):
        score = KNOWN_OPINIONS.get(" ".join(said[position : position + length]))
        if score is not None:
            behind = said[position + length : position + length + 1]
            if behind and behind[0] in words.AFTER_INTENSIFIERS:
                return length + 1, _STRONGER_BEHIND[score]
            return length, score
    if said[position] in words.INTENSIFIERS and position + 1 < len(said):
        length, score = _longest_phrase(said, position + 1)
        return length + 1, None if score is None else _STRONGER[score]
    if HAN.match(said[position]):
        return 1, _chinese_phrase(said[position])
    return 1, None


def _chinese_phrase(text: str) -> int | None:
    """Chinese has no spaces: the longest known phrase at either end of the run counts."""
    if text in _CHINESE_SHRUGS:
        return None
    text = text.rstrip("吧啊哦呢哈呀") or text
    for length in range(len(text), 0, -1):
        ends = {
            KNOWN_OPINIONS.get(phrase)
            for phrase, rest in (
                (text[:length], text[length:]),
                (text[-length:], text[: len(text) - length]),
            )
            if not any(char in _CHINESE_DENIALS for char in rest)
        } - {None}
        if len(ends) == 1 and (length > 1 or len(text) == 1):
            return ends.pop()
        if ends:
            return None
    return None
