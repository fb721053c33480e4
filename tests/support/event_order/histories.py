"""What may happen in a centre: facts in the order in which they came about.

A fact is an event as its producer would tell it, with what ingest knows of the record from then on.
Every event of the catalogue is told by some story, so that a consumer of any of them is covered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from careline_common.events import Event
from careline_common.events.ingest import FeedRunFinished, RecordReceived, ServiceRendered
from careline_common.events.router import (
    AgentStateChanged,
    CallArrived,
    CallConnected,
    CallEnded,
    CallKeyed,
    CallQueued,
    CallWrappedUp,
    RecordingReady,
    WorkAccepted,
)
from careline_common.events.surveys import (
    CommentGiven,
    InvitationSent,
    MessageReceived,
    OptedOut,
    ScoreRecorded,
)
from careline_common.events.tickets import (
    SurgeClosed,
    SurgeOpened,
    TicketClosed,
    TicketCreated,
    TicketForwarded,
    TicketMoved,
    TicketNoticeIssued,
    TicketStepFired,
)

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SOURCE = "ins7-daily"
SPARING_LINE = "+74950000002"
"""Calls to this line set off the survey that asks a person at most once a day."""

Fields = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Names:
    """Makes the ids of one playing of a history its own, so that many share a database."""

    run: str

    def id(self, kind: str, number: int) -> str:
        return f"{self.run}-{kind}-{number}"

    def phone(self, person: int | None) -> str | None:
        return None if person is None else f"+79{self.run}{person:02}"

    def anonymous(self, text: str) -> str:
        """A text without what belongs to this playing alone."""
        return text.replace(f"+79{self.run}", "phone-").replace(f"{self.run}-", "")


@dataclass(frozen=True, slots=True)
class Fact:
    event: Event
    subject: str
    sequence: int
    record: Mapping[str, Any] | None = None
    """What stands in the record or the invitation `subject` from this moment on."""
    bad_answer: str | None = None
    """The invitation that has been answered badly before this, which the event is about."""
    nobodys: str | None = None
    """The appeal that was in the journal before this, and that nobody had."""


Story = Callable[[Names, int], list[Fact]]
"""The facts about one thing: its ids come from the names and from its number."""


def _at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def _told(subject: str, events: list[Event]) -> list[Fact]:
    return [Fact(event, subject, sequence) for sequence, event in enumerate(events, start=1)]


persons = st.integers(0, 2)


@st.composite
def calls(draw: st.DrawFn) -> Story:
    """A call from its arrival to its recording; it may end while it waits."""
    person = draw(st.none() | persons)
    line = draw(st.sampled_from(["+74950000001", SPARING_LINE]))
    outcome = draw(st.sampled_from(["handled", "handled", "abandoned"]))
    talk_s = draw(st.sampled_from([2.0, 60.0]))
    transferred = draw(st.booleans())
    keys = draw(st.sampled_from([None, "1", "5", "9"]))

    def facts(names: Names, number: int) -> list[Fact]:
        call, at = names.id("call", number), _at(number)
        events: list[Event] = [
            CallArrived(call_id=call, pbx="pbx1", pbx_call_id=call, line=line, arrived_at=at),
            CallQueued(call_id=call, queue="oms", payer="insured", priority="n", queued_at=at),
        ]
        handled = outcome == "handled"
        if handled:
            offer = names.id("offer", number)
            events.append(
                CallConnected(
                    call_id=call, offer_id=offer, agent="a1", queue="oms", answered_at=at, wait_s=1
                )
            )
        events.append(
            CallEnded.model_validate(
                {
                    "call_id": call,
                    "line": line,
                    "outcome": outcome,
                    "queue": "oms",
                    "agent": "a1" if handled else None,
                    "arrived_at": at,
                    "ended_at": at + timedelta(seconds=talk_s),
                    "talk_s": talk_s if handled else 0.0,
                    "transferred": transferred and handled,
                    "contact": names.phone(person),
                }
            )
        )
        if handled:
            events.append(
                CallWrappedUp(
                    call_id=call, agent="a1", queue="oms", disposition="done", resolved=True,
                    wrapped_up_at=at,
                )
            )  # fmt: skip
            if keys is not None:
                events.append(CallKeyed(call_id=call, keys=keys, keyed_at=at))
            events.append(RecordingReady(call_id=call, duration_s=talk_s, at=at))
        return _told(call, events)

    return facts


QUESTIONS = (("csi", "csi", 2), ("polite", "csi", 2), ("nps", "nps", 6))


@st.composite
def invitations(draw: st.DrawFn) -> Story:
    """A survey that is answered question by question, with low scores and good ones."""
    person = draw(persons)
    scores = draw(st.lists(st.integers(1, 4), min_size=1, max_size=len(QUESTIONS)))
    opted_out = draw(st.booleans())
    words_after = draw(st.none() | st.integers(0, len(scores)))
    complaint = draw(st.booleans())

    def facts(names: Names, number: int) -> list[Fact]:
        invitation, reference = names.id("inv", number), names.id("call", number)
        about = {
            "invitation_id": invitation,
            "survey": "call",
            "service": "call",
            "reference_type": "call",
            "reference_id": reference,
        }
        events: list[Event] = [
            InvitationSent.model_validate({**about, "provider": "g1", "sent_at": _at(number)})
        ]
        worst = False

        def write(minute: int) -> None:
            low = complaint or worst
            words = {
                "question": "why",
                "complaint": complaint,
                "low": low,
                "call_id": reference,
                "answered_at": _at(minute),
                "contact": names.phone(person) if low else None,
            }
            events.append(CommentGiven.model_validate({**about, **words}))

        if words_after == 0:
            write(number)
        for minute, ((question, metric, low), score) in enumerate(
            zip(QUESTIONS, scores, strict=False), start=number
        ):
            is_low = score <= low
            worst = worst or is_low
            written = any(isinstance(event, CommentGiven) for event in events)
            told = {
                "question": question,
                "metric": metric,
                "score": score,
                "low": is_low,
                "call_id": reference,
                "answered_at": _at(minute),
                "contact": names.phone(person) if is_low else None,
                "commented": is_low and written,
            }
            events.append(ScoreRecorded.model_validate({**about, **told}))
            if words_after == minute - number + 1:
                write(minute)
        if opted_out:
            events.append(OptedOut(invitation_id=invitation, channel="sms", at=_at(number)))
        kept = {"answers": [{"question": "why", "text": "Nobody answered"}]}
        return [
            replace(fact, record=kept) if isinstance(fact.event, CommentGiven) else fact
            for fact in _told(invitation, events)
        ]

    return facts


@dataclass(frozen=True, slots=True)
class _Version:
    """A record as a partner has told it once."""

    fields: Fields
    withdrawn: bool


@st.composite
def _versions(draw: st.DrawFn) -> list[_Version]:
    """Texts change and change back, other fields come and go, an answer comes and is corrected.

    A partner who answers does not take his answer back, and what is withdrawn he does not answer.
    """
    registered_at = draw(st.sampled_from([None, "2026-03-01T09:30:00Z"]))
    has_text = draw(st.sampled_from([True, True, False]))
    count = draw(st.integers(2, 4))
    answers = draw(
        st.lists(st.sampled_from([None, "paid", "not paid"]), min_size=count, max_size=count)
    )
    withdrawn_from = draw(st.integers(2, 6))
    back_from = draw(st.integers(3, 6))
    versions, answer = [], None
    for number, told in enumerate(answers, start=1):
        withdrawn = withdrawn_from <= number < back_from
        if number < withdrawn_from:
            answer = told or answer
        fields = {
            "registered_at": registered_at,
            "text": draw(st.sampled_from(["No drugs", "No insulin"])) if has_text else None,
            "answer": answer,
            "subject": draw(st.sampled_from([None, "refusal", "queue"])),
            "organisation": draw(st.sampled_from([None, "h1"])),
            "kind": draw(st.sampled_from([None, "complaint", "thanks"])),
            "name": draw(st.sampled_from([None, "A. B."])),
            "phone": draw(st.sampled_from([None, "0", "1"])),
        }
        versions.append(_Version(fields, withdrawn))
    return versions


@st.composite
def records(draw: st.DrawFn) -> Story:
    """An appeal of a partner, told anew in file after file."""
    versions = draw(_versions())
    insurer = draw(st.sampled_from([None, "ins7"]))

    def facts(names: Names, number: int) -> list[Fact]:
        record, external = names.id("record", number), names.id("A", number)
        told = []
        for version, state in enumerate(versions, start=1):
            first = "created" if version == 1 else "updated"
            event = RecordReceived.model_validate(
                {
                    "record_id": record,
                    "source": SOURCE,
                    "external_id": external,
                    "version": version,
                    "kind": "withdrawn" if state.withdrawn else first,
                    "received_at": _at(version),
                }
            )
            kept = {**_record(names, record, state.fields), "insurer": insurer}
            kept |= {"version": version, "withdrawn": state.withdrawn, "external_id": external}
            told.append(Fact(event, record, version, kept))
        return told

    return facts


def _record(names: Names, record: str, told: Fields) -> dict[str, Any]:
    """A record as ingest's HTTP interface shows it."""
    phone = told.get("phone")
    fields = {**told, "phone": None if phone is None else names.phone(int(phone))}
    return {
        "id": record,
        "source": SOURCE,
        "received_at": _at(1).isoformat(),
        "fields": {name: value for name, value in fields.items() if value is not None},
    }


