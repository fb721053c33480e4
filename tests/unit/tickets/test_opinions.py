"""Opinions that say the same come together, and tell of nobody."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_tickets.domain.opinions import Opinion, grouped

pytestmark = pytest.mark.unit

TRANSPORT = (
    "please run a bus from the station to the district hospital",
    "a bus to the district hospital from the station would help the old",
    "the district hospital needs a bus that goes to the station",
)
CHILDREN = (
    "open the children dentist also on saturday morning",
    "let the children dentist work on saturday",
)
OTHERS = ("print the policy on plastic cards", "shorten the queue for the magnetic tomograph")


def opinions(texts: Sequence[str], subject: str | None = "care") -> list[Opinion]:
    return [
        Opinion(
            id=f"t{number}",
            subject=subject,
            person=f"p{number}",
            words=frozenset(text.split()),
            spoken=frozenset(text.split()),
        )
        for number, text in enumerate(texts)
    ]


def members(found: Sequence[Opinion]) -> list[list[str]]:
    return [sorted(each.id for each in group.opinions) for group in grouped(found, {"the": 0.9})]


def test_what_says_the_same_in_other_words_is_one_group() -> None:
    found = opinions([*TRANSPORT, *CHILDREN, *OTHERS])
    assert members(found) == [["t0", "t1", "t2"], ["t3", "t4"], ["t5"], ["t6"]]
    first, second, *_ = grouped(found, {"the": 0.9})
    assert {"hospital", "station", "district", "bus"} <= set(first.words)
    assert {"dentist", "saturday", "children"} <= set(second.words)
    assert first.people == 3


def test_the_same_words_on_two_subjects_are_two_groups() -> None:
    one, two = opinions(TRANSPORT[:2]), opinions(TRANSPORT[:2], subject=None)
    both = [*one, *(Opinion(id=f"n{each.id}", subject=None, person=each.person, words=each.words) for each in two)]  # fmt: skip
    assert sorted(members(both)) == [["nt0", "nt1"], ["t0", "t1"]]


def test_words_of_one_person_alone_and_numbers_are_not_told() -> None:
    text = "bus station hospital district ivanov 4012"
    same = [
        Opinion(id=f"t{number}", subject="care", person="p", words=frozenset(text.split()))
        for number in range(3)
    ]
    (group,) = grouped(same, {})
    assert group.words == ()
    other = Opinion(
        id="t9",
        subject="care",
        person="q",
        words=frozenset(["bus", "station", "hospital", "district", "4012"]),
    )
    (group,) = grouped([*same, other], {})
    assert set(group.words) == {"bus", "station", "hospital", "district"}


def test_a_stem_is_told_as_people_write_it() -> None:
    found = [
        Opinion(
            id=f"t{number}",
            subject="care",
            person=f"p{number}",
            words=frozenset({"больниц", "автобус", "районн"}),
            spoken=frozenset({"больницу" if number else "больница", "автобус", "районную"}),
        )
        for number in range(3)
    ]
    (group,) = grouped(found, {})
    assert set(group.words) == {"больницу", "автобус", "районную"}


words = st.frozensets(st.sampled_from("abcdefghij"), max_size=6)


@given(texts=st.lists(words, max_size=12), subjects=st.randoms(use_true_random=False))
def test_each_opinion_is_in_one_group_of_its_subject_whatever_the_order(
    texts: list[frozenset[str]], subjects: st.DataObject
) -> None:
    found = [
        Opinion(id=f"t{number:02}", subject="ab"[number % 2], person=f"p{number % 3}", words=each)
        for number, each in enumerate(texts)
    ]
    groups = grouped(found, {})
    assert sorted(each.id for group in groups for each in group.opinions) == [
        each.id for each in found
    ]
    for group in groups:
        assert {each.subject for each in group.opinions} == {group.subject}
        center, *others = group.opinions
        assert all(center.words & each.words for each in others)
    shuffled = list(found)
    subjects.shuffle(shuffled)  # type: ignore[attr-defined]
    assert grouped(shuffled, {}) == groups
