"""Whatever the records answer, nobody is shown a policy that is surely another's."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.adapters.records_http import about
from careline_router.domain.insurance import Policy
from careline_router.ports import CrmFault
from careline_router.records_port import Insured

pytestmark = pytest.mark.unit

NUMBERS = st.sampled_from(["1", "1-", "2", None])
BIRTHS = st.sampled_from([date(1950, 5, 9), date(1981, 1, 31), None])
ANSWERS = st.lists(st.builds(Policy, number=NUMBERS, birth_date=BIRTHS), max_size=5)


def is_anothers(policy: Policy, insured: Insured, by: frozenset[str]) -> bool:
    if "policy_number" in by and (policy.number or "").strip("-") != insured.policy_number:
        return True
    both_known = policy.birth_date is not None and insured.birth_date is not None
    return both_known and policy.birth_date != insured.birth_date


@given(
    ANSWERS,
    st.builds(Insured, policy_number=st.sampled_from(["1", "2"]), birth_date=BIRTHS),
    st.sampled_from([frozenset({"policy_number"}), frozenset({"phone"})]),
)
def test_nobody_is_shown_what_is_anothers(
    answer: list[Policy], insured: Insured, by: frozenset[str]
) -> None:
    his = [policy for policy in answer if not is_anothers(policy, insured, by)]
    numbers = {(policy.number or "").strip("-") for policy in answer}
    if answer and "policy_number" in by and insured.policy_number not in numbers:
        with pytest.raises(CrmFault):
            about(insured, by, answer)
        return
    found = about(insured, by, answer)
    if found.status == "found":
        assert list(found.policies) == his
        assert his
    else:
        assert found.policies == ()
    if "phone" in by and len(his) > 1:
        one_person = len({p.birth_date for p in his}) == 1 and his[0].birth_date is not None
        assert (found.status == "found") == one_person
        assert (found.reason == "ambiguous") != one_person
