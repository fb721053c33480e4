"""The customer card: what an agent sees of his caller, who has looked, and whether it is he."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Conflict, NotReady
from careline_router.db import history, persons, repository
from careline_router.domain.events import Event
from careline_router.domain.states import Call
from careline_router.ports import CrmProfile
from careline_router.queries import unknown_call
from careline_router.runtime.contacts import (
    COLLECTED,
    INPUTS,
    NOBODY,
    VERIFIED,
    Contact,
    customer,
)
from careline_router.usecases.pbx_answers import NOTHING
from careline_router.usecases.sending import SendingCalls

log = structlog.get_logger(__name__)

TRIES = "verify_tries"
MOST_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Who looks, for the audit."""

    subject: str
    roles: Collection[str]


class Customers(SendingCalls):
    """Cards are for the agent who is offered the call or has it; every look at one is noted."""

    async def customer(self, looker: Looker, call_id: str) -> dict[str, Any]:
        """The caller as the CRM and the journal of appeals know him; 404 for a call of somebody else."""
        call, contact = await self._his(looker, call_id)
        await self._note(looker, "customer card", call_id)
        return await self._card(call, contact)

    async def verify(self, looker: Looker, call_id: str, check: str, said: str) -> dict[str, Any]:
        """Holds what the caller has said against what the CRM knows; what was said is kept nowhere.

        409 `nothing-to-verify` when the CRM does not know that of him, `too-many-tries` after five.
        """
        call, _ = await self._his(looker, call_id)
        async with self._one_at_a_time(call.pbx, call.pbx_call_id):
            return await self._hold_against(looker, call_id, check, said)

    async def _hold_against(
        self, looker: Looker, call_id: str, check: str, said: str
    ) -> dict[str, Any]:
        call, contact = await self._his(looker, call_id)
        known = None if contact.profile is None else contact.profile.checks().get(check)
        if known is None:
            raise Conflict("nothing is known to hold that against", type="nothing-to-verify")
        tries = int(contact.attributes.get(TRIES, 0))
        if tries >= MOST_TRIES and not contact.verified:
            raise Conflict(f"he has been asked {MOST_TRIES} times", type="too-many-tries")
        matches = "".join(sign for sign in said if sign.isdecimal()) == known
        ivr = {**contact.attributes.get(INPUTS, {})}
        if matches:
            ivr[VERIFIED] = True
        attributes = {**contact.attributes, INPUTS: ivr, TRIES: tries + 1}
        after = self._named(replace(contact, attributes=attributes))

        async def keep(uow: UnitOfWork, _events: list[Event]) -> None:
            await repository.add_to_contact(
                uow.connection, call_id, attributes=attributes, name=after.name
            )
            what = f"verification by {check}: {'matched' if matches else 'failed'}"
            await self._note_in(uow, looker, what, call_id)

        await self._actor.submit(NOTHING, within=keep)
        self._contacts.put(call_id, after)
        return {**await self._card(call, after), "matched": matches}

    async def _his(self, looker: Looker, call_id: str) -> tuple[Call, Contact]:
        if not self._actor.leading:
            raise NotReady("this process does not lead the floor")
        call = self._actor.floor.calls.get(call_id)
        if call is None:
            raise unknown_call()
        offer = self._actor.floor.offers.get(call.offer or "")
        if looker.subject not in {call.agent, None if offer is None else offer.agent}:
            raise unknown_call()
        contact = self._contacts.of(call_id)
        if contact.profile is None:  # a process before this one has asked
            profile = await self._intake.profile(contact)
            contact = self._learned(call_id, profile=profile)
        if contact.appeals is None and contact.number is not None:
            appeals = await self._all_appeals(contact.number)
            contact = self._learned(call_id, appeals=appeals)
        return call, contact

    def _learned(self, call_id: str, **what: Any) -> Contact:
        """Adds to what is known by now: he may have been verified, or erased, while somebody was asked."""
        contact = self._contacts.of(call_id)
        if contact is not NOBODY:
            contact = self._named(replace(contact, **what))
            self._contacts.put(call_id, contact)
        return contact

    async def _card(self, call: Call, contact: Contact) -> dict[str, Any]:
        """Of whom nobody knows yet that it is he: how to treat him, and by what he may be asked."""
        profile, appeals = contact.profile or CrmProfile(status="unknown"), contact.appeals
        known = self.queries.known(contact.attributes)
        told = None if appeals is None else {"open": appeals.open, "last": appeals.last}
        return {
            **customer(call.crm, contact.name, known=known),
            "call_id": call.id,
            "caller": contact.phone,
            "needs": list(profile.needs),
            "appeals": told if known else None,
            "verified": contact.verified,
            "questions": sorted(profile.checks()),
            "collected": contact.attributes.get(COLLECTED, {}),
            "history": await self._history(call, contact),
            "desk": self.queries.desk_aids(call.id, line=call.line, queue=call.queue),
        }

    async def _history(self, call: Call, contact: Contact) -> list[dict[str, Any]] | None:
        """What agents noted in his last calls; None where nobody knows whose those are, or he is to be
        verified and was not."""
        if contact.number is None or not self.queries.known(contact.attributes):
            return None
        async with self._database.read() as connection:
            return await history.of_person(
                connection, self._hasher.lookup(contact.number), but=call.id
            )

    async def _note(self, looker: Looker, what: str, call_id: str) -> None:
        async with self._database.unit_of_work() as uow:
            await self._note_in(uow, looker, what, call_id)

    async def _note_in(self, uow: UnitOfWork, looker: Looker, what: str, call_id: str) -> None:
        await persons.note(
            uow.connection,
            at=uow.clock.now(),
            who=looker.subject,
            roles=looker.roles,
            what=what,
            call_ids=[call_id],
        )
