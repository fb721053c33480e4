"""Where a call goes: the first rule that holds, else the default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from careline_router.domain.prompts import prompt_in
from careline_router.domain.terms import NO_TERMS, Terms
from careline_router.domain.words import LineState, Payer, Priority

if TYPE_CHECKING:
    from careline_router.domain.self_service import SelfService


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What happens to a call. `priority` None: by payer.

    So many seconds it waits for the agent who had the caller last, or has his open appeal, alone.
    `announcements` are by language. Without `callback` the caller is not offered to be called back.
    """

    queue: str
    skills: Mapping[str, int] = field(default_factory=dict)
    priority: Priority | None = None
    prefer_last_agent_s: float = 0.0
    prefer_owner_s: float = 0.0
    announcements: Mapping[str, str] = field(default_factory=dict)
    callback: bool = True
    terms: Terms = NO_TERMS
    consent: Mapping[str, str] = field(default_factory=dict)
    """What callers hear of being recorded, by language."""

    def heard(self, hears: str | None) -> tuple[str, ...]:
        """What a caller hears before he waits."""
        media = (prompt_in(texts, hears) for texts in (self.announcements, self.consent))
        return tuple(each for each in media if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`holds` is the compiled condition; it inherits nothing from the default.

    One that `sees_calendar` decides at any time, the others in working time alone.
    """

    holds: Callable[[Mapping[str, Any]], bool]
    branch: Branch
    sees_calendar: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """`sees_load` tells whether a condition looks at how full the floor is, `sees_appeals` whether anything
    depends on the caller's appeals, `sees_surge` whether a condition looks at surges of appeals, `sees_policy` whether
    one looks at his policy."""

    id: str
    version: int
    default: Branch
    rules: Sequence[Rule] = ()
    sees_load: bool = False
    sees_appeals: bool = False
    sees_surge: bool = False
    sees_policy: bool = False
    self_service: SelfService | None = None
    needs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What skills an agent must have besides, by the caller's need."""
    slow_needs: frozenset[str] = frozenset()
    slow_age: int | None = None

    def branch_for(self, facts: Mapping[str, Any], opening: LineState = "open") -> Branch | None:
        """The branch for a call with these facts; None when its line is not open and no rule is for that."""
        is_open = opening == "open"
        for rule in self.rules:
            if (is_open or rule.sees_calendar) and rule.holds(facts):
                return rule.branch
        return self.default if is_open else None

    def skills_for(self, branch: Branch, needs: Iterable[str]) -> dict[str, int]:
        """What an agent must have for somebody with these needs."""
        asked = dict(branch.skills)
        for need in needs:
            for skill, level in self.needs.get(need, {}).items():
                asked[skill] = max(level, asked.get(skill, 0))
        return asked

    def is_slow(self, needs: frozenset[str], age: int | None) -> bool:
        """Whether somebody with these needs, or of this age, is spoken to slowly."""
        service = self.self_service
        own = bool(needs & self.slow_needs) or is_reached(age, self.slow_age)
        return own or (service is not None and service.is_slow(needs, age))

    def branches(self) -> list[Branch]:
        return [*(rule.branch for rule in self.rules), self.default]


def is_reached(age: int | None, limit: int | None) -> bool:
    """Whether somebody is so old; nobody of whom it is not known."""
    return age is not None and limit is not None and age >= limit


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
