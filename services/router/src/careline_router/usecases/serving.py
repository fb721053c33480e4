"""Callers who serve themselves: asked, answered, and sent on their way."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from careline_common.config.models import Line
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Conflict, NotReady
from careline_common.observability.errors import describe
from careline_router.db import appeals, reading, repository
from careline_router.db.self_service import By, ContainmentRow, add_steps, containment, steps_of
from careline_router.domain import commands as cmd
from careline_router.domain.events import CallerSilent, Event
from careline_router.domain.flows import Flow
from careline_router.domain.prompts import prompt_in
from careline_router.domain.self_service import At, Caller, SelfService, Step, Walk
from careline_router.domain.states import Call
from careline_router.floorplan import FloorPlan
from careline_router.intake import hears_of
from careline_router.ports import CrmProfile, Receipt
from careline_router.queries import unknown_call
from careline_router.runtime.contacts import INPUTS, Contact
from careline_router.runtime.projection import Projection
from careline_router.runtime.work import Within
from careline_router.usecases.callback_rows import keeping_callbacks
from careline_router.usecases.parts import Parts
from careline_router.usecases.pbx_answers import NOTHING
from careline_router.usecases.sending import SendingCalls
from careline_router.views import PbxAnswer

log = structlog.get_logger(__name__)

AGAIN_S = 1.0
"""After that a step that failed is tried again."""
TYPED = "typed"
"""Where a contact has the digits that are not complete yet."""


@dataclass(frozen=True, slots=True)
class _Served:
    """A caller in self-service, with everything that decides what follows."""

    plan: FloorPlan
    line: Line
    flow: Flow
    profile: CrmProfile
    caller: Caller


@dataclass(frozen=True, slots=True)
class _Stepped:
    """What a caller's step does, what is kept with it, and what is known of him afterwards."""

    command: cmd.Command
    keep: Within
    after: Contact


