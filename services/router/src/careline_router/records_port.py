"""Insurance records as the router's use cases see them: looked at, and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from careline_router.domain.insurance import Policy, by_weight
from careline_router.ports import CrmProfile, LookUp

MOST_POLICIES = 20
"""More than a person has: they are of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insured:
    """Whose policies are looked for, as far as he is known: personal data, that is kept nowhere here.

    `phone` is E.164.
    """

    policy_number: str | None = None
    birth_date: date | None = None
    phone: str | None = None

    def known(self) -> tuple[str, ...]:
        """By what he could be looked for."""
        told = {
            "policy_number": self.policy_number,
            "birth_date": self.birth_date,
            "phone": self.phone,
        }
        return tuple(name for name, value in told.items() if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies(LookUp):
    """`found` with his policies, or none with the reason; `ambiguous` when they are of several persons."""

    policies: Sequence[Policy] = ()


class RecordsSource(Protocol):
    """One kind of records: asks them, each time anew, and raises `CrmFault`. It may take its time."""

    def by(self, insured: Insured) -> tuple[str, ...]:
        """By what he would be looked for; empty when too little of him is known."""
        ...

    async def ask(self, insured: Insured) -> Policies:
        """His policies: `found`, or `unknown` as `not_found` or `ambiguous`."""
        ...

    async def close(self) -> None: ...


class InsuranceRecords(Protocol):
    """Looks policies up. Never raises, and never takes longer than its deadline, or than `within_s`."""

    def by(self, insured: Insured) -> tuple[str, ...]:
        """By what he would be looked for; empty when too little of him is known."""
        ...

    async def look_up(self, insured: Insured, *, within_s: float | None = None) -> Policies: ...

    async def close(self) -> None: ...


def insured_as(profile: CrmProfile, phone: str | None) -> Insured:
    """A caller as the CRM knows him."""
    number = profile.policy_number
    says_something = number is not None and any(map(str.isalnum, number))
    return Insured(
        policy_number=number if says_something else None,
        birth_date=profile.birth_date,
        phone=phone,
    )


def with_policies(profile: CrmProfile, found: Policies, day: date) -> CrmProfile:
    """A profile with what insurance records say of the policy that counts on that day."""
    told = replace(profile, records=found.reason or found.status)
    for policy in by_weight(found.policies, day)[:1]:
        return replace(
            told,
            policy_state=policy.state_on(day),
            insurer=policy.insurer or profile.insurer,
            insurance=policy.kind or profile.insurance,
        )
    return told
