"""Calls that arrive: each is announced once, looked up, and sent where its flow says."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import find_answer
from careline_common.http.problem import Conflict, NotReady, Problem
from careline_common.phones import main_region_of
from careline_router.db import reading, repository
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.states import Call
from careline_router.domain.words import Control
from careline_router.intake import contact_of
from careline_router.pbx_link import CLOSED_MEDIA
from careline_router.ports import AlreadyAnswered, Arrival, Receipt
from careline_router.runtime.contacts import INPUTS
from careline_router.usecases.callback_rows import keeping_callbacks
from careline_router.usecases.pbx_answers import NOTHING
from careline_router.usecases.serving import TYPED, ServingCallers
from careline_router.views import PbxAnswer

log = structlog.get_logger(__name__)


class Arrivals(ServingCallers):
    """The use case of a call that comes in."""

    async def call_arrived(
        self,
        pbx: str,
        arrival: Arrival,
        *,
        control: Control = "commands",
        receipt: Receipt | None = None,
    ) -> PbxAnswer:
        """A call came in: looks up line, flow and CRM profile (its deadline at most), queues it.

        A call this PBX has announced before is answered as it is now.
        """
        async with self._receipt_in_turn(receipt), self._one_at_a_time(pbx, arrival.pbx_call_id):
            call_id = await self._announced(pbx, arrival.pbx_call_id, receipt)
            if call_id is None:
                call_id = await self._register(pbx, arrival, control)
            return await self._route(pbx, call_id, arrival.ivr, receipt)

    @asynccontextmanager
    async def _receipt_in_turn(self, receipt: Receipt | None) -> AsyncIterator[None]:
        """Two arrivals under one webhook-id: only the first may announce a call."""
        if receipt is None:
            yield
        else:
            async with self._one_at_a_time(receipt.scope, receipt.key):
                yield

    async def _announced(self, pbx: str, pbx_call_id: str, receipt: Receipt | None) -> str | None:
        """The call if it was announced before. A used webhook-id must not announce a new one: raises as
        the actor would."""
        call_id = self._actor.floor.by_pbx.get((pbx, pbx_call_id))
        if call_id is not None:
            return call_id
        async with self._database.read() as connection:
            row = await reading.call_by_pbx(connection, pbx, pbx_call_id)
            if row is not None:
                return str(row.id)
            if receipt is None:
                return None
            answer = await find_answer(connection, receipt.scope, receipt.key, receipt.fingerprint)
        if answer is not None:
            raise AlreadyAnswered(answer)
        return None

    async def _register(self, pbx: str, arrival: Arrival, control: Control) -> str:
        call_id = self._ids.new()
        line = self._plan().line(arrival.line)
        region = None if line is None else main_region_of(line.number)
        attributes = {**arrival.attributes, INPUTS: dict(arrival.ivr), TYPED: ""}
        contact = contact_of(arrival.caller, attributes, region=region)
        command = cmd.RegisterCall(
            call_id=call_id,
            pbx=pbx,
            pbx_call_id=arrival.pbx_call_id,
            line=arrival.line if line is None else line.number,
            control=control,
        )

        async def keep_contact(uow: UnitOfWork, _events: list[Event]) -> None:
            await repository.put_contact(
                uow.connection,
                call_id,
                phone=contact.phone,
                lookup_hmac=self._hasher.lookup(contact.phone) if contact.phone else None,
                attributes=contact.attributes,
            )

        self._contacts.put(call_id, contact)
        try:
            await self._actor.submit(command, within=keep_contact)
        except Problem:
            self._contacts.forget(call_id)
            raise
        return call_id

    async def _route(
        self, pbx: str, call_id: str, ivr: Mapping[str, Any], receipt: Receipt | None
    ) -> PbxAnswer:
        """Sends a call that has only arrived on its way; answers any other as it is.

        Only a leader knows who calls: a process that was just deposed would look up nobody, and
        remember that, when it leads again, in place of the number.
        """
        if not self._actor.leading:
            raise NotReady("this process does not lead the floor")
        call = self._actor.floor.calls.get(call_id)
        if call is None or call.state != "arrived":
            return await self._answer(NOTHING, pbx, call_id, receipt)
        plan = self._plan()
        line = plan.line(call.line)
        if line is None or line.flow not in plan.flows:
            self._metrics.unknown_lines.inc()
            keep = keeping_callbacks(self._contacts, call_id)
            closing = self._closing(plan, pbx, call_id, CLOSED_MEDIA)
            return await self._answer(closing, pbx, call_id, receipt, first=keep)
        contact = self._contacts.of(call_id)
        profile = await self._intake.profile(contact)
        flow = self._plan().flows.get(line.flow)
        profile = await self._with_policy(flow, call_id, contact, profile)
        plan = self._plan()
        informed = await self._informed(plan.flows.get(line.flow), contact)
        named = self._named(replace(informed, profile=profile))
        self._contacts.put(call_id, named)
        command, keep_path = self._first_command(plan, line, call, profile, ivr)

        async def keep_name(uow: UnitOfWork, events: list[Event]) -> None:
            if named.name is not None:
                await repository.add_to_contact(uow.connection, call_id, name=named.name)
            await keep_path(uow, events)

        keep = keeping_callbacks(self._contacts, call_id, keep_name)
        try:
            return await self._answer(command, pbx, call_id, receipt, first=keep)
        except Conflict:
            # the caller has hung up while we looked him up
            return await self._answer(NOTHING, pbx, call_id, receipt)

    async def resume_arrivals(self) -> None:
        """Sends on their way the calls that had arrived when the process before this one died."""
        await asyncio.gather(
            *(
                self._resume(call)
                for call in self._actor.floor.calls.values()
                if call.state == "arrived"
            )
        )

    async def _resume(self, call: Call) -> None:
        async with self._one_at_a_time(call.pbx, call.pbx_call_id):
            ivr = self._contacts.of(call.id).attributes.get(INPUTS, {})
            try:
                await self._route(call.pbx, call.id, ivr, None)
            except Problem as problem:  # one call must not keep the whole floor from being led
                log.error("floor.arrival_stuck", call_id=call.id, problem=problem.type)  # noqa: TRY400 - see above
