"""How a PBX is answered: by the call as it is then, and by what the PBX has to do."""

from datetime import timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db import reading
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.intake import utc_offset_s
from careline_router.pbx_link import REDELIVER_S
from careline_router.ports import Receipt
from careline_router.queries import EVERYTHING, call_view, unknown_call
from careline_router.runtime.contacts import Contact
from careline_router.runtime.work import Within
from careline_router.usecases.parts import UseCases
from careline_router.views import PbxAnswer

NOTHING = cmd.Tick()
"""A command that only brings an answer about."""


class PbxAnswers(UseCases):
    """What the use cases of PBXs have in common."""

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

    def _person(self, contact: Contact) -> str | None:
        """The caller as the floor knows him: the same for the same number, and nothing else of him."""
        number = contact.number
        return None if number is None else self._hasher.lookup(number).hex()

    def _utc_offset_s(self, call_id: str) -> float:
        """How far the clock of a call's caller is from UTC, as well as can be known."""
        call = self._actor.floor.calls.get(call_id)
        line = None if call is None else self._plan().line(call.line)
        return utc_offset_s(self._contacts.of(call_id).number, line, self._clock.now())
