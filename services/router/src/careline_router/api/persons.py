"""A person's data: given to him, and erased."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from careline_common.http.auth import Principal
from careline_common.http.persons import Kept, PersonBody
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.views import AppointmentView

router = APIRouter(prefix="/v1/persons", tags=["persons"])

Keeper = Annotated[Principal, Depends(may(Action.KEEP_PERSONS))]

UNDER_WAY = "he is on the line, or is to be called back; erase again when that is over"
KEPT = (
    Kept(what="the course of his calls", why="figures of the floor; it names nobody"),
    Kept(
        what="his appointments",
        why="they are with the booking system; here only that there were some",
    ),
    Kept(
        what="recordings",
        why="they are with the PBX that made them, which deletes them by its own rules",
    ),
)


class CallOfPerson(BaseModel):
    id: str
    line: str | None
    queue: str | None
    outcome: str | None
    arrived_at: datetime
    ended_at: datetime | None
    recording: dict[str, Any] | None
    name: str | None
    attributes: dict[str, Any]
    notes: str | None
    appointments: list[AppointmentView]


class PersonView(BaseModel):
    """All that the router keeps of a person; no calls when it does not know him."""

    phone: str
    known: bool
    calls: list[CallOfPerson]


class ErasedView(BaseModel):
    """What went, counted, and what is kept and why."""

    erased: bool
    calls: int
    kept: list[Kept]


@router.post("/export", summary="All that is kept of a person")
async def export(body: PersonBody, caller: Keeper, service: Service) -> PersonView:
    found = await service.export_person(body.phone, caller)
    calls = [CallOfPerson.model_validate(row) for row in found]
    return PersonView(phone=body.phone, known=bool(calls), calls=calls)


@router.post("/erase", summary="Erase a person from calls that are over")
async def erase(body: PersonBody, caller: Keeper, service: Service) -> ErasedView:
    """Again changes nothing, but for calls that have ended since."""
    over, under_way = await service.erase_person(body.phone, caller)
    waiting = [Kept(what=f"call {row['id']}", why=UNDER_WAY) for row in under_way]
    return ErasedView(erased=bool(over), calls=len(over), kept=[*waiting, *KEPT])
