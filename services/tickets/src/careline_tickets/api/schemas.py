"""Bodies of requests."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self

from pydantic import Field, StrictBool, StrictInt

from careline_common.http.problem import FieldError, InvalidInput
from careline_common.phones import parse_phone
from careline_tickets.api.types import Body, Day, Moment, Reference, Text
from careline_tickets.config import Rules
from careline_tickets.domain.person import Person, birth_date_fault
from careline_tickets.domain.ticket import Command, Details, External
from careline_tickets.domain.vocabulary import Action, Channel, Kind, Outcome, Status
from careline_tickets.ports import Call


class PersonIn(Body):
    phone: str | None = Field(default=None, max_length=100, repr=False)
    name: str | None = Field(default=None, max_length=300, repr=False)
    birth_date: Day | None = Field(default=None, repr=False)
    policy_number: str | None = Field(default=None, max_length=100, repr=False)


class ExternalIn(Body):
    source: Reference
    id: Reference


class ClosingIn(Body):
    """The answer with which a typical question is closed in the same request."""

    answer: Text = Field(repr=False)
    outcome: Outcome = Outcome.INFORMATION


class TicketIn(Body):
    """An appeal. `registered_at` is for services and the contact-centre administrator.

    With a `call_id` the rest may be left out: the channel is then the phone and the kind a consultation,
    and the person and insurer are those of the call, as far as the caller of this may see them.
    """

    person: PersonIn = PersonIn()
    channel: Channel | None = None
    kind: Kind | None = None
    subject: Reference | None = None
    territory: Reference | None = None
    organisation: Reference | None = None
    insurer: Reference | None = None
    language: Reference | None = None
    insured_in: Reference | None = Field(
        default=None,
        description="the territory where the person is insured, when it is another one",
    )
    text: Text = Field(repr=False)
    transcript: Text | None = Field(
        default=None, repr=False, description="what was said, as it was typed while listening"
    )
    call_id: Reference | None = None
    external: ExternalIn | None = None
    registered_at: Moment | None = None
    close: ClosingIn | None = None
    fill_in_s: float | None = Field(
        default=None,
        ge=0,
        le=86_400,
        strict=True,
        allow_inf_nan=False,
        description="how long the form was being filled in, for the reports",
    )

    def completed(self, call: Call) -> Self:
        """This, with what it does not say as the call does."""
        told = {"phone": call.phone, "name": call.name, "policy_number": call.policy_number}
        missing = {
            name: value
            for name, value in told.items()
            if value is not None and getattr(self.person, name) is None
        }
        person = self.person.model_copy(update=missing)
        of_call = {
            "insurer": self.insurer or call.insurer,
            "language": self.language or call.language,
        }
        return self.model_copy(update={"person": person, **of_call})

    def details(self) -> Details:
        external = self.external
        return Details(
            channel=self.channel or Channel.PHONE,
            kind=self.kind or Kind.CONSULTATION,
            subject=self.subject,
            territory=self.territory,
            organisation=self.organisation,
            insurer=self.insurer,
            language=self.language,
            insured_in=self.insured_in,
            call_id=self.call_id,
            external=External(source=external.source, id=external.id) if external else None,
        )


class LikeIn(Body):
    """The fields of a new appeal as far as they are known yet."""

    person: PersonIn = PersonIn()
    channel: Channel | None = None
    kind: Kind | None = None
    subject: Reference | None = None
    territory: Reference | None = None
    organisation: Reference | None = None
    insurer: Reference | None = None
    text: str | None = Field(default=None, repr=False)
    call_id: Reference | None = None
    external: ExternalIn | None = None
    registered_at: Moment | None = None

    def details(self) -> Details:
        external = self.external
        return Details(
            channel=self.channel or Channel.PHONE,
            kind=self.kind or Kind.COMPLAINT,
            subject=self.subject,
            organisation=self.organisation,
            call_id=self.call_id,
            external=External(source=external.source, id=external.id) if external else None,
        )


class SearchIn(Body):
    """All conditions narrow together; `q` are words that all stand in the text."""

    q: str | None = Field(default=None, max_length=500, repr=False)
    phone: str | None = Field(default=None, max_length=100, repr=False)
    policy_number: str | None = Field(default=None, max_length=100, repr=False)
    status: Status | None = None
    level: StrictInt | None = None
    channel: Channel | None = None
    kind: Kind | None = None
    subject: Reference | None = None
    territory: Reference | None = None
    organisation: Reference | None = None
    insurer: Reference | None = None
    owner: Reference | None = None
    group: Reference | None = None
    call_id: Reference | None = None
    overdue: StrictBool | None = None


class TransitionIn(Body):
    """An action with what it takes; each field says for which action it is."""

    action: Action
    note: Text | None = Field(default=None, repr=False)
    to_level: StrictInt | None = Field(default=None, description="escalate")
    to_group: Reference | None = Field(default=None, description="escalate")
    user: Reference | None = Field(default=None, description="invite_expert")
    insurer: Reference | None = Field(default=None, description="send_to_insurer")
    text: str | None = Field(
        default=None, repr=False, description="answer, expert_answer, insurer_answer, forward"
    )
    answer: str | None = Field(default=None, repr=False, description="close")
    outcome: Outcome | None = Field(default=None, description="accept, close")
    remedy: Text | None = Field(default=None, repr=False, description="accept, close")
    root_cause: Reference | None = Field(
        default=None, description="accept, close: a word of the centre's own list"
    )
    approver: Reference | None = Field(
        default=None, description="extend: who has approved of it, else who extends"
    )
    reason: str | None = Field(default=None, repr=False, description="return, reopen, extend")
    days: StrictInt | None = Field(default=None, description="extend")
    waiting_for: str | None = Field(
        default=None, alias="for", repr=False, description="wait: for whom or what"
    )
    into: Reference | None = Field(default=None, description="merge: the other appeal's id")

    def command(self) -> Command:
        closing = self.action is Action.CLOSE
        return Command(
            action=self.action,
            note=self.note,
            to_level=self.to_level,
            to_group=self.to_group,
            user=self.user,
            insurer=self.insurer,
            text=self.answer or self.text if closing else self.text,
            outcome=self.outcome,
            remedy=self.remedy,
            root_cause=self.root_cause,
            approver=self.approver,
            reason=self.reason,
            days=self.days,
            waiting_for=self.waiting_for,
            into=self.into,
        )


def is_phone(text: str, region: str) -> bool:
    try:
        parse_phone(text, region)
    except ValueError:
        return False
    return True


def read_person(
    body: PersonIn, *, rules: Rules, region: str, now: datetime, path: str = "person."
) -> Person:
    """The person with his number as E.164; raises 422 with everything that is wrong with him."""
    errors: list[FieldError] = []
    phone = None
    if body.phone is not None:
        try:
            phone = parse_phone(body.phone, region)
        except ValueError as error:
            errors.append({"path": f"{path}phone", "reason": str(error)})
    if body.birth_date is not None:
        fault = birth_date_fault(body.birth_date, now.astimezone(rules.zone).date())
        if fault is not None:
            errors.append({"path": f"{path}birth_date", "reason": fault})
    if errors:
        raise InvalidInput(_told(errors), errors=errors)
    return Person(
        phone=phone,
        name=_clean(body.name),
        birth_date=body.birth_date,
        policy_number=_clean(body.policy_number),
    )


def _told(errors: list[FieldError]) -> str:
    def lines() -> Iterator[str]:
        for error in errors:
            yield f"{error['path']}: {error['reason']}"

    return "; ".join(lines())


def _clean(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None
