"""Free slots at the booking system, and a caller's appointments: booked, moved, cancelled."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from careline_common.http.auth import Principal
from careline_common.http.idempotency import Answer
from careline_common.http.moments import Moment
from careline_common.http.problem import invalid
from careline_router.api.deps import Now, Service, may, once
from careline_router.api.permissions import Action
from careline_router.api.schemas import Body, Identifier, Number
from careline_router.booking_port import Patient, Slot, SlotQuery
from careline_router.ports import Receipt
from careline_router.usecases.bookings import Wanted
from careline_router.usecases.customers import Looker
from careline_router.views import AppointmentView

router = APIRouter(prefix="/v1", tags=["appointments"])

Agent = Annotated[Principal, Depends(may(Action.BOOK))]
LONGEST_LOOK = timedelta(days=62)
USUAL_LOOK = timedelta(days=14)
ANSWERS: dict[int | str, dict[str, str]] = {
    202: {"description": "sent, and its outcome is not known yet: the state is `unknown`"}
}


class PatientBody(Body):
    """For whom; his number is the caller's unless another is given. It goes to the booking system and is kept
    nowhere here."""

    id: Identifier | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    phone: Number | None = None
    birth_date: date | None = None


class BookBody(Body):
    slot_id: Identifier
    clinic: Identifier
    speciality: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    patient: PatientBody = PatientBody()


class MoveBody(Body):
    slot_id: Identifier


class SlotsAnswer(BaseModel):
    items: Sequence[Slot]
    next: str | None = None


class AppointmentsAnswer(BaseModel):
    items: Sequence[AppointmentView]
    next: str | None = None


@router.get("/slots", dependencies=[Depends(may(Action.BOOK))])
async def slots(
    *,
    service: Service,
    clock: Now,
    clinic: Annotated[str, Query(min_length=1, max_length=100)],
    speciality: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    to: Annotated[Moment | None, Query()] = None,
) -> SlotsAnswer:
    """Free slots that begin in a time, the earliest first, at most 200; `from` is now and `to` two weeks later
    when not given. 503 `booking-unavailable` with the reason when the booking system does not answer."""
    begin = since or clock.now()
    until = to or begin + USUAL_LOOK
    _check_span(begin, until)
    query = SlotQuery(clinic=clinic, speciality=speciality, since=begin, until=until)
    return SlotsAnswer(items=await service.free_slots(query))


def _check_span(begin: datetime, until: datetime) -> None:
    if begin >= until:
        raise invalid("from", "must be before `to`")
    if until - begin > LONGEST_LOOK:
        raise invalid("to", f"at most {LONGEST_LOOK.days} days after `from`")


@router.get("/calls/{call_id}/appointments")
async def appointments(call_id: str, agent: Agent, service: Service) -> AppointmentsAnswer:
    """The appointments that were ordered in calls of this caller's number, the newest first; each look is noted.
    Where callers are to be verified, only those of this call before he has been."""
    return AppointmentsAnswer(items=await service.appointments(_looker(agent), call_id))


@router.post(
    "/calls/{call_id}/appointments",
    status_code=201,
    response_model=AppointmentView,
    responses=ANSWERS,
)
async def book(
    call_id: str, body: BookBody, request: Request, agent: Agent, service: Service
) -> Response:
    """Books a slot, during the call or its wrap-up; 201 when it is booked. It is ordered once: without an answer
    the booking system is asked whether it has it, and this answers 202 until that is known. Under the same
    Idempotency-Key the same booking is answered, and nothing is ordered again."""
    wanted = Wanted(
        slot_id=body.slot_id,
        clinic=body.clinic,
        speciality=body.speciality,
        patient=Patient(**body.patient.model_dump()),
    )

    async def use_case(receipt: Receipt | None) -> AppointmentView:
        return await service.book_appointment(_looker(agent), call_id, wanted, receipt=receipt)

    return await once(request, agent, use_case, render=_rendered(201, request.url.path))


@router.post(
    "/calls/{call_id}/appointments/{appointment_id}/move",
    response_model=AppointmentView,
    responses=ANSWERS,
)
async def move(
    *,
    call_id: str,
    appointment_id: str,
    body: MoveBody,
    request: Request,
    agent: Agent,
    service: Service,
) -> Response:
    """Moves an appointment of this caller to another slot; 202 while the outcome is not known."""

    async def use_case(receipt: Receipt | None) -> AppointmentView:
        return await service.move_appointment(
            _looker(agent), call_id, appointment_id, body.slot_id, receipt=receipt
        )

    return await once(request, agent, use_case, render=_rendered(200))


@router.post(
    "/calls/{call_id}/appointments/{appointment_id}/cancel",
    response_model=AppointmentView,
    responses=ANSWERS,
)
async def cancel(
    call_id: str, appointment_id: str, request: Request, agent: Agent, service: Service
) -> Response:
    """Cancels an appointment of this caller; 202 while the outcome is not known."""

    async def use_case(receipt: Receipt | None) -> AppointmentView:
        return await service.cancel_appointment(
            _looker(agent), call_id, appointment_id, receipt=receipt
        )

    return await once(request, agent, use_case, render=_rendered(200))


def _rendered(status: int, location: str | None = None) -> Callable[[AppointmentView], Answer]:
    """An order's answer: `status` once its outcome is known, else 202; `location` is where it stands."""

    def render(view: AppointmentView) -> Answer:
        known = view.state != "unknown"
        return Answer.json(view, status=status if known else 202, location=location)

    return render


def _looker(agent: Principal) -> Looker:
    return Looker(subject=agent.subject, roles=agent.roles)
