"""Callbacks that somebody asks for, and that nobody wants any more."""

from collections.abc import Container
from datetime import datetime

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Conflict, invalid
from careline_common.phones import main_region_of, parse_phone
from careline_router.db import repository
from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.flows import priority_of
from careline_router.domain.words import Payer
from careline_router.floorplan import FloorPlan, WayIn
from careline_router.intake import utc_offset_s
from careline_router.ports import Receipt
from careline_router.runtime.contacts import Contact
from careline_router.usecases.callback_rows import keep_made
from careline_router.usecases.parts import UseCases
from careline_router.views import CallbackView, Viewer


class Callbacks(UseCases):
    """A person is called back once: who is to be called already is not put down a second time."""

    async def request_callback(
        self,
        viewer: Viewer,
        phone: str,
        queue: str,
        not_before: datetime | None = None,
        *,
        receipt: Receipt | None = None,
    ) -> CallbackView:
        """Puts somebody down to be called back; 409 `known-person` with the `id` of his callback."""
        floor, plan = self._actor.floor, self._plan()
        way = _way_into(plan, queue, plan.out_of_service(floor.sites, floor.pbxs_down))
        number = _number(phone, way)
        profile = await self._intake.profile(Contact(phone=number, is_number=True))
        contact = Contact(phone=number, is_number=True, name=profile.name)
        command = self._request(way, number, profile.payer, not_before)
        call_id = command.call_id

        async def keep(uow: UnitOfWork, events: list[ev.Event]) -> CallbackView:
            for event in events:
                if isinstance(event, ev.CallbackMade):
                    await keep_made(uow, event, from_call=None)
            await repository.put_contact(
                uow.connection,
                call_id,
                phone=number,
                lookup_hmac=self._hasher.lookup(number),
                name=contact.name,
            )
            return await self.callbacks.one_on(uow.connection, call_id, viewer)

        self._contacts.put(call_id, contact)
        try:
            view: CallbackView = await self._actor.submit(command, within=keep, receipt=receipt)
        except BaseException as error:
            self._contacts.forget(call_id)
            if isinstance(error, Conflict) and error.type == "known-person":
                known = self._actor.floor.callback_of.get(command.person)
                raise Conflict(error.detail, type=error.type, id=known) from error
            raise
        return view

    def _request(
        self, way: WayIn, number: str, payer: Payer, not_before: datetime | None
    ) -> cmd.RequestCallback:
        rules = self._plan().callbacks
        return cmd.RequestCallback(
            call_id=self._ids.new(),
            pbx=way.pbx,
            line=way.line.number,
            queue=way.branch.queue,
            skills=way.branch.skills,
            priority=priority_of(way.branch, payer),
            person=self._hasher.lookup(number).hex(),
            origin="requested" if not_before is None else "scheduled",
            payer=payer,
            mode="defer" if rules is None else rules.mode,
            not_before=None if not_before is None else not_before.timestamp(),
            utc_offset_s=utc_offset_s(number, way.line, not_before or self._clock.now()),
        )

    async def cancel_callback(self, call_id: str) -> None:
        """Nobody is called back by this any more; one that is over stays as it is.

        404 `unknown-callback`, 409 `callback-begun` while the person is being called.
        """
        await self.callbacks.one(call_id, Viewer())
        if call_id in self._actor.floor.calls:
            await self._actor.submit(cmd.CancelCallback(call_id=call_id))


def _way_into(plan: FloorPlan, queue: str, down: Container[str]) -> WayIn:
    if queue not in plan.queues:
        raise invalid("queue", "there is no such queue")
    way = plan.way_into(queue, down)
    if way is None:
        raise Conflict(
            "no line leads into this queue, or no PBX calls people back", type="no-way-out"
        )
    return way


def _number(phone: str, way: WayIn) -> str:
    """Whom to call; a number without its country is read as people dial it where the line is."""
    try:
        return parse_phone(phone, main_region_of(way.line.number))
    except ValueError as error:
        raise invalid("phone", str(error)) from None
