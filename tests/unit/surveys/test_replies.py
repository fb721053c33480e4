"""Replies as patients write them, in five languages: read right, or politely not at all."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain import replies
from careline_surveys.domain.definitions import SCALES
from careline_surveys.domain.letters import HAN
from careline_surveys.domain.satisfaction import KNOWN_OPINIONS

pytestmark = pytest.mark.unit

TABLES = Path(__file__).parents[2] / "support" / "replies"
"""One file a language; a line is what was asked, what the reply means, and the reply."""

LINE = re.compile(r"(csi|nps|fcr|stop) (\S+) \|(.*)\|")


LANGUAGES = {
    "5": None, "۵": None, "отлично": "ru", "عالی": "fa", "خیلی خوب": "fa", "ممتاز جيد جدًا": "ar",
    "非常满意": "zh", "good": "en", "👍": None,
}  # fmt: skip


def _replies(language: str) -> list[tuple[str, str, str]]:
    lines = TABLES.joinpath(f"{language}.txt").read_text(encoding="utf-8").splitlines()
    matches = [LINE.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(matches)
    return [
        (asked, meant, text.replace("\\n", "\n"))
        for asked, meant, text in (match.groups() for match in matches if match)
    ]


def _read(asked: str, text: str) -> str:
    if asked == "stop":
        return "yes" if replies.is_stop(text) else "no"
    if asked == "fcr":
        return {True: "yes", False: "no", None: "-"}[replies.read_yes_no(text)]
    low, high = SCALES[asked]
    score = replies.read_score(text, low=low, high=high)
    return "-" if score is None else str(score)


@pytest.mark.parametrize("asked", ["csi", "nps", "fcr", "stop"])
@pytest.mark.parametrize("language", ["fa", "ru", "zh", "en", "ar"])
def test_replies_as_patients_write_them_are_read_right_or_refused(language, asked) -> None:
    table = [(meant, text) for kind, meant, text in _replies(language) if kind == asked]
    assert len(table) >= 15
    wrong = [(text, meant, _read(asked, text)) for meant, text in table]
    assert [each for each in wrong if each[1] != each[2]] == []


def test_eleven_stops_nothing_for_other_numbers() -> None:
    assert not replies.is_stop("11")


@pytest.mark.parametrize("text", ["11", "۱۱", "لغو۱۱"])
def test_eleven_stops_for_an_iranian_number(text) -> None:
    assert replies.is_stop(text, iranian=True)


@pytest.mark.parametrize(("text", "language"), LANGUAGES.items())
def test_the_letters_of_a_reply_tell_its_language(text, language) -> None:
    assert replies.language_of(text) == language


DIGITS = ["0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "०१२३४५६७८९"]
AROUND = st.text(alphabet=" !.?\u200f\u200c\u00a0\ufe0f*()\"'", max_size=4)


@given(score=st.integers(1, 5), script=st.sampled_from(DIGITS), before=AROUND, after=AROUND)
def test_one_digit_of_any_script_with_anything_harmless_around_it(
    score, script, before, after
) -> None:
    assert replies.read_score(before + script[score] + after, low=1, high=5) == score


SPOKEN = [(phrase, score) for phrase, score in KNOWN_OPINIONS.items() if phrase[-1].isalpha()]


@given(
    said=st.sampled_from(SPOKEN),
    drawn_out=st.integers(3, 9),
    mark=st.sampled_from(["", "!", "!!!", ".", ")))", " 👍", " спасибо", ", thanks", "، ممنون"]),
)
def test_a_word_drawn_out_or_decorated_means_what_it_means(said, drawn_out, mark) -> None:
    phrase, score = said
    text = phrase if HAN.search(phrase) else phrase + phrase[-1] * drawn_out
    assert replies.read_score(text + mark, low=1, high=5) == score


@given(said=st.sampled_from(SPOKEN), given_score=st.integers(1, 5))
def test_a_number_is_never_read_against_an_opinion_beside_it(said, given_score) -> None:
    phrase, score = said
    read = replies.read_score(f"{given_score} {phrase}", low=1, high=5)
    assert read in {given_score, None}
    if abs(given_score - score) > 1:
        assert read is None


@given(number=st.integers(6, 10**12), script=st.sampled_from(DIGITS))
def test_a_number_beyond_the_scale_is_never_a_score(number, script) -> None:
    text = "".join(script[int(digit)] for digit in str(number))
    assert replies.read_score(text, low=1, high=5) is None


@given(text=st.text(max_size=200))
def test_no_text_at_all_breaks_the_reader(text) -> None:
    score = replies.read_score(text, low=0, high=10)
    assert score is None or 0 <= score <= 10
    csi = replies.read_score(text, low=1, high=5)
    assert csi is None or 1 <= csi <= 5
    assert replies.read_yes_no(text) in {True, False, None}
    assert replies.is_stop(text) in {True, False}
    replies.language_of(text)


@given(first=st.integers(1, 5), second=st.integers(1, 5))
def test_two_numbers_are_no_score_unless_the_second_is_the_scale(first, second) -> None:
    read = replies.read_score(f"{first} из {second}", low=1, high=5)
    assert read == (first if second == 5 else None)
