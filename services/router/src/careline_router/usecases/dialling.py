"""What a PBX tells of the people it calls back, and what it must know of them to do so."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db import reading
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.states import Call
from careline_router.domain.words import FailureCause
from careline_router.ports import Receipt
from careline_router.usecases.pbx_answers import NOTHING
from careline_router.usecases.pbx_facts import PbxFacts
from careline_router.views import CallbackUnderWay, PbxAnswer


class Dialling(PbxFacts):
    """The use cases of a callback at its PBX: first the agent has answered, then the person is called."""

    def calls_back(self, pbx: str, pbx_call_id: str) -> bool:
        """Whether this is a callback that is under way: at the PBX nobody but its agent stands for it."""
        floor = self._actor.floor
        call = floor.calls.get(floor.by_pbx.get((pbx, pbx_call_id), ""))
        return call is not None and call.callback is not None and call.state != "ended"

    async def person_reached(
        self, pbx: str, pbx_call_id: str, *, receipt: Receipt | None = None
    ) -> PbxAnswer:
        """The person who is called back has answered: he talks to the agent."""
        call_id = await self._require(pbx, pbx_call_id)
        return await self._answer_dial(cmd.DialReached(call_id=call_id), pbx, receipt)

    async def person_not_reached(
        self, pbx: str, pbx_call_id: str, cause: FailureCause, *, receipt: Receipt | None = None
    ) -> PbxAnswer:
        """The person who is called back was busy, rejected, did not answer or was not to be reached."""
        call_id = await self._require(pbx, pbx_call_id)
        return await self._answer_dial(cmd.DialFailed(call_id=call_id, cause=cause), pbx, receipt)

    async def _answer_dial(
        self, command: cmd.DialReached | cmd.DialFailed, pbx: str, receipt: Receipt | None
    ) -> PbxAnswer:
        known = command.call_id in self._actor.floor.calls
        return await self._answer(command if known else NOTHING, pbx, command.call_id, receipt)

    # -- for a PBX that we steer call by call -----------------------------------------------------

    async def dial_begins(self, pbx: str, command_id: str) -> bool:
        """Whether the person may be dialled now: a `dial` is done before it is tried.

        So nobody is dialled twice by one command, whenever this process dies; whoever may not have been
        dialled at all counts as not reached and is called again by the plan.
        """

        async def claim(uow: UnitOfWork, _events: list[Event]) -> bool:
            return await reading.mark_done(uow.connection, command_id, ok=True, at=uow.clock.now())

        return bool(await self._actor.submit(NOTHING, within=claim))

    async def dial_refused(self, pbx: str, pbx_call_id: str) -> PbxAnswer:
        """The PBX would not dial the person at all."""
        self._metrics.commands_failed.labels("dial").inc()
        return await self.person_not_reached(pbx, pbx_call_id, "unreachable")

    async def person_gone(
        self, pbx: str, pbx_call_id: str, offer_id: str, cause: FailureCause
    ) -> PbxAnswer:
        """The person's leg is gone: he was not reached, or his talk ends; a leg that was late is nobody's."""
        if self.dials(pbx, pbx_call_id, offer_id):
            return await self.person_not_reached(pbx, pbx_call_id, cause)
        if self.talks(pbx, pbx_call_id, offer_id):
            return await self.hung_up(pbx, pbx_call_id, "caller")
        return await self._answer(NOTHING, pbx, await self._require(pbx, pbx_call_id), None)

    def dials(self, pbx: str, pbx_call_id: str, offer_id: str) -> bool:
        """Whether the person of this offer's callback is being called."""
        call = self._callback(pbx, pbx_call_id)
        return call is not None and call.offer == offer_id and _dialling(call)

    def offer_in_hand(self, pbx: str, pbx_call_id: str) -> str | None:
        """The offer by which a callback rings an agent, calls its person or is talked."""
        call = self._callback(pbx, pbx_call_id)
        return None if call is None else call.offer

    def callback_of(self, pbx: str, offer_id: str) -> str | None:
        """The callback that is under way by this offer; None when it is over. Looks at every call."""
        for call in self._actor.floor.calls.values():
            if call.offer == offer_id and call.pbx == pbx and call.callback is not None:
                return call.pbx_call_id
        return None

    async def callbacks_under_way(self, pbx: str) -> list[CallbackUnderWay]:
        """The callbacks of this PBX whose agent has answered his phone."""
        calls = {
            call.offer: call
            for call in self._actor.floor.calls.values()
            if call.pbx == pbx
            and call.callback is not None
            and call.state == "connected"
            and call.offer is not None
        }
        if not calls:
            return []
        async with self._database.read() as connection:
            call_ids = [call.id for call in calls.values()]
            begun = await reading.carried_out(connection, "dial", call_ids, list(calls))
        return [
            CallbackUnderWay(
                call_id=call.pbx_call_id,
                offer_id=offer_id,
                dialling=_dialling(call),
                begun=offer_id in begun,
            )
            for offer_id, call in calls.items()
        ]

    def _callback(self, pbx: str, pbx_call_id: str) -> Call | None:
        floor = self._actor.floor
        call = floor.calls.get(floor.by_pbx.get((pbx, pbx_call_id), ""))
        return call if call is not None and call.callback is not None else None


def _dialling(call: Call) -> bool:
    return call.callback is not None and call.callback.dialling
