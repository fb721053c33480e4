"""Which of a person's policies counts, held against a plain reading of the rule."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.domain.insurance import Policy, by_weight, same_number
from careline_router.ports import CrmProfile
from careline_router.records_port import Policies, insured_as, with_policies

pytestmark = pytest.mark.unit

TODAY = date(2026, 3, 2)
POLICIES = st.lists(
    st.builds(
        Policy,
        state=st.sampled_from(["active", "lapsed", None]),
        kind=st.sampled_from(["voluntary", "compulsory", None]),
        valid_until=st.none() | st.integers(-3, 3).map(lambda days: TODAY + timedelta(days)),
        insurer=st.sampled_from(["a", "b", None]),
    ),
    max_size=6,
)


def counts_before(one: Policy, other: Policy) -> bool:
    """The rule as one would say it, criterion by criterion."""

    def holds(policy: Policy) -> bool:
        runs = policy.valid_until is None or policy.valid_until >= TODAY
        return policy.state == "active" and runs

    if holds(one) != holds(other):
        return holds(one)
    if (one.kind == "voluntary") != (other.kind == "voluntary"):
        return one.kind == "voluntary"
    if one.valid_until is None or other.valid_until is None:
        return one.valid_until is None and other.valid_until is not None
    return one.valid_until > other.valid_until


@given(POLICIES)
def test_nothing_stands_before_what_counts_more(policies: list[Policy]) -> None:
    ordered = by_weight(policies, TODAY)
    assert sorted(map(id, ordered)) == sorted(map(id, policies))
    for place, policy in enumerate(ordered):
        assert not any(counts_before(later, policy) for later in ordered[place + 1 :])


@given(POLICIES)
def test_a_profile_takes_what_the_first_tells_and_keeps_the_rest(policies: list[Policy]) -> None:
    crm = CrmProfile(status="found", payer="insured", insurer="crm", name="Anna", vip=True)
    found = Policies(status="found", policies=policies)
    profile = with_policies(crm, found, TODAY)
    assert (profile.name, profile.vip, profile.payer) == ("Anna", True, "insured")
    assert profile.records == "found"
    if not policies:
        assert (profile.insurer, profile.policy_state) == ("crm", None)
    else:
        first = by_weight(policies, TODAY)[0]
        assert profile.policy_state == first.state_on(TODAY)
        assert profile.insurer == (first.insurer or "crm")


@pytest.mark.parametrize(
    ("state", "until", "expected"),
    [
        ("active", TODAY, "active"),
        ("active", TODAY - timedelta(1), "expired"),
        (None, TODAY - timedelta(1), "expired"),
        ("lapsed", TODAY - timedelta(1), "lapsed"),
        (None, None, None),
        ("active", None, "active"),
    ],
)
def test_a_policy_that_has_run_out_is_not_active(
    state: str | None, until: date | None, expected: str | None
) -> None:
    assert Policy(state=state, valid_until=until).state_on(TODAY) == expected


def test_why_nothing_was_found_is_on_record() -> None:
    crm = CrmProfile(status="unknown", reason="not_found")
    late = with_policies(crm, Policies(status="timed_out", reason="timeout"), TODAY)
    assert (late.records, late.policy_state) == ("timeout", None)
    assert late.facts()["records"] == "timeout"


def test_a_number_is_compared_by_its_signs_alone() -> None:
    assert same_number("77-12 34 аб", "7712/34АБ")
    assert not same_number("77-1234", "77-12340")


def test_a_number_without_any_sign_is_none() -> None:
    profile = CrmProfile(status="found", policy_number=" -- ")
    assert insured_as(profile, None).known() == ()
