"""The counts of a run of the matrix, as they are kept and as a table."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from matrix import plan
from matrix.plan import Cell, Fault, Victim
from matrix.run import Budget, Outcome
from matrix.story import Struck


def as_json(
    outcome: Outcome, cells: Sequence[Cell], budget: Budget, seconds: float
) -> dict[str, Any]:
    """`struck` is how many cells were run, `inside` how many faults began before their step had ended."""
    return {
        "seed": budget.seed,
        "seconds": round(seconds, 1),
        "worlds": {str(form): count for form, count in budget.worlds.items()},
        "longest_hold_s": budget.longest_hold_s,
        "cells": {
            "applicable": len(plan.whole()),
            "asked": len(cells),
            "struck": len(outcome.struck),
            "inside": sum(struck.inside for struck in outcome.struck),
            "unreached": len(outcome.unreached),
            "not_applicable": dict(plan.not_applicable()),
        },
        "stories": outcome.stories,
        "failures": outcome.failures,
        "mutations_unnoticed": outcome.unnoticed,
        "by_victim_and_fault": _by(
            outcome.struck, lambda cell: f"{cell.form} {cell.victim} {cell.fault}"
        ),
        "by_step": _by(outcome.struck, lambda cell: str(cell.step)),
        "record": dict(sorted(outcome.counts.items())),
    }


def _by(struck: Iterable[Struck], name: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, list[Struck]] = {}
    for one in struck:
        found.setdefault(name(one.cell), []).append(one)
    return {
        key: {
            "cells": len(ones),
            "inside": sum(one.inside for one in ones),
            "mean_s": round(sum(one.seconds for one in ones) / len(ones), 2),
            "longest_s": round(max(one.seconds for one in ones), 2),
        }
        for key, ones in sorted(found.items())
    }


def as_table(outcome: Outcome) -> Table:
    """Cells by victim and fault."""
    counted: Mapping[tuple[Victim, Fault], int] = Counter(
        (struck.cell.victim, struck.cell.fault) for struck in outcome.struck
    )
    table = Table("victim", *Fault)
    for victim in Victim:
        table.add_row(victim, *(str(counted.get((victim, fault), 0)) for fault in Fault))
    return table
