"""Subjects guessed from words: right where words tell, honest beside always naming the commonest."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_tickets.domain.classifying import LEAST_APPEALS, SMOOTHING, Example, trained, tried

OWN = {"refusal": ["refused", "appointment"], "drugs": ["insulin", "pharmacy"], "money": ["refund"]}
NOISE = [f"word{number}" for number in range(200)]


def appeals(count: int, seed: int = 1, told: float = 0.9) -> list[Example]:
    """Appeals of which `told` hold a word of their subject, among words of no meaning."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        subject = chance.choices(list(OWN), [6, 3, 1])[0]
        words = chance.sample(NOISE, 12)
        if chance.random() < told:
            words.append(chance.choice(OWN[subject]))
        made.append((subject, words))
    return made


def test_words_of_a_subject_lead_to_it() -> None:
    model = trained(appeals(600))
    assert model is not None
    for subject, words in OWN.items():
        for word in words:
            guesses = model.guesses([word, "word1", "never seen"])
            assert guesses[0].subject == subject
            assert guesses == sorted(guesses, key=lambda guess: -guess.score)
    assert model.guesses(["never seen"]) == model.guesses([]) == []


def test_held_back_appeals_are_guessed_better_than_the_majority_where_words_tell() -> None:
    trial = tried(appeals(1000))
    assert trial is not None
    assert (trial.appeals, trial.majority) == (200, "refusal")
    assert trial.right / trial.appeals > 0.85
    assert 0.4 < trial.majority_right / trial.appeals < 0.75


def test_held_back_appeals_tell_when_words_tell_nothing() -> None:
    trial = tried(appeals(1000, told=0.0))
    assert trial is not None
    assert trial.right <= trial.majority_right + 20


def test_too_few_appeals_or_one_subject_teach_nothing() -> None:
    assert trained(appeals(LEAST_APPEALS - 1)) is None
    assert tried(appeals(LEAST_APPEALS)) is None
    assert trained([("drugs", ["insulin"])] * 1000) is None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sets(st.sampled_from("xyz"))), max_size=30))
def test_a_word_weighs_what_it_was_counted(told: list[tuple[str, set[str]]]) -> None:
    examples: list[Example] = [*told, *[("a", {"x"})] * 30, *[("b", {"y"})] * 30]
    model = trained(examples)
    assert model is not None
    vocabulary = {word for _, words in examples for word in words}
    for subject in "ab":
        texts = [words for name, words in examples if name == subject]
        whole = sum(map(len, texts)) + SMOOTHING * len(vocabulary)
        for word in vocabulary:
            count = sum(word in words for words in texts)
            weight = model.words[word].get(subject, model.unseen[subject])
            assert math.exp(weight) == pytest.approx((count + SMOOTHING) / whole)
