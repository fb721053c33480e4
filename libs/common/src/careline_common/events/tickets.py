"""What the journal tells. Subject: the id of the ticket, or of the surge."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from careline_common.events.event import Event


class TicketCreated(Event):
    """`code_lookup` is a keyed hash of its tracking code, as it is keyed on a telephone."""

    TYPE: ClassVar[str] = "careline.ticket.created.v1"

    ticket_id: str
    number: str
    channel: str
    kind: str
    subject: str | None = None
    territory: str | None = None
    organisation: str | None = None
    insurer: str | None = None
    call_id: str | None = None
    invitation_id: str | None = None
    external_source: str | None = None
    external_id: str | None = None
    registered_at: datetime
    due_at: datetime | None = None
    code_lookup: str | None = None


class TicketMoved(Event):
    """An action changed a ticket: `action` and `status` as in the workflow table."""

    TYPE: ClassVar[str] = "careline.ticket.moved.v1"

    ticket_id: str
    number: str
    action: str
    status: str
    level: int
    owner: str | None = None
    group: str | None = None
    insurer: str | None = None
    call_id: str | None = None
    external_source: str | None = None
    external_id: str | None = None
    returns: int = 0
    priority: str = "normal"
    due_at: datetime | None = None
    at: datetime


class TicketForwarded(Event):
    """A person is insured in another territory: the appeal was closed here and goes on there. The
    citizen is to have notice of it, and who answers there the appeal."""

    TYPE: ClassVar[str] = "careline.ticket.forwarded.v1"

    ticket_id: str
    number: str
    territory: str
    registered_at: datetime
    due_at: datetime | None = None
    """When the citizen was promised an answer."""
    external_source: str | None = None
    external_id: str | None = None
    forwarded_at: datetime


class TicketStepFired(Event):
    """A step before or after a clock of a ticket runs out was due: once for each generation of it.

    `to` are the users, groups or insurers who are to be told. The ticket is as it is after the step.
    """

    TYPE: ClassVar[str] = "careline.ticket.step_fired.v1"

    ticket_id: str
    number: str
    clock: str
    generation: int
    step: str
    action: str
    result: str
    to: tuple[str, ...] = ()
    due_at: datetime
    """When the clock runs out, or ran out."""
    fired_at: datetime
    status: str
    level: int
    owner: str | None = None
    group: str | None = None
    insurer: str | None = None
    priority: str


class MergedAppeal(BaseModel):
    """An appeal that another one stands for since they were merged; `version` is its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ticket_id: str
    number: str
    version: int
    insurer: str | None = None
    external_source: str | None = None
    external_id: str | None = None


class TicketClosed(Event):
    """An appeal has ended, and with it those that were `merged` into it, whose partners hear of it too."""

    TYPE: ClassVar[str] = "careline.ticket.closed.v1"

    ticket_id: str
    number: str
    outcome: str
    insurer: str | None = None
    call_id: str | None = None
    external_source: str | None = None
    external_id: str | None = None
    returns: int = 0
    due_at: datetime | None = None
    closed_at: datetime
    merged: tuple[MergedAppeal, ...] = ()


class TicketNoticeIssued(Event):
    """A citizen is to be told something by SMS: once for each notice. Subject: the notice's id."""

    TYPE: ClassVar[str] = "careline.ticket.notice_issued.v1"

    notice_id: str
    ticket_id: str | None = None
    kind: str
    """What it tells: registered, extended, late, closed, merged or status."""
    contact: str
    """The citizen's number."""
    language: str
    message: str
    """The words, ours, which name an appeal by its number and tracking code and nobody."""
    at_once: bool = False
    """Whether it answers something that the citizen has just done, and may come at night."""


class SurgeOpened(Event):
    """More appeals came about something than chance explains; null is over all of a kind.

    Told again when it turns out to be about more or less than it seemed, and when it flares up anew.
    """

    TYPE: ClassVar[str] = "careline.surge.opened.v1"

    surge_id: str
    organisation: str | None = None
    subject: str | None = None
    territory: str | None = None
    insurers: list[str]
    """Whose appeals they are."""
    ticket_id: str
    """The case that was opened about it."""
    opened_at: datetime
    observed: int
    expected: float


class SurgeClosed(Event):
    """It is calm again."""

    TYPE: ClassVar[str] = "careline.surge.closed.v1"

    surge_id: str
    organisation: str | None = None
    subject: str | None = None
    territory: str | None = None
    insurers: list[str]
    ticket_id: str
    closed_at: datetime
