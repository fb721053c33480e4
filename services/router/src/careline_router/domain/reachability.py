"""Whether the rules of a flow can decide anything: which never hold, which others always go before.

A condition that only compares paths with literals is decided by trying it: each path takes every
literal that it is compared with, what lies between and beside them, and nothing at all. What is not so
plain, or would take too many tries, is left alone: nothing is called wrong that may be right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import Any

from careline_router.domain.conditions import LISTS, Path, Sight

MOST_TRIES = 3000
CALENDAR: Path = ("calendar", "state")
_ABSENT = object()
_VOCABULARIES: Mapping[Path, tuple[Any, ...]] = {
    CALENDAR: ("open", "closed", "holiday", "emergency"),
    ("crm", "payer"): ("cash", "insured", "unknown"),
    ("crm", "status"): ("found", "unknown", "timed_out", "failed"),
    ("crm", "vip"): (True, False),
    ("crm", "cached"): (True, False),
}
_RANGES: Mapping[Path, tuple[int, int]] = {
    ("time", "hour"): (0, 23),
    ("time", "minute"): (0, 59),
    ("time", "weekday"): (1, 7),
}
_SOMETHING_ELSE = "\x7fsomething else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A rule's condition as it is tried; `sees_calendar` as in `flows.Rule`."""

    sight: Sight
    holds: Callable[[Mapping[str, Any]], bool]
    sees_calendar: bool


def faults(rules: Sequence[Tried]) -> Iterator[tuple[int, str]]:
    """Each rule that can never decide, by its place, and why."""
    for place, rule in enumerate(rules):
        if never_holds(rule):
            yield place, "this condition can never hold"
            continue
        before = [each for each in rules[:place] if each.sight.is_plain and not never_holds(each)]
        if is_covered(rule, before):
            yield place, "unreachable: the rules before it always decide first"


def never_holds(rule: Tried) -> bool:
    """Whether no call at all fulfils the condition, as far as that can be tried."""
    if not rule.sight.is_plain:
        return False
    cases = _cases([rule])
    return cases is not None and not any(rule.holds(facts) for facts in cases)


def is_covered(rule: Tried, before: Sequence[Tried]) -> bool:
    """Whether whatever fulfils the condition fulfils one of those before it."""
    if not before:
        return False
    own = [rule] if rule.sight.is_plain else []
    cases = _cases([*own, *before], calendar=True)
    if cases is None:  # too many to be tried together
        return len(before) > 1 and any(is_covered(rule, [each]) for each in before)
    for facts in cases:
        is_open = facts["calendar"]["state"] == "open"
        if not (is_open or rule.sees_calendar) or (own and not rule.holds(facts)):
            continue
        if not any((is_open or each.sees_calendar) and each.holds(facts) for each in before):
            return False
    return True


def _cases(rules: Sequence[Tried], *, calendar: bool = False) -> list[dict[str, Any]] | None:
    """Facts in which everything is tried that the rules look at; None when there would be too many."""
    literals: dict[Path, list[Any]] = {CALENDAR: []} if calendar else {}
    for rule in rules:
        for path, found in rule.sight.literals.items():
            literals.setdefault(path, []).extend(found)
    values = {path: _values(path, found) for path, found in literals.items()}
    nested = any(one != other and other[: len(one)] == one for one in values for other in values)
    if nested or prod(len(each) for each in values.values()) > MOST_TRIES:
        return None
    return [_facts(zip(values, case, strict=True)) for case in product(*values.values())]


def _facts(values: Iterator[tuple[Path, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for path, value in values:
        here = facts
        for word in path[:-1]:
            here = here.setdefault(word, {})
        if value is not _ABSENT:
            here[path[-1]] = value
    return facts


def _values(path: Path, literals: Sequence[Any]) -> list[Any]:
    """What is tried of a path."""
    if path in _VOCABULARIES:
        return list(_VOCABULARIES[path])
    if path in LISTS:
        words = [literal for literal in dict.fromkeys(literals) if isinstance(literal, str)]
        return [[], *([word] for word in words), *([words] if len(words) > 1 else [])]
    texts = [literal for literal in literals if isinstance(literal, str)]
    tried: list[Any] = [*dict.fromkeys(texts), *_numbers(path, literals)]
    if texts:
        tried.append(_SOMETHING_ELSE)
    if not tried or any(isinstance(literal, bool) for literal in literals):
        tried += [True, False]
    if path in _RANGES:
        return tried
    return [*tried, None if path[0] in {"crm", "call", "line"} else _ABSENT]


def _numbers(path: Path, literals: Sequence[Any]) -> list[float]:
    """The numbers themselves, beside them and between them; whole ones where only such come."""
    known = {each for each in literals if not isinstance(each, bool | str)}
    found: list[float] = sorted(known)
    if path in _RANGES:
        low, high = _RANGES[path]
        whole = {int(each) + step for each in found for step in (-1, 0, 1, 2)} | {low, high}
        return [each for each in sorted(whole) if low <= each <= high]
    if not found:
        return []
    beside: set[float] = set()
    beside.update(each + step for each in found for step in (-1, 0, 1))
    if path[0] != "load":
        beside.update((one + other) / 2 for one, other in pairwise(found))
    return sorted(beside)
