"""Reads what a patient answered: a score, yes or no, or "leave me alone".

Nothing here guesses: what could be read in two ways is not read at all, and the patient is asked
once more. A wrong score is worse than a second message.
"""

import re
import unicodedata

from careline_surveys.domain import words

_SAME_LETTERS = str.maketrans(
    {
        "ё": "е", "ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا",
        "ؤ": "و", "\u200c": " ", "\u200d": "", "\u0640": "", "\u2019": "'", "ʼ": "'",
        "\u00a0": " ", "−": "-", "،": ",", "؛": ";", "؟": "?", "。": ".", "、": ",", "٫": ".",
    }
)  # fmt: skip
_INVISIBLE = frozenset({"Mn", "Me", "Cf", "Cc"})
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)?|[^\w\s]|_")
_HAN = re.compile(r"[\u3400-\u9fff\u3007]")
_STARS = frozenset("★⭐🌟")
_YES_SIGNS = frozenset({"+", "👍", "✅", "1"})
_NO_SIGNS = frozenset({"-", "👎", "❌", "0", "2"})
_SENTENCE_ENDS = frozenset(".!;)\n")
_LONGEST_OPINION = 8
"""Words; a longer text without a digit is a story, and single words of it prove nothing."""

_NUMBER_WORDS = {word: value for value, line in words.NUMBERS.items() for word in line}


def normalised(text: str) -> str:
    """Lower case, ASCII digits, one spelling for letters that look alike, nothing invisible.

    Full-width and circled digits, digits of every script, keycaps and Arabic twins of Persian
    letters become what a person sees in them.
    """
    out: list[str] = []
    for char in unicodedata.normalize("NFKC", text).casefold().translate(_SAME_LETTERS):
        if char == "\n":
            out.append(char)
        elif unicodedata.category(char) == "Nd":
            out.append(str(unicodedata.decimal(char)))
        elif unicodedata.category(char) not in _INVISIBLE:
            out.append(char)
    return "".join(out).strip()


def _words_of(text: str) -> list[str]:
    return [token for token in _TOKEN.findall(text) if token[0].isalnum()]


def is_stop(text: str, *, iranian: bool = False) -> bool:
    """True when the sender wants no more messages, in any of the five languages."""
    tokens = _words_of(normalised(text))
    if not tokens:
        return False
    plain = " ".join(tokens)
    if plain in words.STOP_PHRASES or tokens[0] in words.STOP_WORDS:
        return True
    if any(" " in phrase and plain.startswith(f"{phrase} ") for phrase in words.STOP_PHRASES):
        return True
    if tokens[0].startswith("退订"):
        return True
    return iranian and plain == words.IRAN_STOP_NUMBER


def language_of(text: str) -> str | None:
    """The language a reply is written in, by its letters; None when it has none (a bare digit).

    Persian and Arabic share most letters: those that only one of them has decide.
    """
    counts = dict.fromkeys(("ru", "fa", "zh", "en"), 0)
    for char in text:
        if "\u0400" <= char <= "\u04ff":
            counts["ru"] += 1
        elif "\u0600" <= char <= "\u06ff" and char.isalpha():
            counts["fa"] += 1
        elif _HAN.match(char):
            counts["zh"] += 2
        elif char.isascii() and char.isalpha():
            counts["en"] += 1
    language = max(counts, key=lambda name: counts[name])
    if not counts[language]:
        return None
    persian = sum(char in "پچژگکی\u200c" for char in text)
    arabic = sum(char in "ةىيكأإ" for char in text)
    return "ar" if language == "fa" and arabic > persian else language


def read_yes_no(text: str) -> bool | None:
    """Yes, no, or None when it is neither, or both."""
    plain = normalised(text)
    tokens = _words_of(plain)
    joined = " ".join(tokens)
    if plain in _NO_SIGNS or joined in words.NO_PHRASES:
        return False
    if plain in _YES_SIGNS or joined in words.YES_PHRASES:
        return True
    if not tokens:
        return None
    return _chinese_yes_no(tokens) if _HAN.search(joined) else _spoken_yes_no(tokens)


def _spoken_yes_no(tokens: list[str]) -> bool | None:
    no = any(token in words.NO for token in tokens) or _has_phrase(tokens, words.NO_PHRASES)
    if no:
        contradicts = tokens[0] in words.YES and tokens[0] not in words.HALF_WORDS
        return None if contradicts else False
    short_and_yes = len(tokens) <= 3 and tokens[-1] in words.YES
    return True if tokens[0] in words.YES or short_and_yes else None


def _chinese_yes_no(tokens: list[str]) -> bool | None:
    first = tokens[0]
    if first in words.NO_PHRASES or first.startswith(("没", "未", "不", "否", "尚未", "还没")):
        return False
    if first in words.YES_PHRASES or first.startswith(("是", "解决了", "已解决", "已经", "对")):
        return None if any(token.startswith(("没", "不")) for token in tokens[1:]) else True
    return None


def _has_phrase(tokens: list[str], phrases: tuple[str, ...]) -> bool:
    padded = f" {' '.join(tokens)} "
    return any(f" {phrase} " in padded for phrase in phrases if " " in phrase)


