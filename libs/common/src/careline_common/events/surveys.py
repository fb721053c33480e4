"""What surveys tells. Subject: the invitation's id."""

from datetime import datetime
from typing import ClassVar, Literal

from careline_common.events.event import Event


class InvitationSent(Event):
    TYPE: ClassVar[str] = "careline.survey.invitation_sent.v1"

    invitation_id: str
    survey: str
    service: str
    reference_type: str
    reference_id: str
    provider: str
    sent_at: datetime


class ScoreRecorded(Event):
    TYPE: ClassVar[str] = "careline.survey.score_recorded.v1"

    invitation_id: str
    survey: str
    service: str
    question: str
    metric: Literal["csi", "nps", "fcr"]
    score: int
    low: bool
    """True when the definition calls for somebody to ring the patient back."""
    reference_type: str
    reference_id: str
    call_id: str | None = None
    agent: str | None = None
    queue: str | None = None
    organisation: str | None = None
    language: str | None = None
    answered_at: datetime
    contact: str | None = None
    """The patient's number, only when `low`: so that the appeal can say whom to ring."""
    commented: bool = False
    """True when the patient has written something already, which can be fetched by the invitation."""


class CommentGiven(Event):
    """The patient wrote something: what, is fetched by the invitation's id, and goes with the person."""

    TYPE: ClassVar[str] = "careline.survey.comment_given.v1"

    invitation_id: str
    survey: str
    service: str
    question: str | None = None
    """What it answers; None for what was written beside the questions."""
    complaint: bool
    """True when a word of complaint stands in it."""
    low: bool
    """True when somebody should ring the patient back: a complaint, or a low score before it."""
    reference_type: str
    reference_id: str
    call_id: str | None = None
    organisation: str | None = None
    language: str | None = None
    answered_at: datetime
    contact: str | None = None
    """The patient's number, only when `low`."""


class MessageReceived(Event):
    """Somebody wrote an SMS that answers no survey: who and what, is fetched by the message's id, and goes
    with the person. Subject: the message's id."""

    TYPE: ClassVar[str] = "careline.survey.message_received.v1"

    message_id: str
    language: str | None = None
    received_at: datetime


class OptedOut(Event):
    TYPE: ClassVar[str] = "careline.survey.opted_out.v1"

    invitation_id: str | None = None
    channel: str
    at: datetime
