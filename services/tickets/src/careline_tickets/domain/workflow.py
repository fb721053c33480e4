"""Who may do what to an appeal, and when: the one table from which everything else follows.

Refusals, the `allowed` lists of answers, the diagram and the documentation are read from `TABLE`.
Role comes before state: who may never do a thing is told so whatever the status is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from careline_tickets.domain.vocabulary import Action, Kind, Role, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a token's subject with its roles, for an insurer's users also the insurer."""

    id: str
    roles: frozenset[Role]
    insurer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the table needs to know about an appeal."""

    status: Status
    level: int
    kind: Kind
    owner: str | None
    expert: str | None
    insurer: str | None
    insured_in: str | None = None
    """The territory where the person is insured, when that is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a role's right to an action goes."""

    own: bool = False
    """Only appeals that nobody else owns."""
    max_level: int | None = None
    no_complaints: bool = False
    invited: bool = False
    """Not while another expert is invited."""
    own_insurer: bool = False
    """Only appeals that are with the actor's own insurer."""

    def allow(self, facts: Facts, actor: Actor) -> bool:
        return (
            (not self.own or facts.owner in {None, actor.id})
            and (self.max_level is None or facts.level <= self.max_level)
            and (not self.no_complaints or facts.kind is not Kind.COMPLAINT)
            and (not self.invited or facts.expert in {None, actor.id})
            and (
                not self.own_insurer
                or (facts.insurer is not None and facts.insurer == actor.insurer)
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One action: from which states, to which, and by whom.

    `to` is None where the action leaves the status, or where what was before decides (`return`).
    `unowned` are states in which the action is possible only while the appeal has no owner.
    """

    action: Action
    sources: frozenset[Status]
    to: Status | None
    by: Mapping[Role, Limits]
    unowned: frozenset[Status] = frozenset()
    elsewhere: bool = False
    """Only for a person who is insured in another territory."""

    def permits(self, facts: Facts, actor: Actor) -> bool:
        """Whether the actor may do this to this appeal at all, whatever its status is."""
        return any(role in self.by and self.by[role].allow(facts, actor) for role in actor.roles)

    def possible(self, facts: Facts) -> bool:
        """Whether the appeal is in a state in which this can be done."""
        if self.elsewhere and facts.insured_in is None:
            return False
        if facts.status in self.unowned:
            return facts.owner is None
        return facts.status in self.sources


ANY = Limits()
AGENT_CLOSES = Limits(own=True, max_level=1, no_complaints=True)
SPECIALIST_CLOSES = Limits(max_level=2, no_complaints=True)

_STAFF = {Role.AGENT: ANY, Role.SPECIALIST: ANY, Role.CONTACT_ADMIN: ANY}
_LEVEL2 = {Role.SPECIALIST: ANY, Role.CONTACT_ADMIN: ANY}
_ADMIN = {Role.CONTACT_ADMIN: ANY}
_SYSTEM = {Role.SYSTEM: ANY}
_OPEN = frozenset(Status) - {Status.CLOSED, Status.MERGED}


def _rule(
    action: Action,
    sources: Status | frozenset[Status],
    to: Status | None,
    by: Mapping[Role, Limits],
    unowned: frozenset[Status] = frozenset(),
    *,
    elsewhere: bool = False,
) -> Rule:
    states = frozenset({sources}) if isinstance(sources, Status) else sources
    return Rule(
        action=action,
        sources=states,
        to=to,
        by=MappingProxyType(dict(by)),
        unowned=unowned,
        elsewhere=elsewhere,
    )


TABLE: Mapping[Action, Rule] = MappingProxyType(
    {
        rule.action: rule
        for rule in (
            _rule(Action.TAKE, Status.NEW, Status.IN_WORK, _STAFF, frozenset({Status.IN_WORK})),
            _rule(Action.ESCALATE, Status.IN_WORK, Status.IN_WORK, _STAFF),
            _rule(Action.INVITE_EXPERT, Status.IN_WORK, Status.WITH_EXPERT, _LEVEL2),
            _rule(
                Action.EXPERT_ANSWER,
                Status.WITH_EXPERT,
                Status.IN_WORK,
                {Role.EXPERT: Limits(invited=True), **_ADMIN},
            ),
            _rule(Action.SEND_TO_INSURER, Status.IN_WORK, Status.WITH_INSURER, _LEVEL2),
            _rule(Action.ANSWER, Status.IN_WORK, Status.IN_REVIEW, _STAFF),
            _rule(
                Action.INSURER_ANSWER,
                Status.WITH_INSURER,
                Status.IN_REVIEW,
                {Role.INSURER: Limits(own_insurer=True)},
            ),
            _rule(Action.ACCEPT, Status.IN_REVIEW, Status.CLOSED, _ADMIN),
            _rule(Action.RETURN, Status.IN_REVIEW, None, _ADMIN),
            _rule(
                Action.CLOSE,
                Status.IN_WORK,
                Status.CLOSED,
                {Role.AGENT: AGENT_CLOSES, Role.SPECIALIST: SPECIALIST_CLOSES, **_ADMIN},
            ),
            _rule(Action.REOPEN, Status.CLOSED, Status.IN_WORK, _LEVEL2),
            _rule(Action.EXTEND, Status.IN_WORK, None, _LEVEL2),
            _rule(Action.WAIT, Status.IN_WORK, Status.WAITING, _STAFF),
            _rule(Action.RESUME, Status.WAITING, Status.IN_WORK, _STAFF),
            _rule(Action.MERGE, Status.IN_WORK, Status.MERGED, _ADMIN),
            _rule(Action.FORWARD, Status.IN_WORK, Status.CLOSED, _LEVEL2, elsewhere=True),
            _rule(Action.IMPORT_ANSWER, _OPEN, Status.IN_REVIEW, _SYSTEM),
            _rule(Action.WITHDRAW, _OPEN, Status.CLOSED, _SYSTEM),
            _rule(Action.AMEND, frozenset(Status), None, _SYSTEM),
            _rule(Action.STEP_ESCALATE, _OPEN, None, _SYSTEM),
            _rule(Action.STEP_REASSIGN, _OPEN, None, _SYSTEM),
            _rule(Action.STEP_RAISE_PRIORITY, _OPEN, None, _SYSTEM),
            _rule(Action.ABSORB, _OPEN, None, _SYSTEM),
            _rule(Action.FOLLOW_UP, frozenset({Status.CLOSED, Status.MERGED}), None, _SYSTEM),
            _rule(Action.APPLY_POLICY, _OPEN, None, _SYSTEM),
            _rule(Action.TRANSCRIBE, frozenset(Status) - {Status.MERGED}, None, _SYSTEM),
        )
    }
)


def allowed(facts: Facts, actor: Actor) -> tuple[Action, ...]:
    """What this actor may do to this appeal now, in the table's order."""
    return tuple(
        rule.action
        for rule in _rules_of(actor.roles)
        if rule.possible(facts) and rule.permits(facts, actor)
    )


@cache
def _rules_of(roles: frozenset[Role]) -> tuple[Rule, ...]:
    """The rules that any of these roles is named in: a page of appeals asks fifty times for the same."""
    return tuple(rule for rule in TABLE.values() if not roles.isdisjoint(rule.by))


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a failure
    """An action that is not done; `allowed` is what this actor may do now."""

    def __init__(self, detail: str, *, allowed: tuple[Action, ...] = ()) -> None:
        self.allowed = allowed
        super().__init__(detail)


class NotPermitted(Refused):
    """This actor may never do this to this appeal."""


class NotNow(Refused):
    """The appeal's status does not let it."""


def require_permitted(facts: Facts, action: Action, actor: Actor) -> Rule:
    """The action's rule; raises `NotPermitted`."""
    rule = TABLE[action]
    if not rule.permits(facts, actor):
        raise NotPermitted(f"{action} is not for this role", allowed=allowed(facts, actor))
    return rule


def check(facts: Facts, action: Action, actor: Actor) -> Rule:
    """The action's rule; raises `NotPermitted` before `NotNow`."""
    rule = require_permitted(facts, action, actor)
    if not rule.possible(facts):
        raise NotNow(
            f"{action} is not possible while the appeal is {facts.status}"
            if facts.status not in rule.sources
            else f"{action} is not possible for this appeal",
            allowed=allowed(facts, actor),
        )
    return rule
