"""Where a call goes that nobody has to serve any more: a queue, or the end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from careline_common.config.models import Line
from careline_router.db import appeals, persons, surges
from careline_router.domain import commands as cmd
from careline_router.domain.flows import Flow
from careline_router.domain.prompts import prompt_in
from careline_router.domain.states import Call
from careline_router.domain.words import LineState
from careline_router.floorplan import FloorPlan
from careline_router.intake import NO_APPEALS, NO_SURGES, hears_of
from careline_router.load_facts import load_of
from careline_router.pbx_link import CLOSED_MEDIA
from careline_router.ports import Appeals, CrmProfile
from careline_router.records_port import insured_as, with_policies
from careline_router.runtime.contacts import Contact
from careline_router.usecases.parts import Parts
from careline_router.usecases.pbx_answers import PbxAnswers


class SendingCalls(PbxAnswers):
    """What the use cases have in common that send a call on its way."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._arriving: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    def _sending(
        self,
        plan: FloorPlan,
        line: Line,
        call: Call,
        profile: CrmProfile,
        ivr: Mapping[str, Any],
        *,
        before: tuple[str, ...] = (),
    ) -> cmd.QueueCall | cmd.CloseCall:
        """The flow's rules decide; `before` is what the caller still hears first."""
        contact = self._contacts.of(call.id)
        person = self._person(contact) if plan.dials(call.pbx) else None
        opening = self._opening(plan, line)
        command = self._intake.destination(
            plan,
            line,
            call.id,
            profile,
            ivr,
            person=person,
            opening=opening,
            load=self._load_for(plan, line),
            appeals=contact.appeals or NO_APPEALS,
            surges=contact.surges or NO_SURGES,
        )
        if command is None:
            self._metrics.not_open.labels(opening).inc()
            hears = hears_of(plan.flows[line.flow], line, profile, self._clock.now())
            media = self._announcement(line, opening, hears)
            return replace(self._closing(plan, call.pbx, call.id, media), before=before)
        return replace(command, media=(*before, *command.media))

    def _named(self, contact: Contact) -> Contact:
        """With his name, as the CRM has it; where callers are to be verified, only once he has been."""
        profile = contact.profile
        if profile is None or (self._plan().floor.verify_callers and not contact.verified):
            return contact
        return replace(contact, name=profile.name)

    async def _informed(self, flow: Flow | None, contact: Contact) -> Contact:
        """With what the journal tells, if his flow asks: his appeals once, the open surges as they are now."""
        if flow is None:
            return contact
        if contact.appeals is None and flow.sees_appeals and contact.number is not None:
            contact = replace(contact, appeals=await self._all_appeals(contact.number))
        if flow.sees_surge:
            async with self._database.read() as connection:
                contact = replace(contact, surges=await surges.open_now(connection))
        return contact

    async def _with_policy(
        self, flow: Flow | None, call_id: str, contact: Contact, profile: CrmProfile
    ) -> CrmProfile:
        """With what the insurance records tell of his policy, if his flow asks and the CRM does not tell; once. Of a
        family nobody knows whose policy it would be. That the router looked is noted before it does."""
        asks = flow is not None and flow.sees_policy and self._records.configured
        told = profile.policy_state is not None or profile.reason == "ambiguous"
        if not asks or told or profile.records is not None:
            return profile
        insured = insured_as(profile, contact.number)
        by = self._records.by(insured)
        if not by:
            return profile
        async with self._database.unit_of_work() as uow:
            await persons.note(
                uow.connection,
                at=uow.clock.now(),
                who="router",
                roles=(),
                what=f"insurance records by {', '.join(by)}, for the call's flow",
                call_ids=[call_id],
            )
        found = await self._records.for_call(insured)
        return with_policies(profile, found, self._records.today())

    async def _all_appeals(self, number: str) -> Appeals:
        async with self._database.read() as connection:
            return await appeals.of_person(connection, self._hasher.lookup(number))

    def _load_for(self, plan: FloorPlan, line: Line) -> Mapping[str, Any]:
        """How full the queues are, for a flow that looks at it."""
        if not plan.flows[line.flow].sees_load:
            return {}
        return load_of(self._actor.floor, plan, self._clock.now().timestamp())

    def _opening(self, plan: FloorPlan, line: Line) -> LineState:
        if self._emergency.on:
            return "emergency"
        calendar = plan.calendars.get(line.calendar or "")
        return "open" if calendar is None else calendar.opening(self._clock.now())

    def _announcement(self, line: Line, opening: LineState, hears: str | None) -> str:
        """What a caller hears of a line that is not open: the switch's own words, the line's, or the usual."""
        if opening == "emergency" and self._emergency.announcement is not None:
            return self._emergency.announcement
        said = {} if opening == "open" else line.announcements.get(opening, {})
        return prompt_in(said, hears) or CLOSED_MEDIA

    def _closing(self, plan: FloorPlan, pbx: str, call_id: str, media: str) -> cmd.CloseCall:
        """Nobody answers at this line; its caller is called back if the floor's rules say where."""
        queue = None if plan.callbacks is None else plan.callbacks.missed_queue
        return cmd.CloseCall(
            call_id=call_id,
            outcome="closed",
            media=media,
            person=self._person(self._contacts.of(call_id)) if plan.dials(pbx) else None,
            queue=queue,
            skills={} if queue is None else plan.skills_into(queue),
            utc_offset_s=self._utc_offset_s(call_id),
        )

    @asynccontextmanager
    async def _one_at_a_time(self, pbx: str, pbx_call_id: str) -> AsyncIterator[None]:
        """Two announcements of one call at once: the second waits and finds the call."""
        key = (pbx, pbx_call_id)
        lock, users = self._arriving.get(key, (asyncio.Lock(), 0))
        self._arriving[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            users = self._arriving[key][1] - 1
            if users:
                self._arriving[key] = (lock, users)
            else:
                del self._arriving[key]
