"""What PBXs tell: calls that arrive, phones that answer, parties that go."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.router import RecordingReady
from careline_common.http.idempotency import find_answer
from careline_common.http.problem import Conflict, NotFound, NotReady, Problem
from careline_common.phones import main_region_of
from careline_router.db import reading, repository
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.states import Call
from careline_router.domain.words import Control, FailureCause, Party
from careline_router.intake import contact_of
from careline_router.pbx_link import CLOSED_MEDIA, REDELIVER_S
from careline_router.ports import AlreadyAnswered, Arrival, Receipt
from careline_router.queries import EVERYTHING, call_view, unknown_call
from careline_router.runtime.work import Within
from careline_router.usecases.parts import Parts, UseCases
from careline_router.views import PbxAnswer

log = structlog.get_logger(__name__)

NOTHING = cmd.Tick()
"""A command that only brings an answer about."""


class PbxFacts(UseCases):
    """The use cases of PBXs; `pbx_call_id` is the PBX's own id.

    A fact that comes too late has no effect and is answered like any other. A call nobody has
    announced is 404 `unknown-call`.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._arriving: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

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
            call_id = await self._known(pbx, arrival.pbx_call_id)
            if call_id is None:
                await self._refuse_used(receipt)
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

    async def _refuse_used(self, receipt: Receipt | None) -> None:
        """A used webhook-id must not announce a new call; raises as the actor would."""
        if receipt is None:
            return
        async with self._database.read() as connection:
            answer = await find_answer(connection, receipt.scope, receipt.key, receipt.fingerprint)
        if answer is not None:
            raise AlreadyAnswered(answer)

    async def _register(self, pbx: str, arrival: Arrival, control: Control) -> str:
        call_id = self._ids.new()
        line = self._plan().line(arrival.line)
        region = None if line is None else main_region_of(line.number)
        contact = contact_of(arrival.caller, arrival.attributes, region=region)
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
                attributes={**contact.attributes, "ivr": dict(arrival.ivr)},
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
            closing = cmd.CloseCall(call_id=call_id, outcome="closed", media=CLOSED_MEDIA)
            return await self._answer(closing, pbx, call_id, receipt)
        contact = self._contacts.of(call_id)
        profile = await self._intake.profile(contact)
        command = self._intake.destination(self._plan(), line, call_id, profile, ivr)
        named = replace(contact, name=profile.name)
        self._contacts.put(call_id, named)

        async def keep_name(uow: UnitOfWork, _events: list[Event]) -> None:
            if profile.name is not None:
                await repository.put_contact(uow.connection, call_id, name=profile.name)

        try:
            return await self._answer(command, pbx, call_id, receipt, first=keep_name)
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
            ivr = self._contacts.of(call.id).attributes.get("ivr", {})
            try:
                await self._route(call.pbx, call.id, ivr, None)
            except Problem as problem:  # one call must not keep the whole floor from being led
                log.error("floor.arrival_stuck", call_id=call.id, problem=problem.type)  # noqa: TRY400 - see above

    async def call_answered(
        self, pbx: str, pbx_call_id: str, offer_id: str, *, receipt: Receipt | None = None
    ) -> PbxAnswer:
        """The agent's phone was answered: caller and agent are connected."""
        call_id = await self._require(pbx, pbx_call_id)
        command = cmd.PhoneAnswered(offer_id=offer_id)
        return await self._answer_offer(command, pbx, call_id, receipt)

    async def offer_failed(
        self,
        pbx: str,
        pbx_call_id: str,
        offer_id: str,
        cause: FailureCause,
        *,
        receipt: Receipt | None = None,
    ) -> PbxAnswer:
        """The agent's phone was busy, rejected, not answered or not to be reached."""
        call_id = await self._require(pbx, pbx_call_id)
        command = cmd.OfferFailed(offer_id=offer_id, cause=cause)
        return await self._answer_offer(command, pbx, call_id, receipt)

    def talks(self, pbx: str, pbx_call_id: str, offer_id: str) -> bool:
        """Whether the caller talks to the agent of this offer."""
        floor = self._actor.floor
        call = floor.calls.get(floor.by_pbx.get((pbx, pbx_call_id), ""))
        return call is not None and call.state == "connected" and call.offer == offer_id

    async def leg_gone(
        self, pbx: str, pbx_call_id: str, offer_id: str, cause: FailureCause
    ) -> PbxAnswer:
        """An agent's leg is gone: his talk ends, or his offer fails; a leg that was late is nobody's."""
        if self.talks(pbx, pbx_call_id, offer_id):
            return await self.hung_up(pbx, pbx_call_id, "agent")
        return await self.offer_failed(pbx, pbx_call_id, offer_id, cause)

    async def hung_up(
        self,
        pbx: str,
        pbx_call_id: str,
        by: Party,
        cause: str | None = None,
        *,
        receipt: Receipt | None = None,
    ) -> PbxAnswer:
        """A party is gone. With the caller go the commands that were still open for the call."""
        call_id = await self._require(pbx, pbx_call_id)

        async def close_commands(uow: UnitOfWork, _events: list[Event]) -> None:
            if by != "agent":
                await reading.close_commands(uow.connection, call_id, uow.clock.now())

        command = cmd.HangUp(call_id=call_id, by=by, cause=cause)
        known = call_id in self._actor.floor.calls
        return await self._answer(
            command if known else NOTHING, pbx, call_id, receipt, first=close_commands
        )

    async def digits(
        self, pbx: str, pbx_call_id: str, digits: str, *, receipt: Receipt | None = None
    ) -> PbxAnswer:
        """The caller pressed keys."""
        call_id = await self._require(pbx, pbx_call_id)
        command = cmd.Digits(call_id=call_id, digits=digits)
        known = call_id in self._actor.floor.calls
        return await self._answer(command if known else NOTHING, pbx, call_id, receipt)

    async def recording_ready(
        self,
        pbx: str,
        pbx_call_id: str,
        url: str,
        duration_s: float,
        *,
        receipt: Receipt | None = None,
    ) -> PbxAnswer:
        """A recording of the call can be fetched at `url`."""
        call_id = await self._require(pbx, pbx_call_id)

        async def keep_recording(uow: UnitOfWork, _events: list[Event]) -> None:
            recording = {"url": url, "duration_s": duration_s}
            await repository.put_call(uow.connection, call_id, recording=recording)
            call = self._actor.floor.calls.get(call_id)
            uow.emit(
                RecordingReady(call_id=call_id, duration_s=duration_s, at=uow.clock.now()),
                subject=call_id,
                sequence=0 if call is None else call.version,
            )

        return await self._answer(NOTHING, pbx, call_id, receipt, first=keep_recording)

    async def dial_result(self, pbx: str, offer_id: str, result: str) -> PbxAnswer:
        """How a dialplan's dialling went: `answered`, `ended`, or a cause of failure.

        `ended` ends the talk; a dialplan that tells only that is taken to have been answered.
        """
        async with self._database.read() as connection:
            call = await reading.call_of_offer(connection, pbx, offer_id)
        if call is None:
            raise NotFound("there is no such offer", type="unknown-offer")
        if result in {"busy", "rejected", "no_answer", "unreachable"}:
            failed = cmd.OfferFailed(offer_id=offer_id, cause=result)  # type: ignore[arg-type]
            return await self._answer(failed, pbx, call.id, None)
        answered = cmd.PhoneAnswered(offer_id=offer_id)
        if result == "answered":
            return await self._answer(answered, pbx, call.id, None)
        await self._actor.submit(answered)
        return await self.hung_up(pbx, call.pbx_call_id, "system")

    async def command_done(
        self, pbx: str, command_id: str, *, ok: bool, detail: Mapping[str, Any] | None = None
    ) -> None:
        """The PBX has carried a command out, or could not: a `ring` that failed fails its offer.

        A repeat has no effect; 404 `unknown-command` when this PBX has no such command.
        """
        async with self._database.read() as connection:
            row = await reading.command(connection, pbx, command_id)
        if row is None:
            raise NotFound("this PBX has no such command", type="unknown-command")
        if row.done_at is not None:
            return

        async def mark(uow: UnitOfWork, _events: list[Event]) -> None:
            await reading.mark_done(uow.connection, command_id, ok=ok, at=uow.clock.now())

        command: cmd.Command = NOTHING
        if not ok:
            log.warning("pbx.command_failed", pbx=pbx, command=row.type, call_id=row.call_id)
            self._metrics.commands_failed.labels(row.type).inc()
            if row.type == "ring":
                command = cmd.OfferFailed(offer_id=row.offer_id, cause=_cause(detail))
        await self._actor.submit(command, within=mark)

    # -- answers -------------------------------------------------------------------------------

    async def _answer(
        self,
        command: cmd.Command,
        pbx: str,
        call_id: str,
        receipt: Receipt | None,
        *,
        first: Within | None = None,
    ) -> PbxAnswer:
        """Runs a command; the answer is made, and kept, in its transaction."""

        async def within(uow: UnitOfWork, events: list[Event]) -> PbxAnswer:
            if first is not None:
                await first(uow, events)
            row = await reading.call(uow.connection, call_id)
            if row is None:
                raise unknown_call()
            commands = await reading.take_commands(
                uow.connection,
                pbx,
                now=self._clock.now(),
                again_after=timedelta(seconds=REDELIVER_S),
            )
            return PbxAnswer(call=call_view(row, EVERYTHING), commands=tuple(commands))

        answer: PbxAnswer = await self._actor.submit(command, within=within, receipt=receipt)
        return answer

    async def _answer_offer(
        self,
        command: cmd.PhoneAnswered | cmd.OfferFailed,
        pbx: str,
        call_id: str,
        receipt: Receipt | None,
    ) -> PbxAnswer:
        """A fact about an offer of another call has no effect on this one."""
        offer = self._actor.floor.offers.get(command.offer_id)
        ours = offer is not None and offer.call == call_id
        return await self._answer(command if ours else NOTHING, pbx, call_id, receipt)

    async def _known(self, pbx: str, pbx_call_id: str) -> str | None:
        """Careline's id of a call this PBX has announced."""
        call_id = self._actor.floor.by_pbx.get((pbx, pbx_call_id))
        if call_id is not None:
            return call_id
        async with self._database.read() as connection:
            row = await reading.call_by_pbx(connection, pbx, pbx_call_id)
        return None if row is None else str(row.id)

    async def _require(self, pbx: str, pbx_call_id: str) -> str:
        call_id = await self._known(pbx, pbx_call_id)
        if call_id is None:
            raise unknown_call()
        return call_id

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


def _cause(detail: Mapping[str, Any] | None) -> FailureCause:
    """Why a phone could not be rung, as the PBX says; else it counts as unreachable."""
    cause = (detail or {}).get("cause")
    if cause == "busy":
        return "busy"
    return "rejected" if cause == "rejected" else "unreachable"
