"""What an import would change of a calendar: which days close, and which are worked after all."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

DayKind = Literal["closed", "working"]
Effect = Literal["new", "known", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDay:
    """A day as a source has it: closed, or worked though its weekday is not (transferred)."""

    day: date
    name: str
    kind: DayKind = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedDay(NamedDay):
    """`new` it would become so; `known` it is so; `kept` the calendar says the opposite, and goes on to."""

    effect: Effect


def weighed(
    days: Iterable[NamedDay], *, closed: Collection[date], working: Collection[date]
) -> tuple[ProposedDay, ...]:
    """What each day would do to a calendar with these days, in order, one a date.

    What somebody has put down by hand goes before what is imported; of two names for one day both are shown.
    """
    merged: dict[date, NamedDay] = {}
    for each in sorted(days, key=lambda day: (day.day, day.kind, day.name)):
        before = merged.get(each.day)
        if before is not None:
            names = dict.fromkeys([*before.name.split("; "), each.name])
            each = NamedDay(day=each.day, name="; ".join(names), kind=before.kind)  # noqa: PLW2901 - one a date
        merged[each.day] = each
    return tuple(
        ProposedDay(
            day=each.day, name=each.name, kind=each.kind, effect=_effect(each, closed, working)
        )
        for each in merged.values()
    )


def _effect(day: NamedDay, closed: Collection[date], working: Collection[date]) -> Effect:
    same, opposite = (closed, working) if day.kind == "closed" else (working, closed)
    if day.day in same:
        return "known"
    return "kept" if day.day in opposite else "new"
