"""Which appeals of the journal a queue offers to its agents, beside calls."""

from collections.abc import Container, Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from careline_common.config.models import ConfigModel, Id, SkillLevel


class OfferedAppeals(ConfigModel):
    """Appeals that nobody owns: those of these groups of the journal, and with `ungrouped` those that no group has yet.

    Whoever is to be offered them has `skills`.
    """

    groups: Annotated[list[Id], Field(max_length=1000)] = Field(default_factory=list)
    ungrouped: bool = False
    skills: dict[Id, SkillLevel] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.groups and not self.ungrouped:
            raise ValueError("name groups, or set ungrouped")
        return self

    def has(self, group: str | None) -> bool:
        """Whether appeals of this group are offered here; None: those of no group."""
        return self.ungrouped if group is None else group in self.groups


def appeals_faults(
    offered: Mapping[str, OfferedAppeals], skills: Container[str]
) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the queues that offer appeals: queue, path, reason. An appeal is offered in one queue."""
    taken: dict[str | None, str] = {}
    for name, appeals in offered.items():
        for skill in appeals.skills:
            if skill not in skills:
                yield name, f"appeals.skills.{skill}", f"no skill {skill!r}"
        named = [(f"appeals.groups[{place}]", one) for place, one in enumerate(appeals.groups)]
        loose: list[tuple[str, str | None]] = [("appeals.ungrouped", None)]
        for path, group in [*named, *(loose if appeals.ungrouped else [])]:
            if group in taken:
                yield name, path, f"queue {taken[group]} offers these already"
            taken[group] = name
