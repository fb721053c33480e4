"""What bots do besides what every agent does: hand a caller over, with what they have asked him."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Forbidden, invalid
from careline_router.db import bots, reading, repository
from careline_router.db.bots import BotBy, BotRow
from careline_router.domain import transfer_orders as orders
from careline_router.domain.events import Event
from careline_router.domain.states import Call
from careline_router.ports import Receipt
from careline_router.problems import UnknownAgent
from careline_router.queries import call_view, unknown_call
from careline_router.runtime.contacts import COLLECTED
from careline_router.usecases.customers import Customers
from careline_router.views import CallView, Viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """`queue` None: the one he is in; `data` is what the caller was asked, by name."""

    queue: str | None
    data: Mapping[str, str]
    reason: str | None


class BotTalks(Customers):
    async def hand_over(
        self, bot: str, call_id: str, handed: Handed, *, receipt: Receipt | None = None
    ) -> CallView:
        """The caller waits for a human: he keeps the moment in which he came, goes first at his place, and no
        bot is offered him. What he was asked is on the card of whoever gets him.

        403 `not-a-bot`, 404 for a call that is over, 409 unless the bot talks with him.
        """
        agent = self._plan().agents.get(bot)
        if agent is None:
            raise UnknownAgent
        if agent.kind != "bot":
            raise Forbidden("you are no bot: pass the call on over your socket", type="not-a-bot")
        if handed.queue is not None and handed.queue not in self._plan().queues:
            raise invalid("queue", "there is no such queue")
        call = self._actor.floor.calls.get(call_id)
        if call is None:
            raise unknown_call()
        async with self._one_at_a_time(call.pbx, call.pbx_call_id):
            return await self._handed_over(bot, call, handed, receipt)

    async def bots(self, by: BotBy, since: datetime, until: datetime) -> list[BotRow]:
        """Of the calls that bots had and that ended in a time, how many needed nobody else."""
        names = [each.id for each in self._plan().agents.values() if each.kind == "bot"]
        async with self._database.read() as connection:
            return await bots.containment(connection, by, names, since, until)

    async def _handed_over(
        self, bot: str, call: Call, handed: Handed, receipt: Receipt | None
    ) -> CallView:
        contact = self._contacts.of(call.id)
        collected = {**contact.attributes.get(COLLECTED, {}), **handed.data}
        attributes = {**contact.attributes, COLLECTED: collected}
        own = call.queue or ""
        queue = handed.queue or own

        async def keep(uow: UnitOfWork, _events: list[Event]) -> CallView:
            await repository.add_to_contact(uow.connection, call.id, attributes=attributes)
            await bots.add(
                uow.connection,
                call_id=call.id,
                bot=bot,
                queue=own,
                to_queue=queue,
                reason=handed.reason,
                at=uow.clock.now(),
            )
            row = await reading.call(uow.connection, call.id)
            if row is None:
                raise unknown_call()
            return call_view(row, Viewer(agent=bot))

        same = queue == own
        skills = call.skills if same else self._plan().skills_into(queue, call.flow)
        command = orders.TransferIn(agent_id=bot, call_id=call.id, queue=queue, skills=skills)
        view: CallView = await self._actor.submit(command, within=keep, receipt=receipt)
        self._contacts.put(call.id, replace(self._contacts.of(call.id), attributes=attributes))
        return view
