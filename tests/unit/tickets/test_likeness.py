"""Telling words: few, rare, and enough of them that chance is no explanation."""

import re
from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_tickets.db.wording import with_enough
from careline_tickets.domain.likeness import MOST_SHARE, MOST_WORDS, at_least, telling

CHANCES = st.lists(st.floats(0, 1), max_size=8)


@given(CHANCES, st.integers(0, 8))
def test_at_least_counts_every_case(chances: list[float], least: int) -> None:
    cases = product((True, False), repeat=len(chances))
    total = sum(
        prod(one if hit else 1 - one for hit, one in zip(case, chances, strict=True))
        for case in cases
        if sum(case) >= least
    )
    assert at_least(least, chances) == pytest.approx(total, abs=1e-9)


def test_the_rarest_words_tell_and_two_of_them_are_enough() -> None:
    share = {"the": 0.9, "clinic": 0.3, "waiting": 0.01}
    found = telling(["the", "clinic", "waiting", "osteotomy", "ligament"], share, 0.0)
    assert found is not None
    assert (found.words, found.least) == (("osteotomy", "ligament", "waiting"), 2)


@given(
    st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=8, unique=True),
    st.integers(1, 8),
    st.sets(st.sampled_from("abcdefghij")),
)
def test_the_query_holds_for_texts_with_enough_of_the_words(
    words: list[str], least: int, text: set[str]
) -> None:
    least = min(least, len(words))
    query = with_enough(words, least).replace("&", "and").replace("|", "or")
    holds = eval(re.sub(r"'(\w)'", r"('\1' in text)", query), {"text": text})
    assert holds == (len(text & {*words}) >= least)


def test_common_words_alone_must_all_be_there() -> None:
    found = telling(["the", "clinic", "my"], dict.fromkeys(["the", "clinic", "my"], 0.5), 0.0)
    assert found is not None
    assert found.least == 3
    assert telling(["the", "clinic"], {}, 0.0) is None


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 0.3), min_size=3, max_size=40))
def test_chance_explains_little_unless_all_words_are_needed(share: dict[str, float]) -> None:
    found = telling([*share], share, 0.0)
    assert found is not None
    assert found.least < len(found.words) or len(found.words) == min(MOST_WORDS, len(share))
    chance = at_least(found.least, [share[word] for word in found.words])
    assert found.chance == pytest.approx(chance, abs=1e-12)
    assert chance <= MOST_SHARE or found.least == len(found.words)
