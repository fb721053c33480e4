"""Variables in texts: filled, cut, and priced at their longest; segments as smsutil counts them."""

import random
from datetime import date

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys import segments
from careline_surveys.config import SurveyEntry
from careline_surveys.domain import variables
from careline_surveys.inviting import Links
from careline_surveys.preview import faults_of, text_costs

pytestmark = pytest.mark.unit

LINKS = Links("https://x/surveys", b"key")
LETTERS = "aZ 5€{[^é§ÅЖяё۵پ满意😀👩🏽‍⚕️🇮🇷𠮷\u200c\n"


def survey(text: str, language: str = "ru", **changes) -> SurveyEntry:
    body = {"key": "s", "questions": [{"id": "csi", "kind": "csi"}], "texts": {language: text}}
    return SurveyEntry.model_validate(body | changes, extra="forbid")


def faults(text: str, **changes) -> list[tuple[str, str]]:
    return list(faults_of(survey(text, **changes), LINKS))


def corpus(count: int) -> list[str]:
    """Texts of all lengths around the limits, from alphabets that mix as patients' names do."""
    chance = random.Random(1420)
    alphabets = ["abc XYZ", "abc€[]", "абв 1", "۱۲۳ پنج", "满意。", "😀👍🏽 ok", LETTERS]
    texts = ["".join(chance.choices(chance.choice(alphabets), k=size)) for size in range(400)]
    return texts + [
        "".join(chance.choices(chance.choice(alphabets), k=chance.randint(60, 320)))
        for _ in range(count)
    ]


def test_segments_are_those_of_smsutil_over_a_corpus_with_emoji() -> None:
    for text in corpus(3000):
        split = smsutil.split(text)
        counted = segments.count(text)
        assert counted.segments == len(split.parts), text
        assert (counted.encoding == "UCS-2") is (split.encoding == "utf_16_be"), text
        units = split.total_bytes // 2 if counted.encoding == "UCS-2" else split.total_bytes
        assert counted.units == units, text


def test_what_would_push_a_text_over_a_boundary_is_refused_where_it_stands() -> None:
    fits = "Оцените разговор с {agent} от 1 до 5"
    assert faults(fits) == []
    over = "ТФОМС МО: оцените разговор {date} с {agent} от 1 до 5. СТОП - отказ"
    [(path, reason)] = faults(over)
    assert path == "texts.ru"
    assert "1 SMS at its shortest, 2 (UCS-2, " in reason
    assert faults(over, variables={"agent": 5}) == []
    assert faults(over, allow_more_segments=True) == []


def test_a_name_of_other_letters_makes_another_alphabet_of_the_whole_text() -> None:
    text = "How was your call with {agent}? Reply 1 to 5, please, and STOP ends this. Thank you"
    [cost] = text_costs(survey(text, "en"), LINKS)
    assert (cost.shortest.encoding, cost.shortest.segments) == ("GSM-7", 1)
    assert (cost.longest.encoding, cost.longest.segments) == ("UCS-2", 2)
    assert [path for path, _ in faults(text, language="en")] == ["texts.en"]


def test_a_name_that_is_not_known_any_more_is_refused() -> None:
    later = [
        {"id": "csi", "kind": "csi"},
        {"id": "why", "kind": "text", "texts": {"ru": "Что сделал {agent}? {link}"}},
    ]
    [(path, reason)] = faults("1-5?", questions=later)
    assert (path, "first question only" in reason) == ("questions[1].texts.ru", True)


def test_braces_that_are_no_variable_are_sent_as_they_stand_and_pointed_out() -> None:
    [cost] = text_costs(survey("Reply 1-5 {free} {agent}", "en"), LINKS)
    assert cost.unknown == ("free",)
    assert faults("Reply 1-5 {free}", language="en") == []
    assert variables.filled("Reply 1-5 {free}", {"agent": "Anna"}) == "Reply 1-5 {free}"


def test_every_language_of_every_question_is_priced_ready_made_ones_too() -> None:
    entry = SurveyEntry.model_validate(
        {
            "key": "s",
            "questions": [
                {"id": "csi", "kind": "csi"},
                {"id": "fcr", "kind": "fcr", "texts": {"ru": "Решили?"}},
                {"id": "nps", "kind": "nps"},
            ],
            "texts": {"ru": "1-5?", "fa": "۱ تا ۵؟"},
        }
    )
    found = [(cost.question, cost.language) for cost in text_costs(entry, LINKS)]
    assert found == [
        ("csi", "ru"), ("csi", "fa"), ("fcr", "ru"), ("fcr", "fa"), ("nps", "ru"), ("nps", "fa"),
    ]  # fmt: skip
    bare = SurveyEntry.model_validate({"key": "s", "questions": [{"id": "q", "kind": "csi"}]})
    assert {cost.language for cost in text_costs(bare, LINKS)} == {"ru", "en", "fa", "zh", "ar"}


NAMES = st.text(alphabet=LETTERS, max_size=60)


@given(
    before=st.text(alphabet=LETTERS, max_size=160).filter(lambda text: "{" not in text),
    agent=NAMES,
    organisation=NAMES,
    units=st.integers(1, 40),
)
def test_no_name_ever_costs_more_than_the_preview_said(before, agent, organisation, units) -> None:
    text = before + "{agent} {date} {organisation}"
    limits = {"agent": units, "organisation": 30}
    shortest, longest = variables.extremes(text, limits)
    values = {
        "agent": variables.cut(agent, units),
        "organisation": variables.cut(organisation, 30),
        "date": variables.shown_date(date(2026, 3, 7)),
    }
    sent = segments.count(variables.filled(text, values)).segments
    assert sent <= max(segments.count(each).segments for each in longest)
    assert segments.count(shortest).segments <= sent


@given(value=st.text(max_size=80), units=st.integers(0, 50))
def test_a_value_is_cut_between_characters(value, units) -> None:
    kept = variables.cut(value, units)
    assert len(kept.encode("utf-16-be")) // 2 <= units
    assert " ".join(value.split()).startswith(kept)


def test_a_value_stays_text_whatever_stands_in_it() -> None:
    assert variables.filled("{agent}!", {"agent": "{link}"}) == "{link}!"
