"""The closed loop: bad answers, their appeals, and whether the patient was called back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from careline_common.http.paging import Page, Paging
from careline_surveys.api.access import Db, Reader, Surveys
from careline_surveys.api.schemas import AnswerView
from careline_surveys.db import follow_ups, invitations
from careline_surveys.db.follow_ups import FollowUp, State
from careline_surveys.domain.invitations import Answer, Invitation

router = APIRouter(prefix="/v1/follow-ups", tags=["follow-ups"])


class AppealView(BaseModel):
    """The appeal of the journal that the answer has opened; `outcome` once it was closed."""

    id: str
    number: str | None
    status: str | None
    outcome: str | None
    closed_at: datetime | None


class AfterwardsView(BaseModel):
    """What the patient was asked once his appeal was closed, and what he said."""

    invitation_id: str
    survey: str
    status: str
    scores: list[AnswerView]


class FollowUpView(BaseModel):
    """A bad answer. Comments are not shown here: `GET /v1/invitations/{id}` shows and audits them.

    `called_back_at` is when the patient was first reached by a callback of ours after it, by the
    call `called_back_by`; `called_again_at` when he first called himself and was served.
    """

    invitation_id: str
    survey: str
    call_id: str | None
    agent: str | None
    because: list[str]
    opened_at: datetime
    scores: list[AnswerView]
    appeal: AppealView | None
    called_back_at: datetime | None
    called_back_by: str | None
    called_again_at: datetime | None
    afterwards: list[AfterwardsView]

    @classmethod
    def of(cls, row: FollowUp, first: "Shown", afterwards: Sequence["Shown"]) -> Self:
        appeal = None
        if row.ticket_id is not None:
            appeal = AppealView(
                id=row.ticket_id,
                number=row.ticket_number,
                status=row.ticket_status,
                outcome=row.outcome,
                closed_at=row.closed_at,
            )
        return cls(
            invitation_id=row.invitation_id,
            survey=first[0].survey,
            call_id=first[0].subject.call_id,
            agent=first[0].subject.agent,
            because=list(row.because),
            opened_at=row.opened_at,
            scores=_scores(first[1]),
            appeal=appeal,
            called_back_at=row.called_back_at,
            called_back_by=row.called_back_by,
            called_again_at=row.called_again_at,
            afterwards=[
                AfterwardsView(
                    invitation_id=one.id,
                    survey=one.survey,
                    status=one.status,
                    scores=_scores(given),
                )
                for one, given in afterwards
            ],
        )


Shown = tuple[Invitation, Sequence[Answer]]


def _scores(given: Sequence[Answer]) -> list[AnswerView]:
    return [AnswerView.of(answer) for answer in given if answer.score is not None]


@router.get("", summary="Bad answers and what became of them, newest first")
async def list_follow_ups(
    page: Paging,
    _reader: Reader,
    surveys: Surveys,
    database: Db,
    state: Annotated[State | None, Query()] = None,
    called_back: Annotated[bool | None, Query()] = None,
) -> Page[FollowUpView]:
    key = page.after(datetime, str)
    async with database.read() as connection:
        rows = await follow_ups.listed(
            connection,
            state=state,
            called_back=called_back,
            after=None if key is None else (key[0], key[1]),
            limit=page.limit + 1,
        )
        firsts = await invitations.several(connection, [row.invitation_id for row in rows])
        tickets = [row.ticket_id for row in rows if row.ticket_id is not None]
        afterwards = await invitations.about(connection, "ticket", tickets)
        shown = {
            one.id: (one, given)
            for one, given in await surveys.shown(connection, [*firsts.values(), *afterwards])
        }
    by_ticket: Mapping[str, list[Shown]] = {
        ticket: [shown[one.id] for one in afterwards if one.reference.id == ticket]
        for ticket in tickets
    }
    return page.of(
        rows,
        key=lambda row: (row.opened_at, row.invitation_id),
        show=lambda row: FollowUpView.of(
            row, shown[row.invitation_id], by_ticket.get(row.ticket_id or "", [])
        ),
    )
