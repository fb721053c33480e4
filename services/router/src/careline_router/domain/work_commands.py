"""Appeals on the floor: put there when nobody has them, taken off when somebody is done with them."""

from careline_router.domain import commands as cmd
from careline_router.domain.presence_commands import PresenceCommands
from careline_router.domain.states import Call, Rejected
from careline_router.domain.terms import Terms
from careline_router.domain.work import JOURNAL, EndWork, OfferWork, work_name

NO_WRAP_UP = Terms(wrap_up_s=0.0)


class WorkCommands(PresenceCommands):
    def _offer_work(self, command: OfferWork) -> None:
        self._queue_spec(command.queue)
        self._register(
            cmd.RegisterCall(
                call_id=command.call_id,
                pbx=JOURNAL,
                pbx_call_id=work_name(command.ticket_id, command.number),
                line="",
                control="desk",
                kind="ticket",
            )
        )
        self._queue(
            cmd.QueueCall(
                call_id=command.call_id,
                queue=command.queue,
                skills=command.skills,
                priority=command.priority,
                due_at=command.due_at,
                offers_callback=False,
                terms=NO_WRAP_UP,
            )
        )

    def _end_work(self, command: EndWork) -> None:
        call = self._call(command.call_id)
        if call.control != "desk":
            raise Rejected("not-work", "this is a call: it ends when somebody hangs up")
        if command.agent_id is not None:
            self._require_in_hand(call, command.agent_id)
        if call.state == "ended":
            return
        if call.state != "connected":
            self._drop(call)
            return
        agent = self.agents[call.agent or ""]
        self._lay_down(call, agent, by="system" if command.agent_id is None else "agent")
        self._after_work(agent, call)

    def _require_in_hand(self, call: Call, agent_id: str) -> None:
        if call.agent != agent_id:
            raise Rejected("not-your-call", "another agent has this appeal, or nobody")