def read_score(text: str, *, low: int, high: int) -> int | None:
    """The score between `low` and `high` that a reply names, or None when it names none surely.

    Reads "5", "۵", "5!", "пять", "5 из 5", "4/5", five stars; where the scale is 1 to 5 also words
    of satisfaction ("отлично", "非常满意"). Refuses "55", "5 of 10", "4-5" and "ждал 5 минут".
    """
    plain = normalised(text)
    stars = sum(char in _STARS for char in plain)
    if stars:
        rest = [char for char in plain if char not in _STARS and char not in "☆ !."]
        return stars if not rest and low <= stars <= high else None
    plain = _without_scale(_with_chinese_numerals(plain, high=high), low=low, high=high)
    tokens = _TOKEN.findall(plain)
    values = _numbers_in(tokens)
    if values:
        return _one_number(plain, tokens, values, low=low, high=high)
    return _satisfaction(tokens) if (low, high) == (1, 5) else None


def _with_chinese_numerals(text: str, *, high: int) -> str:
    """给五分 → 5, 满分 → the best score; 十分满意 and 一般 are words, not numbers, and stay."""
    if not _HAN.search(text) or any(char.isdigit() for char in text):
        return text
    core = "".join(char for char in text if char.isalnum())
    if core in words.CHINESE_TOP:
        return str(high)
    numeral = core.strip(words.CHINESE_FILLERS)
    value = words.CHINESE_NUMBERS.get(numeral)
    return str(value) if value is not None else text


def _without_scale(text: str, *, low: int, high: int) -> str:
    """Takes out the scale that some patients repeat ("от 1 до 5 ставлю 4")."""
    before = "|".join(re.escape(word) for word in words.BEFORE_SCALE)
    between = "|".join(re.escape(word) for word in words.BETWEEN_SCALE)
    scale = rf"(?:(?:{before})\s*)?(?<!\d){low}\s*(?:{between})\s*{high}(?!\d)"
    rest = re.sub(scale, " ", text, count=1)
    return rest if any(char.isdigit() for char in rest) else text


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
    if len(values) > 1 and not _says_one_thing(text, tokens, values, high=high):
        return None
    if len(values) == 1 and (_is_quantity(tokens, position) or re.search(r"-\d", text)):
        return None
    return value if _may_lead(tokens[:position]) else None


def _says_one_thing(
    text: str, tokens: list[str], values: list[tuple[int, int]], *, high: int
) -> bool:
    """Several numbers, one score: "4 из 5", "5 (пять)", "5. Звонил в 10 утра"."""
    (first, value), (second, other) = values[0], values[1]
    between = tokens[first + 1 : second]
    if len(values) == 2 and other == high and _means_out_of(between):
        return True
    one_in_words = tokens[first].isdecimal() != tokens[second].isdecimal()
    if len(values) == 2 and other == value and one_in_words:
        return True
    if first != 0 or not between or _glued(text):
        return False
    rest = between[1:]
    return between[0] in _SENTENCE_ENDS and any(token[0].isalpha() for token in rest)


def _means_out_of(between: list[str]) -> bool:
    return between in (["/"], ["out", "of"], ["баллов", "из"], ["балла", "из"]) or (
        len(between) == 1 and between[0] in words.OUT_OF
    )


def _glued(text: str) -> bool:
    """A decimal ("4.5") or a list ("1. 5 2. 4") is no single score."""
    return re.match(r"\s*\d+\s*[.,)]\s*\d", text) is not None


def _is_quantity(tokens: list[str], position: int) -> bool:
    following = tokens[position + 1] if position + 1 < len(tokens) else ""
    before = tokens[position - 1] if position else ""
    if following in words.UNITS or following in words.OUT_OF or following in {"%", "/", "№"}:
        return True
    if following.startswith(words.CHINESE_UNITS) or before in {"/", "<", ">"}:
        return True
    return before in words.NEGATIONS or (
        len(tokens) > position + 2 and following in words.NEGATIONS
    )


def _may_lead(before: list[str]) -> bool:
    """Only words of greeting and of scoring may stand before the number."""
    opinion = [token for token in before if token[0].isalnum()]
    return all(token in words.SCORE_LEADS for token in opinion) or (
        _satisfaction(opinion) is not None
    )


def _satisfaction(tokens: list[str]) -> int | None:
    """The score that words of satisfaction mean; None when they contradict each other."""
    plain = [token for token in tokens if token[0].isalnum()]
    if not plain or len(plain) > _LONGEST_OPINION:
        return None
    found: set[int] = set()
    position = 0
    while position < len(plain):
        length, score = _longest_phrase(plain, position)
        if score is not None:
            around = (plain[position - 1] if position else "", *plain[position + length :][:1])
            if any(token in words.NEGATIONS for token in around):
                return None
            found.add(score)
        position += length
    return found.pop() if len(found) == 1 else None


def _longest_phrase(tokens: list[str], position: int) -> tuple[int, int | None]:
    for length in range(min(5, len(tokens) - position), 0, -1):
        score = _PHRASES.get(" ".join(tokens[position : position + length]))
        if score is not None:
            return length, score
    if _HAN.match(tokens[position]):
        return 1, _chinese_phrase(tokens[position])
    return 1, None


def _chinese_phrase(text: str) -> int | None:
    """Chinese has no spaces: the longest known phrase at either end of the run counts."""
    for length in range(len(text), 0, -1):
        ends = {_PHRASES.get(text[:length]), _PHRASES.get(text[-length:])} - {None}
        if len(ends) == 1 and (length > 1 or len(text) == 1):
            return ends.pop()
        if ends:
            return None
    return None


_PHRASES = {phrase: score for score, phrases in words.SATISFACTION.items() for phrase in phrases}
