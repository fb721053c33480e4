"""Letters as patients type them: one spelling for what looks or sounds alike, and whose they are."""

import re
import unicodedata
from collections.abc import Collection

_SAME_LETTERS = str.maketrans(
    {
        "ё": "е", "ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "ە": "ه", "أ": "ا", "إ": "ا", "آ": "ا",
        "ٱ": "ا", "ؤ": "و", "\u200c": " ", "\u200d": "", "\u0640": "", "\u2019": "'", "ʼ": "'",
        "\u00a0": " ", "−": "-", "،": ",", "؛": ";", "؟": "?", "。": ".", "、": ",", "٫": ".",
        "🔟": "10", "滿": "满", "満": "满", "沒": "没", "訂": "订", "謝": "谢", "評": "评", "問": "问", "題": "题",
        "還": "还", "對": "对", "優": "优", "讚": "赞", "給": "给", "個": "个", "態": "态", "務": "务",
        "決": "决", "顆": "颗", "兩": "两", "時": "时", "間": "间", "鐘": "钟", "點": "点", "會": "会",
        "錯": "错", "發": "发", "訊": "讯", "嗎": "吗", "選": "选", "壞": "坏", "爛": "烂", "極": "极",
        "將": "将", "嚴": "严", "請": "请", "別": "别", "資": "资", "較": "较", "應": "应",
    }
)  # fmt: skip
_INVISIBLE = frozenset({"Mn", "Me", "Cf", "Cc"})
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)?|[^\w\s]|_")
_CYRILLIC_TWINS = str.maketrans("aceopxykmhtb", "асеорхукмнтв")
_RUN = re.compile(r"([^\W\d_])\1+")
_LONG_RUN = re.compile(r"([^\W\d_])\1{2,}")
HAN = re.compile(r"[\u3400-\u9fff\u3007]")
SHORTEST_GUESSED = 6
"""Letters; in a shorter word one wrong letter makes another word of it."""


def normalised(text: str) -> str:
    """Lower case, ASCII digits, one spelling for letters that look alike, nothing invisible.

    Full-width and circled digits, digits of every script, keycaps, Arabic twins of Persian letters
    and traditional Chinese characters become what a person sees in them.
    """
    out: list[str] = []
    for char in unicodedata.normalize("NFKC", text).casefold().translate(_SAME_LETTERS):
        if char == "\n":
            out.append(char)
        elif unicodedata.digit(char, None) is not None:
            out.append(str(unicodedata.digit(char)))
        elif unicodedata.category(char) not in _INVISIBLE:
            out.append(char)
    return "".join(out).strip()


def tokens_of(plain: str) -> list[str]:
    """Numbers, words and single signs of a normalised text, in their order."""
    return [_in_one_script(token) for token in _TOKEN.findall(plain)]


def words_of(plain: str) -> list[str]:
    """The tokens of a normalised text without the signs."""
    return [token for token in tokens_of(plain) if token[0].isalnum()]


def _in_one_script(word: str) -> str:
    """Latin letters in a Russian word are Cyrillic ones that were typed in the other layout."""
    if word.isascii() or not any("\u0430" <= char <= "\u044f" for char in word):
        return word
    return word.translate(_CYRILLIC_TWINS)


def spelled(word: str, known: Collection[str], guessable: Collection[str]) -> str:
    """The known word that was meant: letters drawn out ("даааа"), or in a long word one mistaken.

    The word itself when it is known, when nothing is near, or words that have not one stem.
    """
    if word in known or not word.isalpha() or HAN.search(word):
        return word
    shorter = (_LONG_RUN.sub(r"\1\1", word), _LONG_RUN.sub(r"\1", word), _RUN.sub(r"\1", word))
    for each in shorter:
        if each in known:
            return each
    if len(word) < SHORTEST_GUESSED:
        return word
    near = [each for each in guessable if each[0] == word[0] and _one_slip(each, word)]
    return near[0] if len({each[:4] for each in near}) == 1 else word


def _one_slip(known: str, word: str) -> bool:
    """One letter left out, added, replaced, or two neighbours exchanged."""
    if abs(len(known) - len(word)) > 1 or len(known) < SHORTEST_GUESSED:
        return False
    at = next((i for i, (a, b) in enumerate(zip(known, word, strict=False)) if a != b), None)
    if at is None:
        return True
    rest, other = known[at:], word[at:]
    if len(known) == len(word):
        swapped = rest[:2] == other[1::-1] and rest[2:] == other[2:]
        return swapped or rest[1:] == other[1:]
    return rest[1:] == other or rest == other[1:]


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
        elif HAN.match(char):
            counts["zh"] += 2
        elif char.isascii() and char.isalpha():
            counts["en"] += 1
    language = max(counts, key=lambda name: counts[name])
    if not counts[language]:
        return None
    persian = sum(char in "پچژگکی\u200c" for char in text)
    arabic = sum(char in "ةىيكأإ" for char in text)
    return "ar" if language == "fa" and arabic > persian else language
