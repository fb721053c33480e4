"""Bodies and answers of the surveys API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from careline_common.http.moments import Moment
from careline_common.phones import parse_phone
from careline_surveys.db.inbound import Comment
from careline_surveys.db.messages import ConsoleMessage
from careline_surveys.db.people import OptOut
from careline_surveys.domain.invitations import Answer, Invitation


def _phone(text: str) -> str:
    return parse_phone(text, None)


Phone = Annotated[str, AfterValidator(_phone)]
"""E.164; other usual spellings with a country code are read too."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
SmsBody = Annotated[str, StringConstraints(max_length=10_000)]


class Body(BaseModel):
    """A body: fields that are not known are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ReferenceBody(Body):
    type: Name
    id: Name


class NewInvitation(Body):
    """Whom to ask about what. One reference is asked about once, whatever is sent again."""

    survey: Name | None = None
    service: Literal["call", "inpatient", "outpatient", "branch", "remote", "staff"]
    phone: Phone
    language: Annotated[str, StringConstraints(max_length=20)] | None = None
    reference: ReferenceBody
    agent: Name | None = None
    team: Name | None = None
    queue: Name | None = None
    organisation: Name | None = None
    insurer: Name | None = None


class PhoneBody(Body):
    phone: Phone


class OptOutBody(PhoneBody):
    """`source` is where he said so (a call, a letter, a desk), `at` is when; now when left out."""

    source: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,49}$")] = "api"
    at: Moment | None = None


class InvitationTaken(BaseModel):
    id: str
    status: str
    reason: str | None = None


class AnswerView(BaseModel):
    """`score` is a number, `yes` or `no` for fcr, null for free text."""

    question: str
    kind: str
    score: int | str | None
    text: str | None
    language: str | None
    at: datetime

    @classmethod
    def of(cls, answer: Answer) -> Self:
        score: int | str | None = answer.score
        if answer.kind == "fcr" and answer.score is not None:
            score = "yes" if answer.score else "no"
        return cls(
            question=answer.question,
            kind=answer.kind,
            score=score,
            text=answer.text,
            language=answer.language,
            at=answer.at,
        )


class CommentView(BaseModel):
    """What the patient wrote beside his answers: `late`, or `unclear` and asked again."""

    meaning: str
    text: str | None
    language: str | None
    at: datetime

    @classmethod
    def of(cls, comment: Comment) -> Self:
        return cls(
            meaning=comment.meaning, text=comment.text, language=comment.language, at=comment.at
        )


class InvitationView(BaseModel):
    """An invitation without the patient's number."""

    id: str
    survey: str
    service: str
    status: str
    reason: str | None
    language: str | None
    reference: ReferenceBody
    call_id: str | None
    agent: str | None
    team: str | None
    queue: str | None
    organisation: str | None
    insurer: str | None
    created_at: datetime
    send_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    version: int
    answers: list[AnswerView]
    comments: list[CommentView] = []
    """Only where one invitation is looked up."""

    @classmethod
    def of(
        cls, invitation: Invitation, answers: Sequence[Answer], comments: Sequence[Comment] = ()
    ) -> Self:
        subject = invitation.subject
        return cls(
            id=invitation.id,
            survey=invitation.survey,
            service=invitation.service,
            status=invitation.status,
            reason=invitation.reason,
            language=invitation.language,
            reference=ReferenceBody(type=invitation.reference.type, id=invitation.reference.id),
            call_id=subject.call_id,
            agent=subject.agent,
            team=subject.team,
            queue=subject.queue,
            organisation=subject.organisation,
            insurer=subject.insurer,
            created_at=invitation.created_at,
            send_at=invitation.send_at,
            sent_at=invitation.sent_at,
            delivered_at=invitation.delivered_at,
            version=invitation.version,
            answers=[AnswerView.of(answer) for answer in answers],
            comments=[CommentView.of(comment) for comment in comments],
        )


class GenericInbound(Body):
    """A reply as the generic provider tells it."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    id: Name
    sender: Annotated[str, Field(alias="from", max_length=100)]
    to: Annotated[str, StringConstraints(max_length=100)] | None = None
    text: SmsBody
    at: datetime | None = None


class GenericStatus(Body):
    """A delivery receipt of the generic provider."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    id: Name
    message_id: Name
    status: Name
    at: datetime | None = None


class ConsoleInbound(Body):
    sender: Annotated[Phone, Field(alias="from")]
    text: SmsBody


class ConsoleMessageView(BaseModel):
    id: str
    to: str
    text: str
    at: datetime

    @classmethod
    def of(cls, message: ConsoleMessage) -> Self:
        return cls(id=str(message.id), to=message.to, text=message.text, at=message.at)


class Taken(BaseModel):
    """`meaning`: answer, unclear, stop, late, stray, status or repeated."""

    status: Literal["taken"] = "taken"
    meaning: str | None = None


class OptOutView(BaseModel):
    phone: str
    source: str
    at: datetime

    @classmethod
    def of(cls, found: OptOut) -> Self:
        return cls(phone=found.phone, source=found.source, at=found.at)


class Removed(BaseModel):
    """False when there was nothing to take back."""

    removed: bool
