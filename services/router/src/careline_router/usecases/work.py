"""Appeals of the journal that are offered to agents beside calls.

The journal's events say how appeals stand; here the floor is brought to that, again and again, so that it makes no odds
in which order, how often, or while which process leads they came. What an item is accepted for is told once, with the
accepting; until the journal's answer is here nobody else is offered that appeal.
"""

import asyncio
from typing import Any

import structlog
from sqlalchemy import Row

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Problem
from careline_common.observability.errors import describe
from careline_router.db import work
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.domain.states import Call
from careline_router.domain.words import Priority
from careline_router.domain.work import EndWork, OfferWork, appeal_of
from careline_router.floorplan import FloorPlan
from careline_router.queries import unknown_call
from careline_router.usecases.agents import AgentUseCases
from careline_router.views import AgentView

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
MOST_WAITING = 500
"""So many appeals wait on the floor at once; the journal's queue is where the others are."""
PRIORITIES: dict[str, Priority] = {"normal": "deferrable", "high": "insured", "urgent": "vip"}
"""Among appeals: calls go before all of them."""

AppealRow = Row[*tuple[Any, ...]]


class WorkOfTheJournal(AgentUseCases):
    async def work_done(self, agent_id: str, call_id: str) -> AgentView:
        """The agent is done with an appeal on the floor; in the journal it stays as it is, and his.

        404 `unknown-call`, 409 `not-your-call`, `not-work`.
        """
        if call_id not in self._actor.floor.calls:
            raise unknown_call()
        return await self._as_agent(agent_id, EndWork(call_id=call_id, agent_id=agent_id))

    async def watch_work(self) -> None:
        """Keeps the floor as the journal has it, while this process leads."""
        while True:
            try:
                await self.bring_work()
            except Exception as error:  # noqa: BLE001 - whatever it is, calls go on; the next look is soon
                log.warning("work.not_brought", error=describe(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def bring_work(self) -> None:
        """Offers what nobody has, and takes off the floor what somebody has, or what is over."""
        plan = self._plan()
        offering = [queue.appeals for queue in plan.queues.values() if queue.appeals is not None]
        on_floor = [
            call
            for call in self._actor.floor.calls.values()
            if call.control == "desk" and call.state != "ended"
        ]
        if not offering and not on_floor:
            return
        groups = sorted({group for appeals in offering for group in appeals.groups})
        ungrouped = any(appeals.ungrouped for appeals in offering)
        waiting = sum(call.state != "connected" for call in on_floor)
        async with self._database.read() as connection:
            known = await work.standing(connection, [_ticket(call) for call in on_floor])
            wanted = await work.wanted(
                connection, groups, ungrouped=ungrouped, most=max(0, MOST_WAITING - waiting)
            )
        changes = [_change(call, known.get(_ticket(call)), plan) for call in on_floor]
        await asyncio.gather(
            *(self._try(change) for change in changes if change is not None),
            *(self._offer(row, plan) for row in wanted),
        )

    async def _try(self, command: cmd.Command) -> None:
        """What has changed on the floor meanwhile is looked at the next time."""
        try:
            await self._actor.submit(command)
        except Problem as problem:
            log.info("work.refused", command=type(command).__name__, type=problem.type)

    async def _offer(self, row: AppealRow, plan: FloorPlan) -> None:
        queue = plan.queue_of_appeals(row.group_id)
        if queue is None or queue.appeals is None:
            return
        number = row.offered + 1

        async def note(uow: UnitOfWork, _events: list[Event]) -> None:
            await work.note_offered(
                uow.connection, row.ticket_id, number=number, sequence=row.sequence
            )

        command = OfferWork(
            call_id=self._ids.new(),
            ticket_id=row.ticket_id,
            number=number,
            queue=queue.id,
            skills=dict(queue.appeals.skills),
            priority=PRIORITIES.get(row.priority, "deferrable"),
            due_at=None if row.due_at is None else row.due_at.timestamp(),
        )
        try:
            await self._actor.submit(command, within=note)
        except Problem as problem:
            log.info("work.refused", command="OfferWork", type=problem.type)


def _ticket(call: Call) -> str:
    return appeal_of(call.pbx, call.pbx_call_id) or ""


def _change(call: Call, row: AppealRow | None, plan: FloorPlan) -> cmd.Command | None:
    """What has to be done about an item on the floor, as its appeal stands."""
    if row is None or row.status not in work.WORKABLE:
        return EndWork(call_id=call.id)
    if call.state == "connected":
        return None if _still_his(call, row) else EndWork(call_id=call.id)
    queue = plan.queue_of_appeals(row.group_id)
    if row.owner is not None or queue is None:
        return EndWork(call_id=call.id)
    if queue.id != call.queue and row.sequence > (row.offered_sequence or 0):
        return EndWork(
            call_id=call.id
        )  # it was passed on in the journal, and goes there the next time
    priority = PRIORITIES.get(row.priority, "deferrable")
    if call.priority != priority:
        return cmd.SetPriority(call_id=call.id, priority=priority)
    return None


def _still_his(call: Call, row: AppealRow) -> bool:
    """Whether the agent who accepted it has it, or the journal has not heard of that yet."""
    if row.owner is None:
        return (row.settled_sequence or 0) <= (row.offered_sequence or 0)
    return bool(row.owner == call.agent)
