"""Where a call goes: the first rule that holds, else the default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from careline_router.domain.words import Payer, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What happens to a call. `priority` None: by payer."""

    queue: str
    skills: Mapping[str, int] = field(default_factory=dict)
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`holds` is the compiled condition; it inherits nothing from the default."""

    holds: Callable[[Mapping[str, Any]], bool]
    branch: Branch


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    id: str
    version: int
    default: Branch
    rules: Sequence[Rule] = ()

    def branch_for(self, facts: Mapping[str, Any]) -> Branch:
        """The branch for a call with these facts."""
        for rule in self.rules:
            if rule.holds(facts):
                return rule.branch
        return self.default

    def branches(self) -> list[Branch]:
        return [*(rule.branch for rule in self.rules), self.default]


def priority_of(branch: Branch, payer: Payer) -> Priority:
    """The branch's class, else the payer's; a payer nobody knows counts as insured."""
    if branch.priority is not None:
        return branch.priority
    return "cash" if payer == "cash" else "insured"
