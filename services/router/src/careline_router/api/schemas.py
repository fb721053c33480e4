"""What clients may send: the shapes of request bodies. Unknown fields are ignored."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from careline_common.http import moments
from careline_common.http.problem import InvalidInput
from careline_common.http.validation import field_errors

Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], document: Any, prefix: str = "") -> Model:
    """A document as a model; raises 422 with the paths of the faults, all behind `prefix`."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = field_errors(
            error.errors(include_url=False, include_context=False), document, prefix
        )
        shown = "; ".join(f"{fault['path'] or 'body'}: {fault['reason']}" for fault in faults[:3])
        raise InvalidInput(shown, errors=faults) from error


def _text_only(value: object) -> object:
    """Times are RFC 3339 text; pydantic alone would also take a bare number for one."""
    if isinstance(value, str | datetime):
        return value
    raise ValueError("a time in RFC 3339, such as 2026-11-22T09:30:00Z")


Moment = Annotated[moments.Moment, BeforeValidator(_text_only)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Short = Annotated[str, Field(max_length=500)]
Long = Annotated[str, Field(max_length=20_000)]
Number = Annotated[str, Field(max_length=64)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Cause = Literal["busy", "rejected", "no_answer", "unreachable"]


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


# --- PBX ------------------------------------------------------------------------------------


class Arrived(Body):
    caller: Number | None = None
    line: Annotated[str, Field(min_length=1, max_length=64)]
    ivr: dict[str, Any] | None = None
    attributes: dict[str, Any] | None = None


class Answered(Body):
    offer_id: Identifier


class OfferFailed(Body):
    offer_id: Identifier
    cause: Cause


class HungUp(Body):
    """`offer_id` says which agent's leg it was: one that has lost its call since ends nothing."""

    by: Literal["caller", "agent", "system"]
    cause: Short | None = None
    offer_id: Identifier | None = None


class Digits(Body):
    digits: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-D*#]+$")]


class RecordingReady(Body):
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    duration_s: Seconds


class Reached(Body):
    """The person who was called back has answered."""


class NotReached(Body):
    cause: Cause


class ConsultAnswered(Body):
    """Who an agent asks has answered."""

    consult_id: Identifier


class ConsultFailed(Body):
    consult_id: Identifier
    cause: Cause


class ConsultEnded(Body):
    """Who was asked has hung up."""

    consult_id: Identifier


EventData = (
    Arrived
    | Answered
    | OfferFailed
    | HungUp
    | Digits
    | RecordingReady
    | Reached
    | NotReached
    | ConsultAnswered
    | ConsultFailed
    | ConsultEnded
)

EVENT_DATA: dict[str, type[EventData]] = {
    "call.arrived": Arrived,
    "call.answered": Answered,
    "call.offer_failed": OfferFailed,
    "call.hung_up": HungUp,
    "call.digits": Digits,
    "recording.ready": RecordingReady,
    "callback.reached": Reached,
    "callback.failed": NotReached,
    "consult.answered": ConsultAnswered,
    "consult.failed": ConsultFailed,
    "consult.ended": ConsultEnded,
}


class PbxEvent(Body):
    """The envelope of an event; `data` is read by the model of its `type`."""

    type: Literal[
        "call.arrived",
        "call.answered",
        "call.offer_failed",
        "call.hung_up",
        "call.digits",
        "recording.ready",
        "callback.reached",
        "callback.failed",
        "consult.answered",
        "consult.failed",
        "consult.ended",
    ]
    call_id: Identifier
    at: Moment
    data: dict[str, Any]


class CommandDone(Body):
    """`ok`, and whatever else the PBX has to say of it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    ok: StrictBool


class RouteRequest(Body):
    call_id: Identifier
    caller: Number | None = None
    line: Annotated[str, Field(min_length=1, max_length=64)]
    wait: Seconds = 1.0
    digits: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-D*#]*$")] = ""


class RouteResult(Body):
    result: Literal["answered", "busy", "rejected", "no_answer", "unreachable", "ended"]


class RouteHangup(Body):
    call_id: Identifier


# --- agents ---------------------------------------------------------------------------------


class SessionStart(Body):
    endpoint: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    site: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class StateChange(Body):
    state: Literal["ready", "not_ready"]
    reason: Short | None = None


class StateOrder(Body):
    """What a supervisor may set for an agent."""

    state: Literal["ready", "not_ready", "logged_out"]
    reason: Short | None = None


class OfferReject(Body):
    reason: Short | None = None


class MoreTime(Body):
    seconds: Annotated[float, Field(strict=True, gt=0, le=86_400)]


class Booking(Body):
    """`result` is `booked` or a word of your own, such as `not_booked`; `clinic` the one spoken of."""

    result: Annotated[str, Field(min_length=1, max_length=100)]
    appointment_id: Identifier | None = None
    reason: Short | None = None
    clinic: Identifier | None = None


class WrapUp(Body):
    disposition: Annotated[str, Field(min_length=1, max_length=200)]
    resolved: StrictBool
    subjects: Annotated[list[Identifier], Field(max_length=50)] = Field(default_factory=list)
    booking: Booking | None = None
    notes: Long | None = None


# --- agent socket ---------------------------------------------------------------------------


class ClientMessage(Body):
    type: Annotated[str, Field(min_length=1, max_length=50)]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    data: dict[str, Any] = Field(default_factory=dict)


class SocketAccept(Body):
    offer_id: Identifier


class SocketReject(Body):
    offer_id: Identifier
    reason: Short | None = None


class SocketWrapUp(WrapUp):
    call_id: Identifier


class SocketCall(Body):
    call_id: Identifier


class SocketRecord(SocketCall):
    action: Literal["pause", "resume"]


class SocketTransfer(Body):
    call_id: Identifier
    endpoint: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    queue: Identifier | None = None
    agent: Identifier | None = None
    mode: Literal["cold", "warm"] = "cold"


class TokenRenewal(Body):
    token: Annotated[str, Field(min_length=1, max_length=16_384)]


# --- callbacks ------------------------------------------------------------------------------


class CallbackWanted(Body):
    phone: Number
    queue: Identifier
    not_before: Moment | None = None


# --- supervisors ----------------------------------------------------------------------------


class Move(Body):
    queue: Identifier


class Reprioritise(Body):
    priority: Literal["emergency", "vip", "cash", "insured", "deferrable"]


class Listen(Body):
    """`endpoint` is the phone at which the supervisor listens."""

    mode: Literal["listen", "whisper", "barge"]
    endpoint: Annotated[str, Field(min_length=1, max_length=200)]


class Assign(Body):
    """`agent` None: whoever asks takes it himself."""

    agent: Identifier | None = None


class Announcement(Body):
    """`queue` None: all who wait."""

    media: Annotated[str, Field(min_length=1, max_length=200)]
    queue: Identifier | None = None


class ExtraSkill(Body):
    """Until midnight where the agent works; level 1-10, 10 is best."""

    skill: Identifier
    level: Annotated[int, Field(strict=True, ge=1, le=10)] = 5


class EmergencyOrder(Body):
    """`announcement` is a file of the PBX; without one each line has its own."""

    on: StrictBool
    announcement: Annotated[str, Field(min_length=1, max_length=200)] | None = None
