"""Replies whose bytes were read by the wrong rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain import encodings
from careline_surveys.domain.definitions import Question
from careline_surveys.reading import read_reply

pytestmark = pytest.mark.unit

CSI = Question(id="csi", kind="csi")
TEXT = Question(id="why", kind="text")


@pytest.mark.parametrize(
    "text", ["отлично, спасибо", "۵", "۵ عالی بود", "非常满意", "пять 👍", "خمسة"]
)
def test_utf_8_read_byte_by_byte_is_put_right(text) -> None:
    assert encodings.legible(text.encode().decode("latin-1")) == text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("отлично", "cp1251"), ("非常满意", "cp1251"), ("café, très bien", "cp1252")],
)
def test_utf_8_read_by_the_code_page_of_a_country_is_put_right(text, wrong) -> None:
    assert encodings.legible(text.encode().decode(wrong)) == text


@pytest.mark.parametrize("text", ["отлично", "عالی", "пять"])
def test_ucs_2_read_as_octets_is_put_right(text) -> None:
    assert encodings.legible(text.encode("utf-16-be").decode("latin-1")) == text


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "Привет, всё хорошо",
        "сöme naïve café",
        "عالی بود ۵",
        "非常满意",
        "😀",
        "Ã",
        "",
        "ÀÉÎ",
        "小",
        "ЕЁ",
    ],
)
def test_what_is_legible_stays_as_it_is(text) -> None:
    assert encodings.legible(text) == text


def test_what_nobody_types_goes() -> None:
    assert encodings.legible("5\0\ud83d!") == "5!"


@given(st.text(max_size=100))
def test_any_text_can_be_kept_and_is_put_right_once(text) -> None:
    kept = encodings.legible(text)
    kept.encode()
    assert "\0" not in kept


@pytest.mark.parametrize(
    ("came", "score", "text"),
    [
        ("отлично".encode("cp1251").decode("latin-1"), 5, "отлично"),
        ("плохо".encode("cp1251").decode("cp1252"), 2, "плохо"),
        ("عالي".encode("cp1256").decode("latin-1"), 5, "عالي"),
    ],
)
def test_an_alphabet_taken_for_another_is_guessed_when_it_makes_a_score(came, score, text) -> None:
    reading = read_reply(CSI, came)
    assert reading is not None
    assert (reading.score, reading.text) == (score, text)


def test_a_guess_that_makes_no_score_is_none() -> None:
    came = "перезвоните".encode("cp1251").decode("latin-1")
    assert read_reply(CSI, came) is None
    kept = read_reply(TEXT, came)
    assert kept is not None
    assert kept.text == came


def test_of_a_reply_with_a_gap_only_its_beginning_may_be_a_score() -> None:
    gap = "5 очень […] спасибо"
    assert read_reply(CSI, gap, readable="5") is not None
    assert read_reply(CSI, gap, readable="") is None
    assert read_reply(TEXT, gap, readable="") is not None