@st.composite
def visits(draw: st.DrawFn) -> Story:
    """A service rendered outside the centre, by a patient who may be without a number."""
    person = draw(st.none() | persons)
    service = draw(st.sampled_from(["outpatient", "inpatient"]))
    organisation = draw(st.sampled_from([None, "h1"]))

    def facts(names: Names, number: int) -> list[Fact]:
        record, external = names.id("visit", number), names.id("V", number)
        event = ServiceRendered.model_validate(
            {
                "record_id": record,
                "source": SOURCE,
                "external_id": external,
                "service": service,
                "organisation": organisation,
                "rendered_at": _at(number),
            }
        )
        fields = {"phone": None if person is None else str(person), "organisation": "h1"}
        kept = _record(names, record, fields) | {"external_id": external, "version": 1}
        return [Fact(event, record, 1, kept)]

    return facts


@st.composite
def tickets(draw: st.DrawFn) -> Story:
    """An appeal of the journal that is worked on and, perhaps, closed."""
    moves = draw(st.lists(st.sampled_from(["take", "escalate"]), max_size=2))
    closed = draw(st.booleans())
    source = draw(st.sampled_from([None, SOURCE, "survey", "survey"]))

    def facts(names: Names, number: int) -> list[Fact]:
        ticket = names.id("ticket", number)
        answered = names.id("answered", number) if source == "survey" else None
        about = {
            "ticket_id": ticket,
            "number": f"T-2026-{number:06}",
            "call_id": names.id("call", number),
            "external_source": source,
            "external_id": answered or (names.id("A", number) if source else None),
        }
        events: list[Event] = [
            TicketCreated.model_validate(
                {**about, "channel": "phone", "kind": "complaint", "registered_at": _at(number)}
            )
        ]
        for action in [*moves, "close"] if closed else moves:
            status = "closed" if action == "close" else "in_work"
            events.append(
                TicketMoved.model_validate(
                    {**about, "action": action, "status": status, "level": 1, "at": _at(number)}
                )
            )
        if moves:
            events.append(
                TicketStepFired(
                    ticket_id=ticket,
                    number=about["number"],
                    clock="level1",
                    generation=1,
                    step="warn",
                    action="notify",
                    result="done",
                    due_at=_at(number),
                    fired_at=_at(number),
                    status="in_work",
                    level=1,
                    priority="normal",
                )
            )
            events.append(
                TicketForwarded(
                    ticket_id=ticket,
                    number=about["number"],
                    territory="77",
                    registered_at=_at(number),
                    forwarded_at=_at(number),
                )
            )
        if closed:
            events.append(
                TicketClosed.model_validate(
                    {**about, "outcome": "justified", "closed_at": _at(number)}
                )
            )
        notice = TicketNoticeIssued.model_validate(
            {
                "notice_id": names.id("notice", number),
                "ticket_id": ticket,
                "kind": "closed" if closed else "registered",
                "contact": names.phone(number),
                "language": "en",
                "message": f"Your appeal {about['number']}",
                "at_once": not closed,
            }
        )
        told = [replace(fact, bad_answer=answered) for fact in _told(ticket, events)]
        return [*told, Fact(notice, notice.notice_id, 1)]

    return facts


