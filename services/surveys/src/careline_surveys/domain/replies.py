"""Reads which score a patient gave, in digits of any script or in words of five languages.

Nothing here guesses: what could be read in two ways is not read at all, and the patient is asked
once more. A wrong score is worse than a second message.
"""

import re

from careline_surveys.domain import words
from careline_surveys.domain.letters import (
    HAN,
    language_of,
    normalised,
    spelled,
    tokens_of,
)
from careline_surveys.domain.satisfaction import KNOWN_OPINIONS, OPINION_WORDS, opinion
from careline_surveys.domain.stopping import is_stop
from careline_surveys.domain.yes_no import read_yes_no

__all__ = ["is_stop", "language_of", "normalised", "read_score", "read_yes_no"]

_STARS = "★⭐🌟"
_STAR_RUN = re.compile(rf"[{_STARS}](?:\s*[{_STARS}])*(?:\s*☆)*")
_BEFORE_STARS = re.compile(
    rf"(\d+)\s*(?:(?:{'|'.join(words.SCORE_NOUNS)})[^\W\d]*)?[^\w{_STARS}]{{0,3}}$"
)
_LAST_AND_ALONE = re.compile(r"\w\s*[.,;!)\n]+\s*\d+\s*(?:[^\W\d]+)?\W*$")
_SENTENCE_ENDS = frozenset(".,!;:)-–—\n")
_CHINESE_SCORE = re.compile(r"([一二两三四五六七八九十零〇])(?=颗?[分星](?!钟|之|手机|级))")
_CHINESE_DIGITS = re.compile(r"[零〇一二两三四五六七八九十百千]")

_NUMBER_WORDS = {word: value for value, line in words.NUMBERS.items() for word in line}
_KNOWN = OPINION_WORDS | set(_NUMBER_WORDS) | words.SCORE_LEADS | words.UNITS
_CLOSING = words.GIVING | words.THANKS | words.FROM_ME
_GUESSABLE = sorted(OPINION_WORDS)
NO_OR_NINE = "نه"
_LONGEST_TOP = 3
_HALF_PRAISED = (3, 4)
_FURTHEST_APART = 1
"""How far the words beside a number may mean another score before they contradict it."""


def read_score(text: str, *, low: int, high: int) -> int | None:
    """The score between `low` and `high` that a reply names, or None when it names none surely.

    Reads "5", "۵", "5!", "пять", "5 из 5", "4/5", five stars; where the scale is 1 to 5 also words
    of satisfaction ("отлично", "非常满意"). Refuses "55", "5 of 10", "4-5" and "ждал 5 минут".
    """
    by_words = (low, high) == (1, 5)
    plain = _without_stars(normalised(text))
    plain = _without_scale(_with_chinese_numerals(plain, high=high), low=low, high=high)
    tokens = [spelled(token, _KNOWN, _GUESSABLE) for token in tokens_of(plain)]
    said = [token for token in tokens if token[0].isalnum()]
    if _is_top(said):
        return high
    if by_words and "?" not in plain and (meant := _nothing_but_opinion(said)) is not None:
        return meant
    if _has_half(" ".join(said)):
        return None
    values = _numbers_in(tokens)
    if not values:
        return opinion(tokens, plain) if by_words else None
    score = _one_number(plain, tokens, values, low=low, high=high)
    return None if by_words and _contradicted(tokens, score) else score


def _without_stars(text: str) -> str:
    """★★★★☆ → 4; a star or as many stars as it says after a number only repeat it."""

    def number(found: re.Match[str]) -> str:
        stars = sum(char in _STARS for char in found[0])
        said = _BEFORE_STARS.search(text[: found.start()])
        repeated = said is not None and stars in {1, int(said[1][:6])}
        return " " if repeated else f" {stars} "

    return _STAR_RUN.sub(number, text)


def _with_chinese_numerals(text: str, *, high: int) -> str:
    """给五分 → 5, 满分 → the best score; 十分满意 and 一般 are words, not numbers, and stay."""
    if not HAN.search(text) or any(char.isdigit() for char in text):
        return text
    core = "".join(char for char in text if char.isalnum())
    if any(top in core for top in words.TOP_SCORE if HAN.match(top)):
        rest = core.replace("满分", "").replace("最高分", "").strip(words.CHINESE_FILLERS)
        return str(high) if not rest else text
    value = words.CHINESE_NUMBERS.get(core.strip(words.CHINESE_FILLERS))
    if value is not None:
        return str(value)
    found = _CHINESE_SCORE.search(text)
    if found is None or len(_CHINESE_DIGITS.findall(text)) != 1 or (found[1] == "十" and high < 10):
        return text
    return f"{text[: found.start()]}{words.CHINESE_NUMBERS[found[1]]}{text[found.end() :]}"


