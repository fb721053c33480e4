"""Flows as configured: rules by which calls are sent to queues, and what must fit together in them."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from careline_common.config.models import ConfigModel, Id, SkillLevel
from careline_router.adapters.cel_conditions import compile_condition
from careline_router.branch_config import BranchTerms
from careline_router.domain.conditions import MOST_CHARACTERS, sight
from careline_router.domain.reachability import Tried, faults
from careline_router.domain.words import Priority
from careline_router.self_service_config import Age, Need, SelfService, Texts

Patience = Annotated[float, Field(ge=0, le=3600)]
MOST_RULES = 200


class Branch(BranchTerms):
    """Where a call goes; a rule takes every key of the default and inherits none.

    For `prefer_owner_s` seconds it waits for the agent who has the caller's open appeal alone, or for
    `prefer_last_agent_s` for the one who had him last, as the CRM names them. `site` is where its
    agent must work. `announcements` are played before the music, by the caller's language; with
    `callback: false` he is not offered to be called back. What else it may say stands in `BranchTerms`.
    """

    queue: Id
    skills: dict[Id, SkillLevel] = Field(default_factory=dict)
    priority: Priority | None = None
    prefer_last_agent_s: Patience = 0
    prefer_owner_s: Patience = 0
    site: Id | None = None
    announcements: Texts = Field(default_factory=dict)
    callback: bool = True


def _condition(text: str) -> str:
    compile_condition(text)
    return text


class FlowRule(Branch):
    when: Annotated[
        str,
        AfterValidator(_condition),
        Field(json_schema_extra={"maxLength": MOST_CHARACTERS, "description": "CEL, no macros"}),
    ]


class Flow(ConfigModel):
    """Rules in their order; the first that holds decides, else the default.

    With `self_service` callers are served by it first. `needs` are skills that who answers must have
    besides, by the need that the CRM knows of the caller. Who has one of `slow_needs`, or is `slow_age` or older, is spoken to
    slowly, where a recording of that is there (`ru-x-slow`).
    """

    id: Id
    default: Branch
    self_service: SelfService | None = None
    needs: Annotated[dict[Id, dict[Id, SkillLevel]], Field(max_length=50)] = Field(
        default_factory=dict
    )
    slow_needs: Annotated[list[Need], Field(max_length=50)] = Field(default_factory=list)
    slow_age: Age | None = None
    rules: Annotated[list[FlowRule], Field(max_length=MOST_RULES)] = Field(default_factory=list)

    def branches(self) -> list[tuple[str, Branch]]:
        """Every branch and its path inside the entry."""
        rules = [(f"rules[{index}]", rule) for index, rule in enumerate(self.rules)]
        return [("default", self.default), *rules]


def flow_faults(
    flow: Flow, *, queues: Iterable[str], skills: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """What is wrong with a flow beside queues and skills: path inside the flow, and reason."""
    for path, branch in flow.branches():
        if branch.queue not in queues:
            yield f"{path}.queue", f"no queue {branch.queue!r}"
        for skill in branch.skills:
            if skill not in skills:
                yield f"{path}.skills.{skill}", f"no skill {skill!r}"
        for inside, reason in branch.term_faults(queues, skills):
            yield f"{path}.{inside}", reason
    for need, asked in flow.needs.items():
        for skill in asked:
            if skill not in skills:
                yield f"needs.{need}.{skill}", f"no skill {skill!r}"
    if flow.self_service is not None:
        for path, reason in flow.self_service.faults():
            yield f"self_service.{path}", reason
    for place, reason in useless_rules(tuple(rule.when for rule in flow.rules)):
        yield f"rules[{place}].when", reason


@lru_cache(maxsize=256)
def useless_rules(conditions: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Rules that can never decide, by place, and why; kept, for configurations are checked often."""
    return tuple(faults([_tried(text) for text in conditions]))


def _tried(text: str) -> Tried:
    condition = compile_condition(text)
    return Tried(sight=sight(text), holds=condition.holds, sees_calendar=condition.sees("calendar"))