@st.composite
def messages(draw: st.DrawFn) -> Story:
    """SMS of one person that answer no survey; in between he may ask how things stand."""
    said = draw(
        st.lists(st.sampled_from(["no drugs", "still none", "status"]), min_size=1, max_size=3)
    )

    def facts(names: Names, number: int) -> list[Fact]:
        told = []
        for place, text in enumerate(said):
            message = names.id("message", 10 * number + place)
            event = MessageReceived(message_id=message, language="en", received_at=_at(place))
            kept = {
                "from": names.phone(90),
                "text": text,
                "at": _at(place).isoformat(),
                "meaning": "status" if text == "status" else "stray",
            }
            told.append(Fact(event, message, 1, kept))
        return told

    return facts


@st.composite
def surges(draw: st.DrawFn) -> Story:
    """A surge that is renamed, perhaps, that closes and flares up again."""
    states = draw(st.lists(st.sampled_from(["named", "closed", "again"]), max_size=4))

    def facts(names: Names, number: int) -> list[Fact]:
        surge = names.id("surge", number)
        about = {"surge_id": surge, "insurers": [], "ticket_id": names.id("case", number)}
        events: list[Event] = []
        for place, state in enumerate(["first", *states]):
            at, named = _at(number + place), {**about, "organisation": f"h{place}"}
            if state == "closed":
                events.append(SurgeClosed.model_validate({**named, "closed_at": at}))
            else:
                counts = {"opened_at": at, "observed": 20, "expected": 4.5}
                events.append(SurgeOpened.model_validate({**named, **counts}))
        return _told(surge, events)

    return facts


