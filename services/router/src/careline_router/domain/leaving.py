"""Callers who leave the queue without an agent, by a way that their flow holds open; and who are not to be recorded."""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.relaxing import Relaxing
from careline_router.domain.states import Call, Rejected
from careline_router.domain.terms import WayOut, due_after


class Leaving(Relaxing):
    """A way out with a key is told of once and stays open; one without a key is taken when its time has come.

    Somebody who is just being offered to an agent is left to him: his ways out are looked at again if that fails.
    """

    def _consider_ways_out(self, call: Call) -> None:
        if call.kind != "call":
            return
        for place, way in enumerate(call.terms.ways_out):
            if call.state != "queued":
                return
            if place in call.ways_told or not self._is_due(call, way):
                continue
            if way.key is None:
                self._leave(call, way)
                return
            self._emit(ev.WayOutOffered(at=self.now, call_id=call.id, place=place))

    def _is_due(self, call: Call, way: WayOut) -> bool:
        assert call.queued_at is not None
        assert call.priority is not None
        after_s = due_after(way, self._queue_of(call), call.priority)
        return self.now >= call.queued_at + after_s

    def _take_way_out(self, command: cmd.TakeWayOut) -> None:
        call = self._waiting_call(command.call_id)
        ways = call.terms.ways_out
        for place in call.ways_told:
            if ways[place].key == command.key:
                self._leave(call, ways[place])
                return
        raise Rejected("no-way-out-offered", "this caller has not been told of such a way out")

    def _leave(self, call: Call, way: WayOut) -> None:
        agent = self._withdraw(call, "withdrawn")
        self._end(call, way.to, by="system", endpoint=way.endpoint)
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _refuse_recording(self, command: cmd.RefuseRecording) -> None:
        """Once is enough; of a call that is over, or is not recorded anyway, there is nothing to refuse."""
        call = self._call(command.call_id)
        if may_refuse_recording(call):
            self._emit(ev.RecordingRefused(at=self.now, call_id=call.id))


def may_refuse_recording(call: Call) -> bool:
    """Whether the caller waits or talks by a flow that records, and has not refused it yet."""
    return (
        call.terms.records
        and call.recording_refused_at is None
        and call.state in {"queued", "offered", "connected"}
    )


def refuses_recording(call: Call, keys: str) -> bool:
    """Whether one of these keys says that the caller does not want to be recorded."""
    key = call.terms.refuse_key
    return key is not None and key in keys and may_refuse_recording(call)


def way_out_by(call: Call, keys: str) -> str | None:
    """The first of these keys that takes a way out of which the caller has been told."""
    open_keys = {call.terms.ways_out[place].key for place in call.ways_told}
    if call.state not in {"queued", "offered"}:
        return None
    return next((key for key in keys if key in open_keys), None)
