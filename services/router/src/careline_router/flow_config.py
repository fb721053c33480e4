"""Flows as configured: rules by which calls are sent to queues, and what must fit together in them."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from careline_common.config.models import ConfigModel, Id, Media, SkillLevel
from careline_router.adapters.cel_conditions import compile_condition
from careline_router.domain.conditions import MOST_CHARACTERS, sight
from careline_router.domain.reachability import Tried, faults
from careline_router.domain.words import Priority

Patience = Annotated[float, Field(ge=0, le=3600)]
Language = Annotated[str, Field(min_length=1, max_length=35, pattern=r"^(\*|[A-Za-z0-9-]+)$")]
"""A language as in `lines`; `*` is any other."""
Texts = Annotated[dict[Language, Media], Field(max_length=50)]
"""What is played, by the caller's language."""
MOST_RULES = 200


class Branch(ConfigModel):
    """Where a call goes; a rule takes every key of the default and inherits none.

    For `prefer_owner_s` seconds it waits for the agent who has the caller's open appeal alone, or for
    `prefer_last_agent_s` for the one who had him last, as the CRM names them. `site` is where its
    agent must work. `announcements` are played before the music, by the caller's language; with
    `callback: false` he is not offered to be called back.
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
    """Rules in their order; the first that holds decides, else the default."""

    id: Id
    default: Branch
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
    for place, reason in useless_rules(tuple(rule.when for rule in flow.rules)):
        yield f"rules[{place}].when", reason


@lru_cache(maxsize=256)
def useless_rules(conditions: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Rules that can never decide, by place, and why; kept, for configurations are checked often."""
    return tuple(faults([_tried(text) for text in conditions]))


def _tried(text: str) -> Tried:
    condition = compile_condition(text)
    return Tried(sight=sight(text), holds=condition.holds, sees_calendar=condition.sees("calendar"))
