"""Rules that can never decide are found, and no rule that can is called one."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careline_router.domain.conditions import parts, sight, tokens
from careline_router.flow_config import useless_rules

pytestmark = pytest.mark.unit

NEVER = "this condition can never hold"
COVERED = "unreachable: the rules before it always decide first"


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (["crm.payer == 'cash'"], []),
        (["crm.payer == 'casch'"], [(0, NEVER)]),
        (["'casch' == crm.payer"], [(0, NEVER)]),
        (["crm.payer == 'cash' && crm.payer == 'insured'"], [(0, NEVER)]),
        (["time.hour > 23"], [(0, NEVER)]),
        (["time.hour < 8 && time.hour > 20"], [(0, NEVER)]),
        (["time.hour < 8 || time.hour > 20", "time.hour == 22"], [(1, COVERED)]),
        (["time.weekday in [6, 8]"], []),
        (["time.weekday in [0, 8]"], [(0, NEVER)]),
        (["calendar.state == 'shut'"], [(0, NEVER)]),
        (["false"], [(0, NEVER)]),
        (["true", "crm.vip"], [(1, COVERED)]),
        (["true", "calendar.state == 'closed'"], []),
        (["calendar.state == 'open'", "calendar.state != 'open'"], []),
        (["calendar.state == 'open'", "crm.vip"], [(1, COVERED)]),
        (["crm.vip", "!crm.vip", "ivr.key == '1'"], [(2, COVERED)]),
        (["crm.vip", "crm.vip && ivr.key == '1'"], [(1, COVERED)]),
        (["ivr.key in ['1', '2']", "ivr.key == '2'", "ivr.key == '3'"], [(1, COVERED)]),
        (["ivr.n > 1.0 && ivr.n < 1.4"], []),
        (["load.a.waiting > 3 && load.a.waiting < 5"], []),
        (["load.a.waiting > 3 && load.a.waiting < 4"], [(0, NEVER)]),
        (["'deaf' in crm.needs && 'dialect' in crm.needs"], []),
        (["crm.insurer == 'i1' && crm.insurer == null"], []),
        (["ivr.key.startsWith('1')", "ivr.key.startsWith('12')"], []),
        (["ivr.a + 1 == 3 && ivr.a == 7"], []),
        (["has(ivr.key)", "!has(ivr.key)", "crm.vip"], [(2, COVERED)]),
    ],
)
def test_what_decides_nothing_is_found(conditions, found) -> None:
    assert list(useless_rules(tuple(conditions))) == found


# The oracle is another evaluator over another grid: what it finds possible must not be called useless.
ATOMS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "crm.payer == 'cash'": lambda c: c["payer"] == "cash",
    "crm.payer != 'insured'": lambda c: c["payer"] != "insured",
    "crm.payer == 'gold'": lambda c: c["payer"] == "gold",
    "crm.vip": lambda c: c["vip"],
    "!crm.vip": lambda c: not c["vip"],
    "time.hour < 9": lambda c: c["hour"] < 9,
    "time.hour >= 9": lambda c: c["hour"] >= 9,
    "time.hour == 12": lambda c: c["hour"] == 12,
    "crm.insurer == 'i7'": lambda c: c["insurer"] == "i7",
    "crm.insurer in ['i7', 'i8']": lambda c: c["insurer"] in {"i7", "i8"},
    "calendar.state != 'open'": lambda c: c["state"] != "open",
    "calendar.state == 'holiday'": lambda c: c["state"] == "holiday",
}
CALLS = [
    {"payer": payer, "vip": vip, "hour": hour, "insurer": insurer, "state": state}
    for payer, vip, hour, insurer, state in product(
        ("cash", "insured", "unknown"), (True, False), range(24), ("i7", "i8", "i9", None),
        ("open", "closed", "holiday", "emergency"),
    )
]  # fmt: skip
Rule = tuple[str, list[str]]
RULES: st.SearchStrategy[list[Rule]] = st.lists(
    st.tuples(
        st.sampled_from(("&&", "||")), st.lists(st.sampled_from(sorted(ATOMS)), min_size=1, max_size=3)
    ),
    min_size=1, max_size=4,
)  # fmt: skip


def holds(rule: Rule, call: dict[str, Any]) -> bool:
    joint, atoms = rule
    return (all if joint == "&&" else any)(ATOMS[atom](call) for atom in atoms)


def decides(place: int, rules: list[Rule], call: dict[str, Any]) -> bool:
    def may(rule: Rule) -> bool:
        sees = any("calendar" in atom for atom in rule[1])
        return (call["state"] == "open" or sees) and holds(rule, call)

    return may(rules[place]) and not any(may(rule) for rule in rules[:place])


@given(RULES)
@settings(max_examples=150, deadline=None)
def test_a_rule_is_called_useless_exactly_when_it_decides_no_call(rules: list[Rule]) -> None:
    texts = tuple(f" {joint} ".join(atoms) for joint, atoms in rules)
    found = {place for place, _ in useless_rules(texts)}
    decided = [any(decides(place, rules, call) for call in CALLS) for place in range(len(rules))]
    assert not any(decided[place] for place in found), texts
    assert found == {place for place, it_does in enumerate(decided) if not it_does}, texts


def test_parts_are_what_is_joined_on_the_outside() -> None:
    assert parts("a == 'x && y' && (b || c) && d") == ["a == 'x && y'", "(b || c)", "d"]
    assert parts("a && b || c") == ["a && b", "c"]
    assert parts("a ? b : c") == ["a ? b : c"]
    assert sight("load['a-1'].ready >= 1").literals == {("load", "a-1", "ready"): [1]}


@pytest.mark.parametrize(
    "text", ["a.//\nmap(x, x)", "a. map (x, x)", r"r'\' + a.map(x, '\')", "'''a''' == a", "a == #"]
)
def test_what_hides_a_loop_is_no_condition(text) -> None:
    with pytest.raises(ValueError, match=r"not a condition|macro"):
        tokens(text)
