"""Why an offer went where it did. Kept as the floor's own objects until somebody writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from careline_router.domain.groups import AgentGroups, Requirement, SkillGroup, group_name
from careline_router.domain.states import AgentGroup

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from careline_router.domain.policies.interface import Considered, Scores

SHOWN_AGENTS = 20


class Match(NamedTuple):
    """Call and agent, and by which rule: `policy overdue class preferred callback interrupt spare`."""

    call_id: str
    agent_id: str
    rule: str
    scores: Scores = ()
    considered: Considered = ()
    tokens: float | None = None


class Decision(NamedTuple):
    """One offer's record (api.md, `GET /calls/{id}/decisions`). `idle_counts` is by group index."""

    offer_id: str
    match: Match
    at: float
    policy: str
    flow_version: int | None
    crm: Mapping[str, Any]
    needs: Requirement
    idle_counts: array[int]
    group: SkillGroup
    agents: tuple[str, ...]
    all_groups: AgentGroups

    @property
    def groups(self) -> list[AgentGroup]:
        """Every group of the time with its idle agents, and its score or the rule that removed it.

        The rule is what the group lacks, `nobody_idle`, or `rule` for one that the policy passed over.
        """
        scores = dict(self.match.scores)
        return [
            AgentGroup(
                signature=group_name(group),
                idle=idle,
                removed_by=self._removed_by(group, idle, scores),
                score=scores.get(group.index),
            )
            for group, idle in zip(self.all_groups.groups, self.idle_counts, strict=False)
        ]

    def _removed_by(self, group: SkillGroup, idle: int, scores: Mapping[int, float]) -> str | None:
        lack = self.needs.lacks[group.index]
        if lack is not None:
            return lack
        if group is self.group or group.index in scores:
            return None
        return "rule" if idle else "nobody_idle"

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The first calls of each class that the agent could have had, with their value to him."""
        return [
            {
                "queue": waiting.queue,
                "priority": waiting.priority,
                "wait_s": round(self.at - queued_at, 3),
                "score": round(value, 3),
            }
            for waiting, queued_at, value in self.match.considered
        ]
