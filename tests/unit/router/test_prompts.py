"""Which recording somebody hears, by language, dialect and pace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.domain.flows import Branch, Flow
from careline_router.domain.prompts import fallbacks, hearing, prompt_in

pytestmark = pytest.mark.unit

EVERY = {tag: tag for tag in (
    "ru", "ru-x-slow", "ar", "ar-x-slow", "ar-EG", "ar-EG-x-slow", "*", "*-x-slow",
)}  # fmt: skip


def test_his_words_go_before_his_pace_and_that_before_his_dialect() -> None:
    assert fallbacks("ar-EG-x-slow") == (
        "ar-eg-x-slow", "ar-x-slow", "ar-eg", "ar", "*-x-slow", "*",
    )  # fmt: skip
    assert fallbacks("ar-EG") == ("ar-eg", "ar", "*")
    assert fallbacks("zh-Hant-x-south") == ("zh-hant-x-south", "zh-hant", "zh", "*")
    assert fallbacks("*-x-slow") == ("*-x-slow", "*")
    assert fallbacks(None) == ("*",)


@pytest.mark.parametrize(
    ("language", "dialect", "slow", "heard"),
    [
        ("ru", None, False, "ru"),
        ("ru", None, True, "ru-x-slow"),
        ("ar", "EG", False, "ar-EG"),
        ("ar", "ar-EG", True, "ar-EG-x-slow"),
        ("ar", "MA", True, "ar-x-slow"),  # slowly in the language before his dialect
        ("ru", "ar-EG", False, "ar-EG"),  # the line is Russian, he is not
        ("RU", "", False, "ru"),
        ("ru", "southern, I think", False, "ru"),
        ("fa", None, True, "*-x-slow"),
        (None, None, False, "*"),
        (None, "EG", False, "*"),
        (None, None, True, "*-x-slow"),
    ],
)
def test_a_caller_hears(language: str, dialect: str, slow: bool, heard: str) -> None:
    assert prompt_in(EVERY, hearing(language, dialect, slow=slow)) == heard


def test_who_cannot_be_served_in_his_own_hears_the_first_and_of_nothing_nothing() -> None:
    assert prompt_in({"ru": "a", "en": "b"}, "fa-x-slow") == "a"
    assert prompt_in({}, "ru") is None


parts = st.sampled_from(("ar", "ar-EG", "ar-EG-cairo", "ru", "*"))
tags = st.builds(lambda tag, slow: tag + ("-x-slow" if slow else ""), parts, st.booleans())


@given(st.lists(tags, unique=True, min_size=1), tags)
def test_it_is_always_the_best_that_is_there(there: list[str], hears: str) -> None:
    """By rank, and not by going through the tags: language, then pace, then how near the dialect is."""
    mine, slow = hears.removesuffix("-x-slow"), hears.endswith("-x-slow")

    def rank(tag: str) -> tuple[bool, bool, int] | None:
        plain, is_slow = tag.removesuffix("-x-slow"), tag.endswith("-x-slow")
        near = plain == "*" or f"{mine}-".startswith(f"{plain}-")
        if not near or (is_slow and not slow):
            return None
        return plain == "*", not is_slow, -len(plain)

    fit = [tag for tag in there if rank(tag) is not None]
    best = min(fit, key=lambda tag: rank(tag) or (True, True, 0)) if fit else there[0]
    assert prompt_in({tag: tag for tag in there}, hears) == best


def test_a_flow_speaks_slowly_to_the_old_and_to_whom_a_need_says_it() -> None:
    flow = Flow(
        id="f", version=1, default=Branch(queue="q"), slow_age=70, slow_needs=frozenset({"hearing"})
    )
    assert flow.is_slow(frozenset(), 70)
    assert flow.is_slow(frozenset({"hearing"}), None)
    assert not flow.is_slow(frozenset({"wheelchair"}), 69)
    assert not flow.is_slow(frozenset(), None)