class ServingCallers(SendingCalls):
    """The use cases of self-service. What a caller pressed is kept with his contact, in the transaction that
    moves him: after a restart he goes on where he was."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._silences: set[asyncio.Task[None]] = set()
        self._actor.on_committed(self._hear_silence)

    # -- telling of it -------------------------------------------------------------------------

    async def way(self, call_id: str) -> list[dict[str, Any]]:
        """A caller's way through self-service, in order; 404 `unknown-call`."""
        async with self._database.read() as connection:
            if await reading.call(connection, call_id) is None:
                raise unknown_call()
            rows = await steps_of(connection, call_id)
        return [dict(row._mapping) for row in rows]  # noqa: SLF001 - its public name

    async def containment(self, by: By, since: datetime, until: datetime) -> list[ContainmentRow]:
        """Of the calls of a time, how many needed nobody."""
        async with self._database.read() as connection:
            return await containment(connection, by, since, until)

    # -- coming in -----------------------------------------------------------------------------

    def _first_command(
        self,
        plan: FloorPlan,
        line: Line,
        call: Call,
        profile: CrmProfile,
        ivr: Mapping[str, Any],
    ) -> tuple[cmd.Command, Within]:
        """What becomes of a call that has arrived: it is served by its flow, or sent on its way; and what is
        to be kept of that with it.

        In an emergency, and with a need for which the flow skips it, nobody is asked anything.
        """
        flow = plan.flows[line.flow]
        service = flow.self_service
        now = self._clock.now()
        needs, age = frozenset(profile.needs), profile.age(now.date())
        if service is None or self._emergency.on:
            return self._sending(plan, line, call, profile, ivr), _nothing
        if service.skips(needs, age):
            before = service.first_words(hears_of(flow, line, profile, now))
            return self._sending(plan, line, call, profile, ivr, before=before), _nothing
        served = self._served(plan, line, flow, call.id, profile)
        step = Walk(service, served.caller).enter()

        async def keep(uow: UnitOfWork, _events: list[Event]) -> None:
            await self._keep_path(uow, call.id, flow, step)

        return self._follow(served, call, step, ivr), keep

    # -- going on ------------------------------------------------------------------------------

    async def keys_pressed(
        self, pbx: str, call_id: str, keys: str, receipt: Receipt | None
    ) -> PbxAnswer | None:
        """A caller in self-service has pressed keys; None when he is not in it."""
        call = self._served_call(call_id)
        if call is None:
            return None
        async with self._one_at_a_time(pbx, call.pbx_call_id):
            call = self._served_call(call_id)
            if call is None:
                return None
            step = await self._step(call, keys)
            try:
                answer = await self._answer(step.command, pbx, call.id, receipt, first=step.keep)
            except Conflict:  # he has hung up meanwhile
                return await self._answer(NOTHING, pbx, call.id, receipt)
            self._contacts.put(call.id, step.after)
            return answer

    async def help_called(
        self, pbx: str, call_id: str, keys: str, receipt: Receipt | None
    ) -> PbxAnswer | None:
        """A caller who waits has pressed the key for emergencies of his flow; None when he has not."""
        call = self._actor.floor.calls.get(call_id)
        if call is None or call.state not in {"queued", "offered"} or call.kind != "call":
            return None
        flow = self._plan().flows.get(call.flow or "")
        service = None if flow is None else flow.self_service
        emergency = None if service is None else service.emergency
        if emergency is None or emergency.key not in keys:
            return None
        command = cmd.LeaveQueue(
            call_id=call.id,
            outcome="overflow",
            media=prompt_in(emergency.answer, call.hears or call.language),
            endpoint=emergency.endpoint,
        )
        try:
            return await self._answer(command, pbx, call.id, receipt)
        except Conflict:  # an agent has answered, or he has hung up, since he pressed it
            return await self._answer(NOTHING, pbx, call.id, receipt)

    def _served_call(self, call_id: str) -> Call | None:
        call = self._actor.floor.calls.get(call_id)
        return call if call is not None and call.state == "self_service" else None

    def _hear_silence(self, projection: Projection) -> None:
        for event in projection.events:
            if isinstance(event, CallerSilent):
                self._go_on_in_silence(event.call_id)

    def _go_on_in_silence(self, call_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._silent(call_id))
        self._silences.add(task)
        task.add_done_callback(self._silences.discard)

    async def _silent(self, call_id: str) -> None:
        """Tries until it is done: nothing else would ever wake a caller who presses nothing."""
        while self._actor.leading:  # else whoever leads next goes on with him
            call = self._served_call(call_id)
            if call is None:
                return
            async with self._one_at_a_time(call.pbx, call.pbx_call_id):
                call = self._served_call(call_id)
                if call is None or call.asked_until is not None:
                    return
                try:
                    step = await self._step(call, None)
                    # not as an answer: nobody has asked, and what is to be done would be taken along with it
                    await self._actor.submit(step.command, within=step.keep)
                except Exception as error:  # noqa: BLE001 - whatever it is, he may wait still
                    log.warning("self_service.stuck", call_id=call_id, error=describe(error))
                else:
                    self._contacts.put(call_id, step.after)
                    return
            await asyncio.sleep(AGAIN_S)

    def resume_serving(self) -> None:
        """Goes on with callers whose silence the process before this one has not answered any more."""
        for call in list(self._actor.floor.calls.values()):
            if call.state == "self_service" and call.asked_until is None:
                self._go_on_in_silence(call.id)

    async def _step(self, call: Call, keys: str | None) -> _Stepped:
        """What follows his keys, or his silence."""
        if not self._actor.leading:  # it knows nobody any more, as in `_route`
            raise NotReady("this process does not lead the floor")
        contact = self._contacts.of(call.id)
        profile = contact.profile or await self._intake.profile(contact)
        plan = self._plan()
        line = plan.line(call.line)
        flow = None if line is None else plan.flows.get(call.flow or line.flow)
        if line is None or flow is None:
            closing = self._closing(plan, call.pbx, call.id, "closed")
            return _Stepped(closing, keeping_callbacks(self._contacts, call.id), contact)
        profile = await self._with_policy(flow, call.id, contact, profile)
        contact = await self._informed(flow, replace(contact, profile=profile))
        self._contacts.put(call.id, contact)
        served = self._served(plan, line, flow, call.id, profile)
        at = At(
            node=call.node or "",
            tries=call.node_tries,
            typed=str(contact.attributes.get(TYPED, "")),
        )
        step = await self._walked(flow.self_service or _NO_SERVICE, served.caller, at, keys)
        ivr = {**contact.attributes.get(INPUTS, {}), **step.inputs}
        command = self._follow(served, call, step, ivr)
        attributes = {
            **contact.attributes,
            INPUTS: ivr,
            TYPED: "" if step.at is None else step.at.typed,
        }
        after = self._named(replace(contact, profile=profile, attributes=attributes))
        keep = keeping_callbacks(self._contacts, call.id, self._keeping(call.id, flow, step, after))
        return _Stepped(command, keep, after)

    async def _walked(self, service: SelfService, caller: Caller, at: At, keys: str | None) -> Step:
        """A step is made once one knows how the appeals stand that it reads of: he may key codes ahead."""
        while True:
            walk = Walk(service, caller)
            step = walk.silence(at) if keys is None else walk.press(at, keys)
            if not step.wants:
                return step
            async with self._database.read() as connection:
                for keyed in step.wants:
                    found = await appeals.of_code(connection, self._hasher.code_key(keyed))
                    caller = replace(caller, coded={**caller.coded, keyed: found})

    def _keeping(self, call_id: str, flow: Flow, step: Step, after: Contact) -> Within:
        async def keep(uow: UnitOfWork, _events: list[Event]) -> None:
            await repository.add_to_contact(
                uow.connection, call_id, attributes=after.attributes, name=after.name
            )
            await self._keep_path(uow, call_id, flow, step)

        return keep

    async def _keep_path(self, uow: UnitOfWork, call_id: str, flow: Flow, step: Step) -> None:
        await add_steps(
            uow.connection,
            call_id,
            step.path,
            flow=flow.id,
            version=flow.version,
            at=self._clock.now(),
        )

    # -- what follows --------------------------------------------------------------------------

    def _follow(
        self, served: _Served, call: Call, step: Step, ivr: Mapping[str, Any]
    ) -> cmd.Command:
        """The command that makes a step."""
        if step.at is not None:
            return cmd.AskCaller(
                call_id=call.id,
                node=step.at.node,
                tries=step.at.tries,
                media=step.media,
                wait_s=step.wait_s,
                served=step.served,
                flow=served.flow.id,
                flow_version=served.flow.version,
            )
        if step.end is None or step.end == "human":
            return self._sending(
                served.plan, served.line, call, served.profile, ivr, before=step.media
            )
        return cmd.CloseCall(
            call_id=call.id,
            outcome=step.end,
            media=None,
            before=step.media,
            endpoint=step.endpoint,
        )

    def _served(
        self, plan: FloorPlan, line: Line, flow: Flow, call_id: str, profile: CrmProfile
    ) -> _Served:
        contact = self._contacts.of(call_id)
        caller = Caller(
            hears=hears_of(flow, line, profile, self._clock.now()),
            opening=self._opening(plan, line),
            appeal=None if contact.appeals is None else contact.appeals.last,
            checks=profile.checks(),
            collected=contact.attributes.get(INPUTS, {}),
        )
        return _Served(plan, line, flow, profile, caller)


async def _nothing(_uow: UnitOfWork, _events: list[Event]) -> None:
    """Of a call that nobody serves nothing more is kept."""


_NO_SERVICE = SelfService(start="", nodes={})
"""Of a flow that has lost its self-service meanwhile: its callers are sent to somebody."""
