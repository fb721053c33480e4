"""How a PBX is answered: by the call as it is then, and by what the PBX has to do."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db import reading
from careline_router.domain import commands as cmd
from careline_router.intake import utc_offset_s
from careline_router.pbx_link import REDELIVER_S
from careline_router.ports import Receipt
from careline_router.queries import EVERYTHING, call_view, unknown_call
from careline_router.runtime.contacts import Contact
from careline_router.runtime.work import Asked, Within
from careline_router.usecases.parts import UseCases
from careline_router.views import PbxAnswer, PbxCommand

NOTHING = cmd.Tick()
"""A command that only brings an answer about."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What a PBX wants to know: how this call is, and what it has to do."""

    pbx: str
    call_id: str


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
        """Runs a command; the answer is made, and kept, in its transaction, after `first`."""
        asked = Asked(by=self._answers, about=_Question(pbx, call_id))
        answer: PbxAnswer = await self._actor.submit(
            command, within=first, asked=asked, receipt=receipt
        )
        return answer

    async def _answers(self, uow: UnitOfWork, about: Sequence[_Question]) -> list[PbxAnswer]:
        """Of several questions of one PBX the first is told what it has to do, as far as it goes."""
        asking = Counter(question.pbx for question in about)
        commands = {
            pbx: deque(await self._taken(uow, pbx, most=questions * reading.MOST_COMMANDS))
            for pbx, questions in asking.items()
        }
        rows = await reading.calls_by_id(uow.connection, [question.call_id for question in about])
        answers: list[PbxAnswer] = []
        for question in about:
            row = rows.get(question.call_id)
            if row is None:
                raise unknown_call()
            left = commands[question.pbx]
            mine = tuple(left.popleft() for _ in range(min(len(left), reading.MOST_COMMANDS)))
            answers.append(PbxAnswer(call=call_view(row, EVERYTHING), commands=mine))
        return answers

    async def _taken(self, uow: UnitOfWork, pbx: str, *, most: int) -> list[PbxCommand]:
        return await reading.take_commands(
            uow.connection,
            pbx,
            now=self._clock.now(),
            again_after=timedelta(seconds=REDELIVER_S),
            most=most,
        )

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