@st.composite
def offers(draw: st.DrawFn) -> Story:
    """An appeal that an agent accepts on the floor."""
    agent = draw(st.sampled_from(["a1", "a2"]))

    def facts(names: Names, number: int) -> list[Fact]:
        ticket, item = names.id("nobodys", number), names.id("item", number)
        taken = WorkAccepted(
            work_id=item, ticket_id=ticket, agent=agent, accepted_at=_at(number)
        )  # fmt: skip
        return [Fact(taken, item, 4, nobodys=ticket)]

    return facts


@st.composite
def routine(draw: st.DrawFn) -> Story:
    """An agent who comes and goes, and a file that was read."""
    states = draw(st.lists(st.sampled_from(["ready", "talking", "not_ready"]), max_size=2))

    def facts(names: Names, number: int) -> list[Fact]:
        agent, run = names.id("agent", number), names.id("run", number)
        counts = dict.fromkeys(("read", "created", "updated", "unchanged", "quarantined"), 0)
        finished = FeedRunFinished(
            run_id=run, source=SOURCE, status="done", finished_at=_at(number), **counts
        )
        changes: list[Event] = [
            AgentStateChanged.model_validate({"agent": agent, "state": state, "since": _at(number)})
            for state in ["not_ready", *states]
        ]
        return [*_told(agent, changes), Fact(finished, run, 1)]

    return facts


day = st.tuples(
    *(records() for _ in range(4)),
    *(invitations() for _ in range(2)),
    *(calls() for _ in range(3)),
    visits(),
    tickets(),
    messages(),
    offers(),
    surges(),
    routine(),
)
"""One of everything that is consumed, and more of what has more ways to go wrong."""
