"""A person's data: given to him, and erased."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from careline_common.http.persons import Keeper, Kept, PersonBody
from careline_surveys.api.access import Db, Surveys
from careline_surveys.api.schemas import InvitationView
from careline_surveys.db import audit, invitations
from careline_surveys.erasing import KEPT

router = APIRouter(prefix="/v1/persons", tags=["persons"])


class PersonView(BaseModel):
    """All that surveys keep of a person; nothing when they do not know him."""

    phone: str
    known: bool
    opted_out_at: datetime | None
    invitations: list[InvitationView]
    messages: list[str]
    """What he wrote to us, also what answered nothing, oldest first."""


class ErasedView(BaseModel):
    """What went, counted, and what is kept and why. All zero when there was nothing."""

    erased: bool
    messages: int
    invitations_cancelled: int
    calls: int
    kept: list[Kept]


@router.post("/export", summary="All that is kept of a person")
async def export(body: PersonBody, caller: Keeper, surveys: Surveys, database: Db) -> PersonView:
    async with database.unit_of_work() as uow:
        person_id = await surveys.people.find(uow.connection, body.phone)
        await audit.note(uow, caller, "person.export", person_id)
        opted_out = await surveys.people.opted_out_at(uow.connection, body.phone)
        if person_id is None:
            return PersonView(
                phone=body.phone, known=False, opted_out_at=opted_out, invitations=[], messages=[]
            )
        found = await invitations.of_person(uow.connection, person_id)
        shown = await surveys.shown(uow.connection, found)
        return PersonView(
            phone=body.phone,
            known=True,
            opted_out_at=opted_out,
            invitations=[InvitationView.of(*pair) for pair in shown],
            messages=list(await surveys.people.texts_of(uow.connection, person_id)),
        )


@router.post("/erase", summary="Erase a person; his answers stay and name nobody")
async def erase(body: PersonBody, caller: Keeper, surveys: Surveys, database: Db) -> ErasedView:
    """Again changes nothing. What he writes after this makes him known anew."""
    async with database.unit_of_work() as uow:
        person_id = await surveys.people.find(uow.connection, body.phone)
        done = await surveys.erasing.erase(uow, body.phone)
        await audit.note(uow, caller, "person.erase", person_id)
    return ErasedView(
        erased=done.known,
        messages=done.messages,
        invitations_cancelled=done.cancelled,
        calls=done.calls,
        kept=[Kept(what=what, why=why) for what, why in KEPT],
    )
