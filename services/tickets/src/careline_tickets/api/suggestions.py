"""What the journal suggests while somebody types: the subject, and appeals that may be the same."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from careline_common.http.auth import Principal, require
from careline_common.http.problem import Forbidden, NotReady
from careline_tickets.adapters.apart import ApartError
from careline_tickets.api.office import Office, OfficeHere, ViewerHere
from careline_tickets.api.schemas import LikeIn, read_person
from careline_tickets.api.views import DuplicateOut, shown_duplicates
from careline_tickets.classifier import Learned
from careline_tickets.db import audit

router = APIRouter(prefix="/v1", tags=["suggestions"])

LEARNERS = ("supervisor", "admin", "contact_admin", "quality", "auditor")


class SubjectOut(BaseModel):
    """`score` from 0 to 1: how likely, as far as the words tell."""

    subject: str
    score: float


class SuggestionsOut(BaseModel):
    subjects: list[SubjectOut]
    duplicates: list[DuplicateOut]


class TrialOut(BaseModel):
    """The newest fifth of the appeals, guessed by what the others teach, beside always the commonest."""

    appeals: int
    accuracy_pct: float
    majority_subject: str
    majority_pct: float


class ClassifierOut(BaseModel):
    """`held_back` is null, and nothing is suggested, while too few appeals have a subject."""

    learned_at: datetime
    appeals: int
    subjects: int
    held_back: TrialOut | None


@router.post("/tickets/suggestions")
async def suggest(body: LikeIn, viewer: ViewerHere, office: OfficeHere) -> SuggestionsOut:
    """Takes what is known of an appeal so far; nothing of it is kept, and nothing is decided by it."""
    if not viewer.reads_all:
        raise Forbidden("this takes a role that reads all appeals")
    now = office.clock.now()
    person = read_person(body.person, rules=office.rules, region=office.region, now=now)
    text = body.text.strip() if body.text else None
    likeness = office.journal.lookup.likeness(person, body.details(), text or None)
    async with office.database.unit_of_work() as uow:
        guesses = await office.classifier.guesses(uow.connection, text or "", office.rules.subjects)
        found = await office.journal.like(uow, likeness)
        await audit.note(uow, who=viewer.id, roles=viewer.roles, what="duplicates")
    return SuggestionsOut(
        subjects=[SubjectOut(subject=one.subject, score=one.score) for one in guesses],
        duplicates=shown_duplicates(found),
    )


@router.get("/classifier", dependencies=[Depends(require(*LEARNERS))])
async def classifier(office: OfficeHere) -> ClassifierOut:
    """How well subjects are guessed, as it was learned last."""
    return await _shown(office)


@router.post("/classifier/learn")
async def learn(
    office: OfficeHere, _caller: Annotated[Principal, Depends(require("admin", "contact_admin"))]
) -> ClassifierOut:
    """Learns the journal anew at once, and not only within the hour."""
    await _relearned(office)
    return await _shown(office)


async def _shown(office: OfficeHere) -> ClassifierOut:
    learned = office.classifier.learned or await _relearned(office)
    lesson, trial = learned.lesson, learned.lesson.trial
    return ClassifierOut(
        learned_at=learned.at,
        appeals=lesson.appeals,
        subjects=lesson.subjects,
        held_back=None
        if trial is None
        else TrialOut(
            appeals=trial.appeals,
            accuracy_pct=round(100 * trial.right / trial.appeals, 1),
            majority_subject=trial.majority,
            majority_pct=round(100 * trial.majority_right / trial.appeals, 1),
        ),
    )


async def _relearned(office: Office) -> Learned:
    try:
        return await office.classifier.relearn()
    except ApartError as error:
        raise NotReady(f"{error}: try again") from error
