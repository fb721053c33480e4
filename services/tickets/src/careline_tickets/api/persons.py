"""A person's data: given to him, and erased."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from careline_common.config import PhoneNumber
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.persons import Keeper, Kept
from careline_tickets import erasing
from careline_tickets.api.office import OfficeHere
from careline_tickets.db import attachments, audit, correspondents, mail_held, persons
from careline_tickets.db.attachments import Attachment
from careline_tickets.db.correspondents import Correspondent
from careline_tickets.db.mail_held import Held
from careline_tickets.db.persons import PersonKeys
from careline_tickets.domain.person import Person
from careline_tickets.mail_holding import read_held
from careline_tickets.ports import AtRest

router = APIRouter(prefix="/v1/persons", tags=["persons"])

OPEN = "the appeal is open and is answered to this person; it is erased by itself once it is closed"
HISTORY = Kept(
    what="the workflow of his appeals, with salted digests of texts",
    why="figures and the proof that the journal is whole; it names nobody",
)
ON_THEIR_WAY = Kept(
    what="events on their way",
    why="at most 24 hours in a queue and 30 days parked (docs/adr/0005)",
)


class TextView(BaseModel):
    kind: str
    author: str
    at: datetime
    text: str


class AppealView(BaseModel):
    """One appeal, with what it says of the person and all that was written in it."""

    id: str
    number: str
    status: str
    registered_at: datetime
    closed_at: datetime | None
    name: str | None
    birth_date: date | None
    policy_number: str | None
    mail_address: str | None
    texts: list[TextView]
    files: list[str]
    """Their names; each is given out by its appeal (`/v1/tickets/{id}/attachments`)."""


class HeldMailView(BaseModel):
    """A mail from his address that waits for somebody to judge whether it is an appeal (docs/mail.md)."""

    id: str
    came_at: datetime
    subject: str
    text: str


class CitizenBody(BaseModel):
    """A person by his number, or by the address from which he wrote mail; one of them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    phone: PhoneNumber | None = None
    mail_address: Annotated[str, Field(min_length=3, max_length=320)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.phone is None) == (self.mail_address is None):
            raise ValueError("give phone or mail_address")
        return self


class PersonView(BaseModel):
    """All that the journal keeps of a person; neither appeals nor mail when it does not know him."""

    phone: str | None
    known: bool
    appeals: list[AppealView]
    held_mail: list[HeldMailView]


class ErasedView(BaseModel):
    """What went, counted, and what is kept, why and until when."""

    erased: bool
    appeals: int
    texts: int
    kept: list[Kept]


@router.post("/export", summary="All that is kept of a person")
async def export(body: CitizenBody, caller: Keeper, office: OfficeHere) -> PersonView:
    async with office.database.unit_of_work() as uow:
        key = _key(office, body)
        found = await persons.appeals_of(uow.connection, key)
        mails = await _held_mail(uow, key)
        ids = [row["id"] for row in found]
        texts = await persons.texts_of(uow.connection, ids)
        mail = {one: await correspondents.of(uow.connection, one) for one in ids}
        files = {one: await attachments.of(uow.connection, one) for one in ids}
        for row in found:
            await audit.note(
                uow,
                who=caller.subject,
                roles=caller.roles,
                what="person.export",
                ticket_id=row["id"],
            )
    shown = [
        _appeal(row, texts.get(row["id"], ()), mail[row["id"]], files[row["id"]]) for row in found
    ]
    held = [
        HeldMailView(
            id=one.id,
            came_at=one.at,
            subject=one.subject,
            text=(await read_held(raw, office.vault, ())).text,
        )
        for one, raw in mails
    ]
    return PersonView(phone=body.phone, known=bool(shown or held), appeals=shown, held_mail=held)


@router.post(
    "/erase", summary="Erase a person; what happened to his appeals stays and names nobody"
)
async def erase(body: CitizenBody, caller: Keeper, office: OfficeHere) -> ErasedView:
    """Closed appeals lose him now, open ones when they are closed."""
    key = _key(office, body)
    async with office.database.unit_of_work() as uow:
        found = await persons.appeals_of(uow.connection, key)
        done = await erasing.erase(uow, key)
        for row in found:
            await audit.note(
                uow,
                who=caller.subject,
                roles=caller.roles,
                what="person.erase",
                ticket_id=row["id"],
            )
    waiting = [
        Kept(what=f"appeal {one.number}", why=OPEN, until=one.due_at) for one in done.waiting
    ]
    return ErasedView(
        erased=done.appeals + done.held_mails > 0,
        appeals=done.appeals,
        texts=done.texts,
        kept=[*waiting, HISTORY, ON_THEIR_WAY],
    )


async def _held_mail(uow: UnitOfWork, key: PersonKeys) -> Sequence[tuple[Held, AtRest]]:
    """What is held from his address, each with the mail as it came."""
    if key.address is None:
        return ()
    held = await mail_held.from_sender(uow.connection, key.address)
    return [(one, await mail_held.raw_of(uow.connection, one.id)) for one in held]


def _key(office: OfficeHere, body: CitizenBody) -> PersonKeys:
    if body.mail_address is not None:
        return PersonKeys(address=office.mail_writer.address_key(body.mail_address.strip()))
    return PersonKeys(phone=office.journal.lookup.phone_key(Person(phone=body.phone)))


def _appeal(
    row: Mapping[str, Any],
    texts: Sequence[Mapping[str, Any]],
    mail: Correspondent | None,
    files: Sequence[Attachment],
) -> AppealView:
    return AppealView(
        id=row["id"],
        number=row["number"],
        status=row["status"],
        registered_at=row["registered_at"],
        closed_at=row["closed_at"],
        name=row["name"],
        birth_date=row["birth_date"],
        policy_number=row["policy_number"],
        mail_address=None if mail is None else mail.address,
        files=[file.name for file in files],
        texts=[
            TextView(kind=text["kind"], author=text["author"], at=text["at"], text=text["body"])
            for text in texts
        ],
    )
