"""The agents at work, in groups of one skill signature, and what each requirement finds among them."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import TYPE_CHECKING

from careline_router.domain.lines import Line
from careline_router.domain.skills import (
    BEST_LEVEL,
    SITE,
    Signature,
    lacking,
    rank,
    shown,
    signature,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from careline_router.domain.states import Agent, Call
    from careline_router.domain.waiting import ClassKey, WaitingClass

IdleEntry = tuple[float, int, str]
"""An idle agent's place, his order among all, and his id."""


class Requirement:
    """Skills that calls need together, and who has them.

    `ranks` are by group: 1 is best, 0 lacks something. `price` is what one idle agent is worth to
    the calls of this requirement, as a policy has set it by `prices` (by the number of idle ones).
    """

    __slots__ = ("able", "idle", "key", "lacks", "members", "needs", "price", "prices", "ranks")

    def __init__(self, key: Signature) -> None:
        self.key = key
        self.needs = dict(key)
        self.able: list[tuple[SkillGroup, int]] = []
        """Groups that lack nothing, with their rank."""
        self.ranks: list[int] = []
        self.lacks: list[str | None] = []
        self.idle = 0
        self.members = 0
        self.price = 0.0
        self.prices: list[float] = [0.0]

    def count(self, change: int) -> None:
        """More or fewer of its agents are idle."""
        self.idle += change
        prices = self.prices
        self.price = prices[self.idle] if self.idle < len(prices) else 0.0


class SkillGroup:
    """The logged-in agents of one signature. `idle` are those who can be offered something now, with
    their place among them; `lent` those whose work a call may interrupt."""

    __slots__ = (
        "classes",
        "idle",
        "idle_line",
        "index",
        "key",
        "lent",
        "members",
        "requirements",
        "skills",
    )  # fmt: skip

    def __init__(self, index: int, key: Signature) -> None:
        self.index = index
        self.key = key
        self.skills = dict(key)
        self.members: set[str] = set()
        self.idle: dict[str, IdleEntry] = {}
        self.lent: dict[str, IdleEntry] = {}
        self.requirements: list[Requirement] = []
        self.classes: list[tuple[WaitingClass, int]] = []
        """Classes it can serve, with its rank there."""
        self.idle_line = Line(self.idle)
        """The one whose place is first is first; for most policies who has been idle longest."""

    def put_idle(self, entry: IdleEntry) -> None:
        old = self.idle.get(entry[2])
        self.idle[entry[2]] = entry
        if old is not None:
            self.idle_line.left(old)
        self.idle_line.add(entry)

    def take_idle(self, agent_id: str) -> bool:
        """Whether the agent was idle; he is not any more."""
        entry = self.idle.pop(agent_id, None)
        if entry is None:
            return False
        self.idle_line.left(entry)
        return True

    def some_idle(self, most: int) -> tuple[str, ...]:
        return tuple(islice(self.idle, most))

    def first_for(self, call: Call, room: Callable[[str, int], bool]) -> IdleEntry | None:
        """The first idle agent who may be offered this call."""
        first = self.idle_line.first
        if first is None:
            return None
        if first[2] not in call.excluded and room(first[2], call.units):
            return first
        fit = (
            entry
            for entry in self.idle.values()
            if entry[2] not in call.excluded and room(entry[2], call.units)
        )
        return min(fit, default=None)


class AgentGroups:
    """Groups by signature and requirements by what they need; both stay once they have been.

    `idle_counts` has the number of idle agents by group index: a copy of it is what a decision saw.
    """

    def __init__(self) -> None:
        self.groups: list[SkillGroup] = []
        self.idle_counts = array("I")
        self.requirements: dict[Signature, Requirement] = {}
        self.lent = 0
        """Agents whose work a call may interrupt."""
        self._by_key: dict[Signature, SkillGroup] = {}
        self._group_of: dict[str, SkillGroup] = {}

    def group_of(self, agent_id: str) -> SkillGroup | None:
        """His group; None while he is logged out."""
        return self._group_of.get(agent_id)

    def requirement(self, needs: Mapping[str, int]) -> Requirement:
        """The requirement for these needs, made when it is new."""
        key = signature(needs)
        found = self.requirements.get(key)
        if found is None:
            found = self.requirements[key] = Requirement(key)
            for group in self.groups:
                self._relate(group, found)
        return found

    def _relate(self, group: SkillGroup, requirement: Requirement) -> None:
        lack = lacking(group.skills, requirement.needs)
        requirement.lacks.append(lack)
        place = 0 if lack else rank(group.skills, requirement.needs)
        requirement.ranks.append(place)
        if lack is None:
            requirement.able.append((group, place))
            requirement.members += len(group.members)
            group.requirements.append(requirement)
            requirement.count(len(group.idle))

    def add_class(self, new: WaitingClass) -> None:
        """Lets every group that can serve it know of a new class."""
        for group, place in new.requirement.able:
            group.classes.append((new, place))

    def _group(self, key: Signature, classes: Mapping[ClassKey, WaitingClass]) -> SkillGroup:
        group = self._by_key.get(key)
        if group is None:
            group = self._by_key[key] = SkillGroup(len(self.groups), key)
            self.groups.append(group)
            self.idle_counts.append(0)
            for requirement in self.requirements.values():
                self._relate(group, requirement)
            for served in classes.values():
                place = served.requirement.ranks[group.index]
                if place:
                    group.classes.append((served, place))
        return group

    def enter(self, agent: Agent, classes: Mapping[ClassKey, WaitingClass]) -> None:
        """Files an agent who is at work by his present skills and site."""
        key = agent_signature(agent)
        old = self._group_of.get(agent.id)
        if old is not None and old.key == key:
            return
        self.leave(agent.id)
        group = self._group(key, classes)
        group.members.add(agent.id)
        self._group_of[agent.id] = group
        for requirement in group.requirements:
            requirement.members += 1

    def leave(self, agent_id: str) -> None:
        """The agent is not at work any more."""
        self.unidle(agent_id)
        group = self._group_of.pop(agent_id, None)
        if group is not None:
            group.members.discard(agent_id)
            for requirement in group.requirements:
                requirement.members -= 1

    def idle(self, agent_id: str, place: float, order: int) -> None:
        """The agent can be offered something, and this is his place among those who can."""
        group = self._group_of[agent_id]
        if group.lent and group.lent.pop(agent_id, None) is not None:
            self.lent -= 1
        if agent_id not in group.idle:
            self.idle_counts[group.index] += 1
            for requirement in group.requirements:
                requirement.count(1)
        group.put_idle((place, order, agent_id))

    def lend(self, agent_id: str, place: float, order: int) -> None:
        """The agent is at work that a call may interrupt."""
        lent = self._group_of[agent_id].lent
        self.lent += agent_id not in lent
        lent[agent_id] = (place, order, agent_id)

    def unidle(self, agent_id: str) -> None:
        group = self._group_of.get(agent_id)
        if group is None:
            return
        if group.lent and group.lent.pop(agent_id, None) is not None:
            self.lent -= 1
        if group.take_idle(agent_id):
            self.idle_counts[group.index] -= 1
            for requirement in group.requirements:
                requirement.count(-1)


def agent_signature(agent: Agent) -> Signature:
    """His skills, and his site as one."""
    skills = agent.spec.skills
    if agent.site is not None:
        skills = {**skills, f"{SITE}{agent.site}": BEST_LEVEL}
    return signature(skills)


def group_name(group: SkillGroup) -> str:
    return shown(group.key)
