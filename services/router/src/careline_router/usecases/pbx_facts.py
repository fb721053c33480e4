"""What PBXs tell of calls that are there: phones that answer, parties that go."""

from collections.abc import Mapping
from typing import Any

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.router import CallKeyed
from careline_common.http.problem import Conflict, NotFound
from careline_router.db import reading
from careline_router.domain import commands as cmd
from careline_router.domain import transfer_orders as orders
from careline_router.domain.events import Event
from careline_router.domain.leaving import refuses_recording, way_out_by
from careline_router.domain.states import Call, may_take_callback
from careline_router.domain.words import FailureCause, OfferFailure, Party
from careline_router.ports import Receipt
from careline_router.runtime.work import Within
from careline_router.usecases.arrivals import Arrivals
from careline_router.usecases.callback_rows import keeping_callbacks
from careline_router.usecases.pbx_answers import NOTHING
from careline_router.views import PbxAnswer

log = structlog.get_logger(__name__)


class PbxFacts(Arrivals):
    """The use cases of PBXs; `pbx_call_id` is the PBX's own id.

    A fact that comes too late has no effect and is answered like any other. A call nobody has
    announced is 404 `unknown-call`.
    """

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
        cause: OfferFailure,
        *,
        receipt: Receipt | None = None,
    ) -> PbxAnswer:
        """The agent's phone was busy, rejected, not answered or not to be reached; or `lost`, which he is not blamed for."""
        call_id = await self._require(pbx, pbx_call_id)
        command = cmd.OfferFailed(offer_id=offer_id, cause=cause)
        return await self._answer_offer(command, pbx, call_id, receipt)

    def consults(self, pbx: str, pbx_call_id: str, consult_id: str) -> str | None:
        """The offer by which an agent has this call and asks somebody by this consultation."""
        floor = self._actor.floor
        call = floor.calls.get(floor.by_pbx.get((pbx, pbx_call_id), ""))
        if call is None or call.consultation is None or call.consultation.id != consult_id:
            return None
        return call.offer

    def talks(self, pbx: str, pbx_call_id: str, offer_id: str) -> bool:
        """Whether the caller talks to the agent of this offer."""
        floor = self._actor.floor
        call = floor.calls.get(floor.by_pbx.get((pbx, pbx_call_id), ""))
        return call is not None and call.state == "connected" and call.offer == offer_id

    async def leg_gone(
        self, pbx: str, pbx_call_id: str, offer_id: str, cause: OfferFailure, *, lost: bool = False
    ) -> PbxAnswer:
        """An agent's leg is gone: his talk ends, or his offer fails; a leg that was late is nobody's. With `lost` he
        did not hang up, his phone dropped out: the caller goes first at his place again."""
        if self.talks(pbx, pbx_call_id, offer_id):
            return await self.hung_up(pbx, pbx_call_id, "agent", "lost" if lost else None)
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

        command = cmd.HangUp(
            call_id=call_id, by=by, cause=cause, utc_offset_s=self._utc_offset_s(call_id)
        )
        known = call_id in self._actor.floor.calls
        keep = keeping_callbacks(self._contacts, call_id, close_commands)
        return await self._answer(command if known else NOTHING, pbx, call_id, receipt, first=keep)

    async def as_it_is(
        self, pbx: str, pbx_call_id: str, *, receipt: Receipt | None = None
    ) -> PbxAnswer:
        """What was told is of no call any more: the call as it is."""
        call_id = await self._require(pbx, pbx_call_id)
        return await self._answer(NOTHING, pbx, call_id, receipt)

    async def consult_answered(
        self, pbx: str, pbx_call_id: str, consult_id: str, *, receipt: Receipt | None = None
    ) -> PbxAnswer:
        """Who an agent asks has answered."""
        call_id = await self._require(pbx, pbx_call_id)
        command = orders.ConsultAnswered(call_id=call_id, consult_id=consult_id)
        return await self._answer(command, pbx, call_id, receipt)

    async def consult_gone(
        self,
        pbx: str,
        pbx_call_id: str,
        consult_id: str,
        cause: str,
        *,
        lost: bool = False,
        receipt: Receipt | None = None,
    ) -> PbxAnswer:
        """Who an agent asks was not reached, or has hung up: the agent has his caller back. Of one to whom
        the call was handed over it is the end of the talk, or with `lost` as in `leg_gone`."""
        call_id = await self._require(pbx, pbx_call_id)
        if self.talks(pbx, pbx_call_id, consult_id):
            how = "lost" if lost else None
            return await self.hung_up(pbx, pbx_call_id, "agent", how, receipt=receipt)
        command = orders.ConsultGone(call_id=call_id, consult_id=consult_id, cause=cause)
        return await self._answer(command, pbx, call_id, receipt)

    async def dialplan_gone(self, call: Call) -> None:
        """A dialplan asks no more where its call goes: its caller is gone."""
        command = cmd.HangUp(call_id=call.id, by="caller", utc_offset_s=self._utc_offset_s(call.id))
        await self._actor.submit(command, within=keeping_callbacks(self._contacts, call.id))

    async def digits(
        self, pbx: str, pbx_call_id: str, digits: str, *, receipt: Receipt | None = None
    ) -> PbxAnswer:
        """The caller pressed keys; with one of them he may take the callback that he was offered.

        Keys that come once his call is over answer the survey that the PBX asks him by voice.
        """
        call_id = await self._require(pbx, pbx_call_id)
        served = await self.keys_pressed(pbx, call_id, digits, receipt)
        if served is None:
            served = await self.help_called(pbx, call_id, digits, receipt)
        if served is not None:
            return served
        call, rules = self._actor.floor.calls.get(call_id), self._plan().callbacks
        if call is None or call.state == "ended":
            return await self._answer(
                NOTHING, pbx, call_id, receipt, first=_telling(call_id, digits)
            )
        if rules is None or rules.key not in digits or not may_take_callback(call):
            return await self._steered_by(call, digits, pbx, receipt)
        accept = cmd.AcceptCallback(
            call_id=call_id,
            callback_id=self._ids.new(),
            utc_offset_s=self._utc_offset_s(call_id),
        )
        keep = keeping_callbacks(self._contacts, call_id)
        try:
            return await self._answer(accept, pbx, call_id, receipt, first=keep)
        except Conflict:
            # an agent has answered, or the caller has hung up, since he pressed the key
            return await self._answer(NOTHING, pbx, call_id, receipt)

    async def _steered_by(
        self, call: Call, digits: str, pbx: str, receipt: Receipt | None
    ) -> PbxAnswer:
        """Keys by which a caller refuses to be recorded, or leaves the queue; else they mean nothing."""
        command: cmd.Command = cmd.Digits(call_id=call.id, digits=digits)
        way_out = way_out_by(call, digits)
        if refuses_recording(call, digits):
            command = cmd.RefuseRecording(call_id=call.id)
        elif way_out is not None:
            command = cmd.TakeWayOut(call_id=call.id, key=way_out)
        try:
            return await self._answer(command, pbx, call.id, receipt)
        except Conflict:
            # an agent has answered, or the caller has hung up, since he pressed the key
            return await self._answer(NOTHING, pbx, call.id, receipt)

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
        """The PBX has carried a command out, or could not: a `ring` that failed fails its offer, a
        `dial` its try to reach the person.

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
            elif row.type == "consult":
                command = orders.ConsultGone(
                    call_id=row.call_id,
                    consult_id=row.body["consult_id"],
                    cause=_cause(detail),
                )
            elif row.type == "dial" and row.call_id in self._actor.floor.calls:
                command = cmd.DialFailed(call_id=row.call_id, cause=_cause(detail))
        if row.type == "transfer":
            command = orders.TransferEnded(
                call_id=row.call_id,
                ok=ok,
                offer_id=row.body.get("offer_id", ""),
                consult_id=row.body.get("consult_id"),
            )
        await self._actor.submit(command, within=mark)


def _cause(detail: Mapping[str, Any] | None) -> FailureCause:
    """Why a phone could not be rung, as the PBX says; else it counts as unreachable."""
    cause = (detail or {}).get("cause")
    if cause == "busy":
        return "busy"
    return "rejected" if cause == "rejected" else "unreachable"


def _telling(call_id: str, keys: str) -> Within:
    async def tell(uow: UnitOfWork, _events: list[Event]) -> None:
        event = CallKeyed(call_id=call_id, keys=keys, keyed_at=uow.clock.now())
        uow.emit(event, subject=call_id, sequence=0)

    return tell