def _without_scale(text: str, *, low: int, high: int) -> str:
    """Takes out the scale that some patients repeat ("от 1 до 5 ставлю 4")."""
    before = "|".join(re.escape(word) for word in words.BEFORE_SCALE)
    between = "|".join(re.escape(word) for word in words.BETWEEN_SCALE)
    scale = rf"(?:(?:{before})\s*)?(?<!\d){low}\s*(?:{between})\s*{high}(?!\d)"
    rest = re.sub(scale, " ", text, count=1)
    return rest if any(char.isdigit() for char in rest) else text


def _is_top(said: list[str]) -> bool:
    """A word for the best of the scale, with nothing beside it but greetings, thanks and "I give"."""
    beside = words.THANKS | words.SCORE_LEADS | words.GIVING
    return any(
        " ".join(said[start:end]) in words.TOP_SCORE
        and beside.issuperset(said[:start] + said[end:])
        for start in range(len(said))
        for end in range(start + 1, min(start + _LONGEST_TOP, len(said)) + 1)
    )


def _nothing_but_opinion(said: list[str]) -> int | None:
    """The score of words that are a known phrase, thanks apart, and nothing else."""
    rest = [word for word in said if word not in words.THANKS]
    return KNOWN_OPINIONS.get(" ".join(said), KNOWN_OPINIONS.get(" ".join(rest)))


def _has_half(said: str) -> bool:
    padded = f" {said} "
    return any(f" {half} " in padded for half in words.HALVES) or any(
        half in said for half in words.CHINESE_HALVES
    )


def _numbers_in(tokens: list[str]) -> list[tuple[int, int]]:
    """(position, value) of each number, written in digits or as a word."""
    found: list[tuple[int, int]] = []
    for position, token in enumerate(tokens):
        if token.isdecimal():
            found.append((position, int(token) if len(token) <= 6 else -1))
        elif token in _NUMBER_WORDS:
            found.append((position, _NUMBER_WORDS[token]))
    return found


def _one_number(
    text: str, tokens: list[str], values: list[tuple[int, int]], *, low: int, high: int
) -> int | None:
    position, value = values[0]
    if not low <= value <= high or (
        tokens[position].isdecimal() and tokens[position] != str(value)
    ):
        return None
    spoiled = _is_quantity(tokens, position) or (len(values) > 1 and _glued(text))
    if spoiled and not _out_of_scale(tokens, values, high=high):
        return None
    told = [each for each in values[1:] if not _is_quantity(tokens, each[0])]
    if told and not _says_one_thing(text, tokens, values, high=high):
        return None
    if len(values) == 1 and re.search(r"-\d", text) and not _dash_before(tokens, position):
        return None
    if _is_other_word(tokens, position) or _conditional(tokens, position):
        return None
    alone = len(values) == 1 and _ends_a_comment(tokens, position, text)
    alone = alone or _whole_fraction(tokens, values, text, high=high)
    return value if alone or _may_lead(tokens[:position], value) else None


def _conditional(tokens: list[str], position: int) -> bool:
    """ "Would have been 5 if …" is no 5; "5, если можно" is one."""
    return position > 0 and bool(words.CONDITIONS.intersection(tokens))


def _whole_fraction(
    tokens: list[str], values: list[tuple[int, int]], text: str, *, high: int
) -> bool:
    """ "Very well handled 5/5": the score and its scale, after whatever else there was to say."""
    both = len(values) == 2 and _out_of_scale(tokens, values, high=high)
    return both and _is_plain(
        _words(tokens[: values[0][0]]), _words(tokens[values[1][0] + 1 :]), text
    )


def _ends_a_comment(tokens: list[str], position: int, text: str) -> bool:
    """ "Девушка вежливая, 5": a number that stands alone after what else there was to say."""
    behind = _words(tokens[position + 1 :])
    if _is_named(tokens, position, behind, text):
        return True
    if position == 0 or len(behind) > 1:
        return False
    if behind and not behind[0].startswith(words.SCORE_NOUNS):
        return False
    if tokens[position].isdecimal():
        return _LAST_AND_ALONE.search(text) is not None
    told = _NUMBER_WORDS[tokens[position]] != 1 and tokens[position] not in words.TWO_MEANINGS
    return told and tokens[position - 1] in ",.!;"


def _is_named(tokens: list[str], position: int, behind: list[str], text: str) -> bool:
    """ "Девушка вежливая оценка 5", "so 5 stars", "… ۵ میدم", "спасибо за помощь 5": what stands beside
    the number says that it is a score, and nothing that it might not be given."""
    before = _words(tokens[:position])
    if not before or not _is_plain(before, behind, text):
        return False
    if behind and behind[0] not in words.THANKS:
        return True
    naming = [at for at, token in enumerate(before) if token in words.SCORE_NAMES | words.GIVING]
    if naming and all(map(_leads, before[naming[-1] + 1 :])):
        return True
    return before[0] in words.THANKS


def _is_plain(before: list[str], behind: list[str], text: str) -> bool:
    """Nothing around a number denies it, asks, or makes it an hour or a door."""
    if "?" in text or words.DENIALS.intersection(before + behind) or not all(map(_closes, behind)):
        return False
    last = before[-1] if before else ""
    return last not in words.BEFORE_PLACES and not any(char in last for char in "不没未别")


