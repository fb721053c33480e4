"""What agents do: come and go, take calls, wrap them up."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.router import CallWrappedUp
from careline_common.http.problem import Conflict, invalid
from careline_router.db import offers, reading, repository
from careline_router.domain import commands as cmd
from careline_router.domain.events import Event
from careline_router.ports import Receipt
from careline_router.problems import UnknownAgent
from careline_router.queries import call_view, unknown_call
from careline_router.usecases.parts import UseCases
from careline_router.usecases.wrap_ups import booking_of, check_words
from careline_router.views import AgentView, CallView, Viewer, WrapUp

WHY_CLOSED = {
    "abandoned": "the caller has hung up",
    "withdrawn": "it was taken back, and the call goes another way",
    "no_accept": "nobody took it in time",
    "no_answer": "the phone was not answered in time",
    "rejected": "it was refused",
    "busy": "the phone was busy",
    "unreachable": "the phone could not be reached",
    "lost": "the phone's leg was lost",
}
"""What each `OfferEnd` means to an agent who comes too late."""


class AgentUseCases(UseCases):
    """`agent_id` is the subject of the token; 403 `unknown-agent` if no such agent is configured."""

    async def log_in(
        self,
        agent_id: str,
        *,
        endpoint: str | None = None,
        site: str | None = None,
        receipt: Receipt | None = None,
    ) -> AgentView:
        """The agent comes to work, not ready yet; an endpoint given here is his for the session."""
        command = cmd.LogIn(agent_id=agent_id, endpoint=endpoint, site=site)
        return await self._as_agent(agent_id, command, receipt)

    async def log_out(self, agent_id: str) -> AgentView:
        """The agent leaves; 409 while he talks."""
        return await self._as_agent(agent_id, cmd.LogOut(agent_id=agent_id))

    async def set_state(self, agent_id: str, state: str, reason: str | None = None) -> AgentView:
        """`ready` or `not_ready`; while reserved or talking, not ready holds after this call."""
        return await self._as_agent(agent_id, state_command(agent_id, state, reason))

    async def accept_offer(
        self, agent_id: str, offer_id: str, *, receipt: Receipt | None = None
    ) -> AgentView:
        """The agent takes the call that he is offered: his phone rings. 409 `offer-closed` says why it is not open."""
        command = cmd.AcceptOffer(agent_id=agent_id, offer_id=offer_id)
        return await self._to_his_offer(agent_id, command, receipt)

    async def reject_offer(
        self,
        agent_id: str,
        offer_id: str,
        reason: str | None = None,
        *,
        receipt: Receipt | None = None,
    ) -> AgentView:
        """The agent does not take the call; he stays ready, and is not offered it again."""
        command = cmd.RejectOffer(agent_id=agent_id, offer_id=offer_id, reason=reason)
        return await self._to_his_offer(agent_id, command, receipt)

    async def wrap_up(
        self, agent_id: str, call_id: str, wrap_up: WrapUp, *, receipt: Receipt | None = None
    ) -> CallView:
        """The agent says how a call went, and is done with it."""
        self._require_agent(agent_id)
        async with self._database.read() as connection:
            row = await reading.call(connection, call_id)
        if row is None:
            raise unknown_call()
        if row.control == "desk":
            raise Conflict("an appeal needs no wrap-up: say that it is done", type="no-wrap-up")
        if row.wrapped_up_at is not None and call_id not in self._actor.floor.calls:
            raise Conflict("the call has been wrapped up", type="already-wrapped-up")
        queue = self._plan().queues.get(row.queue or "")
        check_words(queue, wrap_up, self._bookings.clinics)

        async def keep(uow: UnitOfWork, events: list[Event]) -> CallView:
            await self._keep_wrap_up(uow, agent_id, call_id, row.queue, wrap_up)
            return await self._call_on(uow, call_id, Viewer(agent=agent_id))

        command = cmd.CompleteWrapUp(agent_id=agent_id, call_id=call_id)
        view: CallView = await self._actor.submit(command, within=keep, receipt=receipt)
        return view

    async def extend_wrap_up(
        self, agent_id: str, seconds: float, *, receipt: Receipt | None = None
    ) -> AgentView:
        """The agent needs so much longer; 409 `not-wrapping-up`, `wrap-up-limit` beyond his queue's."""
        command = cmd.ExtendWrapUp(agent_id=agent_id, seconds=seconds)
        return await self._as_agent(agent_id, command, receipt)

    async def _keep_wrap_up(
        self, uow: UnitOfWork, agent_id: str, call_id: str, queue: str | None, wrap_up: WrapUp
    ) -> None:
        now = uow.clock.now()
        booking = await booking_of(uow.connection, call_id, wrap_up.booking)
        await repository.put_call(
            uow.connection,
            call_id,
            disposition=wrap_up.disposition,
            resolved=wrap_up.resolved,
            subjects=list(wrap_up.subjects),
            booking=booking,
            wrapped_up_at=now,
        )
        if wrap_up.notes:
            await repository.add_to_contact(uow.connection, call_id, notes=wrap_up.notes)
        uow.emit(
            CallWrappedUp(
                call_id=call_id,
                agent=agent_id,
                queue=queue or "",
                disposition=wrap_up.disposition,
                resolved=wrap_up.resolved,
                subjects=list(wrap_up.subjects),
                booking=None if booking is None else booking["result"],
                appointment=None if booking is None else booking.get("appointment_id"),
                wrapped_up_at=now,
            ),
            subject=call_id,
            sequence=self._actor.floor.calls[call_id].version,
        )

    # -- answers -------------------------------------------------------------------------------

    async def _as_agent(
        self, agent_id: str, command: cmd.Command, receipt: Receipt | None = None
    ) -> AgentView:
        """Runs a command of an agent; the answer is the agent as he is then."""
        self._require_agent(agent_id)

        async def show(uow: UnitOfWork, _events: list[Event]) -> AgentView:
            return await self.queries.agent_on(uow.connection, agent_id)

        view: AgentView = await self._actor.submit(command, within=show, receipt=receipt)
        return view

    async def _to_his_offer(
        self,
        agent_id: str,
        command: cmd.AcceptOffer | cmd.RejectOffer,
        receipt: Receipt | None,
    ) -> AgentView:
        try:
            return await self._as_agent(agent_id, command, receipt)
        except Conflict as refused:
            if refused.type != "offer-closed":
                raise
            async with self._database.read() as connection:
                end = await offers.end_of(connection, command.offer_id, agent_id)
            if end not in WHY_CLOSED:
                raise
            detail = f"this offer is not open any more: {WHY_CLOSED[end]}"
            raise Conflict(
                detail, type=refused.type, allowed=refused.allowed, reason=end
            ) from refused

    async def _call_on(self, uow: UnitOfWork, call_id: str, viewer: Viewer) -> CallView:
        row = await reading.call(uow.connection, call_id)
        if row is None:
            raise unknown_call()
        return call_view(row, viewer)

    def _require_agent(self, agent_id: str) -> None:
        if agent_id not in self._plan().agents:
            raise UnknownAgent


def state_command(agent_id: str, state: str, reason: str | None) -> cmd.Command:
    """The command that sets an agent's state; 422 for any but `ready` and `not_ready`."""
    if state == "ready":
        return cmd.SetReady(agent_id=agent_id)
    if state == "not_ready":
        return cmd.SetNotReady(agent_id=agent_id, reason=reason or "other")
    raise invalid("state", "an agent is set ready or not_ready")
