"""Where a call goes: the first rule that holds, else the default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from careline_router.domain.words import Payer, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What happens to a call. `priority` None: by payer.

    So many seconds it waits for the agent who had the caller last, or has his open appeal, alone.
    """

    queue: str
    skills: Mapping[str, int] = field(default_factory=dict)
    priority: Priority | None = None
    prefer_last_agent_s: float = 0.0
    prefer_owner_s: float = 0.0


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


def preferred_agent(
    branch: Branch, *, owner: str | None, last_agent: str | None
) -> tuple[str | None, float]:
    """For whom a call waits alone, and for how many seconds; who has his appeal goes first."""
    if owner is not None and branch.prefer_owner_s > 0:
        return owner, branch.prefer_owner_s
    if last_agent is not None and branch.prefer_last_agent_s > 0:
        return last_agent, branch.prefer_last_agent_s
    return None, 0.0


def priority_of(branch: Branch, payer: Payer) -> Priority:
    """The branch's class, else the payer's; a payer nobody knows counts as insured."""
    if branch.priority is not None:
        return branch.priority
    return "cash" if payer == "cash" else "insured"
