"""The insurance records of a caller, looked at by the agent who has his call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from careline_common.http.problem import Conflict, Problem
from careline_router.db import looks
from careline_router.domain.insurance import InsuranceKind, Policy, by_weight
from careline_router.ports import CrmReason, CrmStatus
from careline_router.records_port import Insured, insured_as
from careline_router.runtime.contacts import Contact
from careline_router.usecases.customers import Customers, Looker

RETRY_AFTER_S = 10
SHOWN_DIGITS = 4
MOST_LOOKS = 20
LOOK = "insurance records"
_TURNS = "/insurance"
"""No PBX is called that: the turns of looks are among those of calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """`number_ends` are the last signs of its number, by which a caller knows it."""

    state: str | None
    insurer: str | None
    kind: InsuranceKind | None
    valid_until: date | None
    clinic: str | None
    number_ends: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InsuranceView:
    """`policies` of the caller, the one that counts first; none of them with `reason` `not_found`, or `ambiguous` when
    they are several persons'. `by` is what was asked by."""

    call_id: str
    status: CrmStatus
    reason: CrmReason | None
    by: Sequence[str]
    policies: Sequence[PolicyView]


class RecordsUnavailable(Problem):
    status = 503
    type = "records-unavailable"
    title = "The insurance records do not answer"


class Insurance(Customers):
    """For the agent who is offered the call or has it, once the caller has been verified. Nothing of it is kept."""

    async def insurance(self, looker: Looker, call_id: str, said: Insured) -> InsuranceView:
        """His policies, by what he has `said`, else by what the CRM knows of him; that somebody looks is noted before.

        404 `unknown-call` for a call of somebody else, 409 `not-verified` where callers are verified and he was not, 409
        `nothing-to-ask-by` when too little is known, 409 `too-many-looks` after twenty in one call, 503 `records-unavailable` with the reason.
        """
        _, contact = await self._his(looker, call_id)
        if not self.queries.known(contact.attributes):
            detail = "verify the caller first: POST /v1/calls/{id}/verification"
            raise Conflict(detail, type="not-verified")
        insured = _asked_for(contact, said)
        by = self._records.by(insured)
        if not by:
            detail = "too little is known of him: ask him for the number of his policy"
            raise Conflict(detail, type="nothing-to-ask-by")
        await self._note_look(looker, call_id, by)
        found = await self._records.for_agent(insured)
        if found.status not in {"found", "unknown"} or found.reason == "not_configured":
            raise RecordsUnavailable(
                f"nothing was found out ({found.reason}); try again later, or ask the insurer",
                headers={"Retry-After": str(RETRY_AFTER_S)},
                reason=found.reason,
            )
        day = self._records.today()
        return InsuranceView(
            call_id=call_id,
            status=found.status,
            reason=found.reason,
            by=list(by),
            policies=[_shown(policy, day) for policy in by_weight(found.policies, day)],
        )

    async def _note_look(self, looker: Looker, call_id: str, by: Sequence[str]) -> None:
        """A caller has few policies to be asked about: who asks on and on is looking for somebody else's."""
        async with self._one_at_a_time(_TURNS, call_id), self._database.unit_of_work() as uow:
            made = await looks.count(uow.connection, call_id, looker.subject, LOOK)
            if made >= MOST_LOOKS:
                raise Conflict(f"{MOST_LOOKS} looks in one call are enough", type="too-many-looks")
            await self._note_in(uow, looker, f"{LOOK} by {', '.join(by)}", call_id)


def _asked_for(contact: Contact, said: Insured) -> Insured:
    """A number that he has said may be another's, a child's say: then nothing that the CRM knows of the caller himself
    goes with it."""
    if said.policy_number is not None or contact.profile is None:
        return replace(said, phone=None if said.policy_number else contact.number)
    known = insured_as(contact.profile, contact.number)
    return known if said.birth_date is None else replace(known, birth_date=said.birth_date)


def _shown(policy: Policy, day: date) -> PolicyView:
    return PolicyView(
        state=policy.state_on(day),
        insurer=policy.insurer,
        kind=policy.kind,
        valid_until=policy.valid_until,
        clinic=policy.clinic,
        number_ends=None if policy.number is None else policy.number[-SHOWN_DIGITS:],
    )