def _words(tokens: list[str]) -> list[str]:
    return [token for token in tokens if token[0].isalnum()]


def _closes(token: str) -> bool:
    """Words behind a score that only say that it is one, or thank."""
    return token.startswith(words.SCORE_NOUNS) or token in _CLOSING


def _out_of_scale(tokens: list[str], values: list[tuple[int, int]], *, high: int) -> bool:
    """The number is followed by "out of" and the end of this very scale."""
    if len(values) < 2 or values[1][1] != high:
        return False
    return _means_out_of(tokens[values[0][0] + 1 : values[1][0]])


def _dash_before(tokens: list[str], position: int) -> bool:
    """A dash between words and the number ("оценка - 5"), not a sign before it."""
    return position > 1 and tokens[position - 1] == "-" and tokens[position - 2][0].isalpha()


def _says_one_thing(
    text: str, tokens: list[str], values: list[tuple[int, int]], *, high: int
) -> bool:
    """Several numbers, one score: "4 из 5", "5 (пять)", "5. Звонил в 10 утра"."""
    (first, value), (second, other) = values[0], values[1]
    between = tokens[first + 1 : second]
    if other == high and _means_out_of(between):
        rest = values[2:]
        return all(_is_quantity(tokens, place) for place, _ in rest)
    one_in_words = tokens[first].isdecimal() != tokens[second].isdecimal()
    if len(values) == 2 and other == value and one_in_words:
        return True
    if first != 0 or not between or words.EITHER.intersection(between):
        return False
    rest_words = between[1:]
    return between[0] in _SENTENCE_ENDS and any(token[0].isalpha() for token in rest_words)


def _means_out_of(between: list[str]) -> bool:
    """ "/", "из", "out of", also after a noun: "5 баллов из 5"."""
    if between and between[0].startswith(words.SCORE_NOUNS):
        between = between[1:]
    return between in (["/"], ["out", "of"]) or (len(between) == 1 and between[0] in words.OUT_OF)


def _glued(text: str) -> bool:
    """A decimal ("4.5"), a span, a time of day or a list ("1. 5 2. 4") is no single score."""
    return (
        re.match(r"\s*\d+\s*[.,):-]\s*\d", text) is not None
        or re.search(r"\d[-–:]\d|\d[/.]\d+[/.]\d", text) is not None
    )


def _is_quantity(tokens: list[str], position: int) -> bool:
    following = tokens[position + 1] if position + 1 < len(tokens) else ""
    before = tokens[position - 1] if position else ""
    if following == "-" and set(tokens[position + 2 : position + 3]) & words.ORDINALS:
        return True
    if following in words.UNITS or following in words.OUT_OF or following in {"%", "/", "№"}:
        return True
    if following.startswith(words.CHINESE_UNITS) or before in set("/<>$€£¥#№"):
        return True
    if before in words.NEGATIONS:
        return True
    denied = tokens[position + 2 : position + 4]
    return following in words.NEGATIONS and (not denied or bool(words.GIVING & set(denied)))


def _is_other_word(tokens: list[str], position: int) -> bool:
    """ "One operator was rude", "نه" for no: number words that are no numbers where they stand.

    They are where the unit of a score, the end of its scale or nothing follows; a word with two
    meanings also needs something before it that asks for a number.
    """
    word = tokens[position]
    two_meanings = word in words.TWO_MEANINGS
    if word.isdecimal() or word in words.MARKS or not (two_meanings or _NUMBER_WORDS[word] == 1):
        return False
    rest = tokens[position + 1 :]
    if rest and (rest[0].startswith(words.SCORE_NOUNS) or _means_out_of(rest[:1])):
        return False
    if rest[:2] == ["out", "of"]:
        return False
    ends = not rest or not rest[0][0].isalnum() or rest[0] in words.THANKS | words.ONLY
    if two_meanings:
        return not ends or (word == NO_OR_NINE and not any(map(_leads, tokens[:position])))
    return not ends and opinion(rest, "") != 1


def _may_lead(before: list[str], value: int) -> bool:
    """Only words of greeting and of scoring may stand before the number, or an opinion like it."""
    said = [token for token in before if token[0].isalnum()]
    if not said or all(_leads(token) for token in said):
        return True
    if " ".join(said) in words.HALF_PRAISE:
        return value in _HALF_PRAISED
    meant = opinion(before, "")
    return meant is not None and abs(meant - value) <= _FURTHEST_APART


def _leads(token: str) -> bool:
    return token in words.SCORE_LEADS or not token.strip(words.CHINESE_LEADS)


def _contradicted(tokens: list[str], score: int | None) -> bool:
    """Words that are nothing but an opinion, and mean quite another score than the number."""
    rest = [token for token in tokens if token[0].isalpha() and token not in _NUMBER_WORDS]
    meant = _nothing_but_opinion(rest)
    return score is not None and meant is not None and abs(meant - score) > _FURTHEST_APART
