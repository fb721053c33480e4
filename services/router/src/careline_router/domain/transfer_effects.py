"""What follows outside the floor from what agents do with a talk (hold it, ask somebody, pass it on) and
what supervisors have callers told."""

from collections.abc import Mapping
from typing import Any

from careline_router.domain import events as ev
from careline_router.domain import transfer_events as tev
from careline_router.domain.states import Call
from careline_router.domain.steps import Message, PbxStep

Talk = (
    ev.ControlRequested
    | ev.CallAnnounced
    | tev.TransferRequested
    | tev.TransferRefused
    | tev.CallTransferred
    | tev.ConsultBegun
    | tev.ConsultTalking
    | tev.ConsultJoined
    | tev.ConsultOver
    | tev.CallHandedOver
)
TALKS = (
    ev.ControlRequested, ev.CallAnnounced, tev.TransferRequested, tev.TransferRefused, tev.CallTransferred, tev.ConsultBegun, tev.ConsultTalking,
    tev.ConsultJoined, tev.ConsultOver, tev.CallHandedOver,
)  # fmt: skip


def steps_of_transfer(event: Talk, call: Call) -> list[PbxStep]:
    """The commands for the PBX. `cancel_ring` takes an agent's leg down whether it rings or talks."""
    match event:
        case ev.ControlRequested():
            return [PbxStep(type=event.kind, body=event.body)]
        case ev.CallAnnounced():
            return [PbxStep(type="announce", body={"media": event.media})]
        case tev.TransferRequested() | tev.CallHandedOver():
            body = {
                "endpoint": event.endpoint,
                "offer_id": event.offer_id,
                "context": _context(call),
            }
            if event.consult_id is not None:
                body["consult_id"] = event.consult_id
            return [PbxStep(type="transfer", body=body)]
        case tev.CallTransferred():
            leg = {"offer_id": event.offer_id}
            return [PbxStep(type="hold"), PbxStep(type="cancel_ring", body=leg)]
        case tev.ConsultBegun() | tev.ConsultJoined() | tev.ConsultOver():
            return _steps_of_consult(event, call)
        case _:
            return []


def _steps_of_consult(
    event: tev.ConsultBegun | tev.ConsultJoined | tev.ConsultOver, call: Call
) -> list[PbxStep]:
    asked: dict[str, Any] = {"consult_id": event.consult_id, "offer_id": event.offer_id}
    match event:
        case tev.ConsultBegun():
            who = {"endpoint": event.endpoint, "timeout_s": event.timeout_s}
            body = {**asked, **who, "context": _context(call)}
            return [PbxStep(type="hold"), PbxStep(type="consult", body=body)]
        case tev.ConsultJoined():
            return [PbxStep(type="conference", body=asked)]
        case tev.ConsultOver():
            end = PbxStep(type="end_consult", body={"consult_id": event.consult_id})
            back = PbxStep(type="bridge", body={"offer_id": event.offer_id})
            return [end] * event.hangs + [back] * event.returns


def _context(call: Call) -> dict[str, Any]:
    """What goes along with the caller, and says nothing personal: who takes him asks Careline by the id."""
    facts = {
        "call_id": call.id,
        "line": call.line,
        "queue": call.queue,
        "payer": call.payer,
        "insurance": call.insurance,
        "insurer": call.crm.get("insurer"),
        "language": call.language,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


_TOLD: Mapping[type[ev.Event], str] = {
    tev.TransferRefused: "call.transfer_failed",
    tev.CallTransferred: "call.transferred",
    tev.CallHandedOver: "call.transferred",
    tev.ConsultBegun: "consult.ringing",
    tev.ConsultTalking: "consult.talking",
    tev.ConsultJoined: "consult.joined",
    tev.ConsultOver: "consult.ended",
}
_FIELDS = ("call_id", "consult_id", "queue", "to_agent", "cause")


def messages_of_transfer(event: Talk) -> list[Message]:
    """What the agents' screens are told."""
    kind = _TOLD.get(type(event))
    if kind is None or isinstance(event, ev.ControlRequested | ev.CallAnnounced):
        return []
    data = {name: getattr(event, name) for name in _FIELDS if hasattr(event, name)}
    told = [Message(agent_id=event.agent_id, type=kind, data=data)]
    if isinstance(event, tev.CallHandedOver):
        his = {"offer_id": event.consult_id, "call_id": event.call_id}
        told.append(Message(agent_id=event.to_agent, type="call.connected", data=his))
    return told
