"""Who gets an appeal, against a plain reading of the rules."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careline_tickets.domain.assignment import (
    Absence,
    Floor,
    Scope,
    Work,
    Worker,
    assignee,
    most_specific,
    stand_in,
)

pytestmark = pytest.mark.unit

MONDAY = date(2026, 3, 2)
WORK = Work(subject="care", territory="46", insurer="ins7", language="ru")


def away(substitute: str | None = None) -> tuple[Absence, ...]:
    return (Absence(first=MONDAY, last=MONDAY, substitute=substitute),)


def floor(*workers: Worker, present: str = "", **loads: int) -> Floor:
    return Floor(
        everybody={one.id: one for one in workers},
        loads=loads,
        present=frozenset(present),
        day=MONDAY,
    )


def given_to(floor: Floor, but: str | None = None) -> str | None:
    return assignee(tuple(floor.everybody), WORK, floor, but=but)


def test_who_has_least_to_do_gets_it_and_of_equals_who_is_named_first() -> None:
    a, b = Worker(id="a"), Worker(id="b")
    assert given_to(floor(a, b)) == "a"
    assert given_to(floor(a, b, a=2, b=1)) == "b"
    assert given_to(floor(a, b, a=2, b=1), but="b") == "a"


def test_who_is_for_it_comes_before_who_is_for_everything() -> None:
    here = Worker(id="here", scope=Scope(territories=frozenset({"46"})))
    other = Worker(id="other", scope=Scope(territories=frozenset({"77"})))
    assert given_to(floor(other, Worker(id="any"), here, here=9)) == "here"
    assert given_to(floor(other, Worker(id="any"))) == "any"
    assert given_to(floor(other)) == "other", "better somebody of the group than nobody"


def test_who_is_at_work_comes_before_who_has_less_to_do() -> None:
    assert given_to(floor(Worker(id="a"), Worker(id="b"), present="b", b=5)) == "b"


def test_who_is_full_gets_no_more() -> None:
    full = Worker(id="a", max_open=3)
    assert given_to(floor(full, a=3)) is None
    assert given_to(floor(full, a=2)) == "a"


def test_a_substitute_stands_in_and_his_own_stands_in_for_him() -> None:
    a, b = Worker(id="a", absences=away("b")), Worker(id="b", absences=away("c"))
    assert given_to(Floor(everybody={"a": a, "b": b}, loads={}, day=MONDAY)) == "c"
    everybody = {"a": a, "b": Worker(id="b", absences=away("a"))}
    assert stand_in(a, everybody, MONDAY) is None, "a circle of people who are away"
    assert stand_in(a, everybody, date(2026, 3, 3)) is a
    assert given_to(floor(Worker(id="a", absences=away()))) is None


names = st.sampled_from("abcd")
lists = st.frozensets(st.sampled_from(["46", "77"]), max_size=2)
workers = st.builds(
    Worker,
    id=names,
    scope=st.builds(Scope, territories=lists),
    max_open=st.none() | st.integers(1, 3),
    absences=st.sampled_from([(), away(), away("a"), away("d")]),
)


@settings(max_examples=300)
@given(
    st.lists(workers, unique_by=lambda one: one.id, max_size=4),
    st.dictionaries(names, st.integers(0, 4)),
)
def test_whoever_gets_it_is_there_and_has_room(
    everybody: list[Worker], loads: dict[str, int]
) -> None:
    known = {one.id: one for one in everybody}
    chosen = assignee(tuple(known), WORK, Floor(everybody=known, loads=loads, day=MONDAY))

    def can(name: str) -> bool:
        worker = known.get(name, Worker(id=name))
        room = worker.max_open is None or loads.get(name, 0) < worker.max_open
        return not worker.absences and room

    if chosen is not None:
        assert can(chosen)
    elif not any(one.scope.territories for one in everybody):
        assert not any(can(one.id) for one in everybody), "somebody could have had it"


def test_a_level_has_its_group_for_what_an_appeal_is_about() -> None:
    groups = [
        ("all", Scope()),
        ("region", Scope(territories=frozenset({"46"}))),
        ("region-ru", Scope(territories=frozenset({"46"}), languages=frozenset({"ru"}))),
        ("other", Scope(territories=frozenset({"77"}), languages=frozenset({"ru"}))),
    ]
    assert most_specific(groups, WORK) == "region-ru"
    assert most_specific(groups[:1], WORK) is None, (
        "a group without conditions is asked for by name"
    )
