"""The workflow, cell by cell, against the public contract's own words written out here."""

import itertools
from dataclasses import replace

import pytest

from careline_tickets.domain.vocabulary import Action, Kind, Role, Status
from careline_tickets.domain.workflow import (
    TABLE,
    Actor,
    Facts,
    NotNow,
    NotPermitted,
    allowed,
    check,
)

pytestmark = pytest.mark.unit

FROM = {
    "take": {"new"},
    "escalate": {"in_work"},
    "invite_expert": {"in_work"},
    "send_to_insurer": {"in_work"},
    "answer": {"in_work"},
    "close": {"in_work"},
    "extend": {"in_work"},
    "wait": {"in_work"},
    "merge": {"in_work"},
    "expert_answer": {"with_expert"},
    "insurer_answer": {"with_insurer"},
    "accept": {"in_review"},
    "return": {"in_review"},
    "resume": {"waiting"},
    "reopen": {"closed"},
}
"""`forward` is Careline's own, for people insured elsewhere, and has its own test."""
AGENT = {"take", "escalate", "answer", "wait", "resume", "close"}
SPECIALIST = AGENT | {"invite_expert", "send_to_insurer", "extend", "reopen"}
MAY = {
    "agent": AGENT,
    "specialist": SPECIALIST,
    "expert": {"expert_answer"},
    "insurer": {"insurer_answer"},
    "contact_admin": set(FROM) - {"insurer_answer"},
}
STATUSES = {
    "new", "in_work", "with_expert", "with_insurer", "in_review", "waiting", "closed", "merged"
}  # fmt: skip
SYSTEM_ACTIONS = {
    "import_answer", "withdraw", "amend", "step_escalate", "step_reassign", "step_raise_priority",
    "absorb", "follow_up", "apply_policy", "transcribe",
}  # fmt: skip


def facts(
    status: str = "in_work", *, owner: str | None = "me", level: int = 1, kind: str = "consultation"
) -> Facts:
    return Facts(
        status=Status(status),
        level=level,
        kind=Kind(kind),
        owner=owner,
        expert="me" if status == "with_expert" else None,
        insurer="ins7",
    )


def actor(*roles: str, insurer: str | None = "ins7", name: str = "me") -> Actor:
    return Actor(id=name, roles=frozenset(map(Role, roles)), insurer=insurer)


def verdict(action: str, role: str, status: str) -> str:
    if action not in MAY[role]:
        return "never"
    return "now" if status in FROM[action] else "not now"


def ask(fact: Facts, action: str, who: Actor) -> str:
    try:
        check(fact, Action(action), who)
    except NotPermitted:
        return "never"
    except NotNow:
        return "not now"
    return "now"


@pytest.mark.parametrize(
    ("role", "action", "status"), list(itertools.product(MAY, FROM, sorted(STATUSES)))
)
def test_each_cell_is_as_the_contract_says(role: str, action: str, status: str) -> None:
    assert ask(facts(status), action, actor(role)) == verdict(action, role, status)


@pytest.mark.parametrize(("role", "status"), list(itertools.product(MAY, sorted(STATUSES))))
def test_allowed_is_what_the_role_may_do_now(role: str, status: str) -> None:
    expected = {action for action in MAY[role] if status in FROM[action]}
    assert set(allowed(facts(status), actor(role))) == expected


def test_a_refusal_says_what_is_possible_instead() -> None:
    with pytest.raises(NotNow) as refusal:
        check(facts("new"), Action.ACCEPT, actor("contact_admin"))
    assert refusal.value.allowed == (Action.TAKE,)


def test_the_table_knows_the_contracts_words_and_no_others() -> None:
    assert {str(action) for action in TABLE} == set(FROM) | SYSTEM_ACTIONS | {"forward"}
    assert {str(status) for status in Status} == STATUSES


@pytest.mark.parametrize("action", sorted(SYSTEM_ACTIONS))
@pytest.mark.parametrize("role", sorted(MAY))
def test_nobody_with_a_token_may_do_what_the_system_does(action: str, role: str) -> None:
    assert ask(facts(), action, actor(role)) == "never"


@pytest.mark.parametrize(
    ("role", "fact", "expected"),
    [
        ("agent", facts(owner="somebody else"), "never"),
        ("agent", facts(owner=None), "now"),
        ("agent", facts(level=2), "never"),
        ("agent", facts(kind="complaint"), "never"),
        ("agent", facts("new", kind="complaint"), "never"),
        ("specialist", facts(owner="somebody else"), "now"),
        ("specialist", facts(level=2), "now"),
        ("specialist", facts(level=3), "never"),
        ("specialist", facts(kind="complaint"), "never"),
        ("contact_admin", facts(level=3, kind="complaint", owner="somebody else"), "now"),
    ],
)
def test_the_limits_of_close(role: str, fact: Facts, expected: str) -> None:
    assert ask(fact, "close", actor(role)) == expected


def test_what_one_role_may_not_another_of_the_same_person_may() -> None:
    assert ask(facts(kind="complaint"), "close", actor("agent", "contact_admin")) == "now"


def test_an_insurer_answers_for_no_other() -> None:
    assert ask(facts("with_insurer"), "insurer_answer", actor("insurer", insurer="ins8")) == "never"
    assert ask(facts("with_insurer"), "insurer_answer", actor("insurer", insurer=None)) == "never"


def test_only_the_invited_expert_answers() -> None:
    assert ask(facts("with_expert"), "expert_answer", actor("expert", name="other")) == "never"


def test_an_appeal_at_work_without_an_owner_can_be_taken() -> None:
    assert ask(facts("in_work", owner=None), "take", actor("specialist")) == "now"


def test_somebody_without_a_role_may_do_nothing() -> None:
    nobody = Actor(id="me", roles=frozenset())
    assert allowed(facts(), nobody) == ()
    assert ask(facts("new"), "take", nobody) == "never"


@pytest.mark.parametrize(("role", "status"), list(itertools.product(MAY, sorted(STATUSES))))
def test_only_people_insured_elsewhere_are_forwarded(role: str, status: str) -> None:
    here, elsewhere = facts(status), replace(facts(status), insured_in="77")
    may = role in {"specialist", "contact_admin"}
    assert ask(here, "forward", actor(role)) == ("not now" if may else "never")
    now = "now" if status == "in_work" else "not now"
    assert ask(elsewhere, "forward", actor(role)) == (now if may else "never")
    assert (Action.FORWARD in allowed(elsewhere, actor(role))) == (may and now == "now")
