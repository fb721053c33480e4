"""What the journal hears from the other services, and what it does about it."""

from collections.abc import Sequence
from typing import Any

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.ingest import RecordReceived
from careline_common.events.router import AgentStateChanged, WorkAccepted
from careline_common.events.surveys import CommentGiven, MessageReceived, ScoreRecorded
from careline_common.messaging.subscription import Subscription
from careline_tickets.db import staffing
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Command, Details, External, TextKind
from careline_tickets.domain.vocabulary import Action, Channel, Kind, Role
from careline_tickets.domain.workflow import TABLE, Actor
from careline_tickets.feeds import FeedDesk
from careline_tickets.offering import give_to
from careline_tickets.ports import Comment, Comments, Message, Messages, Records
from careline_tickets.service import Journal, NewTicket
from careline_tickets.sms_taking import SmsDesk

LOW_SCORES = "tickets.low-scores"
FEED_RECORDS = "tickets.feed-records"
PRESENCE = "tickets.presence"
MESSAGES = "tickets.messages"
WORK = "tickets.work"
CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    LOW_SCORES: (ScoreRecorded, CommentGiven),
    FEED_RECORDS: (RecordReceived,),
    PRESENCE: (AgentStateChanged,),
    MESSAGES: (MessageReceived,),
    WORK: (WorkAccepted,),
}

SURVEY = "survey"
"""The external source of appeals that a bad answer has opened; the id is the invitation's."""
BadAnswer = ScoreRecorded | CommentGiven
SURVEYS = Actor(id="surveys", roles=frozenset({Role.SYSTEM}))


def subscriptions(
    journal: Journal, feeds: FeedDesk, records: Records, comments: Comments, messages: Messages
) -> tuple[Subscription, ...]:
    """Two find by external id what is there, one goes by sequence, one knows what it has had, one gives only what
    nobody has: none minds order or repetition."""
    sms = SmsDesk(journal)

    async def fetch_message(envelope: Envelope) -> Message | None:
        event = envelope.data
        assert isinstance(event, MessageReceived)
        return await messages.get(event.message_id)

    async def message(uow: UnitOfWork, envelope: Envelope, fetched: Message | None) -> None:
        event = envelope.data
        assert isinstance(event, MessageReceived)
        await sms.take(uow, event, fetched)

    async def fetch_record(envelope: Envelope) -> dict[str, Any] | None:
        event = envelope.data
        assert isinstance(event, RecordReceived)
        return await records.get(event.record_id)

    async def fetch_records(envelopes: Sequence[Envelope]) -> dict[str, dict[str, Any]]:
        wanted: dict[str, str] = {}
        for envelope in envelopes:
            assert isinstance(envelope.data, RecordReceived)
            wanted[envelope.id] = envelope.data.record_id
        found = await records.several(set(wanted.values()))
        return {event: found[record] for event, record in wanted.items() if record in found}

    async def fetch_comments(envelope: Envelope) -> Sequence[Comment]:
        event = envelope.data
        assert isinstance(event, BadAnswer)
        written = isinstance(event, CommentGiven) or event.commented
        return await comments.of(event.invitation_id) if event.low and written else ()

    async def bad_answer(
        uow: UnitOfWork, envelope: Envelope, fetched: Sequence[Comment] | None
    ) -> None:
        event = envelope.data
        assert isinstance(event, BadAnswer)
        if event.low:
            lines = _lines(event, fetched or ())
            registered = await journal.register(uow, appeal_of(event, lines), SURVEYS)
            if not registered.fresh:
                await _add_lines(uow, journal, event, lines)

    async def feed_record(uow: UnitOfWork, envelope: Envelope, fetched: Any) -> None:
        event = envelope.data
        assert isinstance(event, RecordReceived)
        await feeds.receive(uow, event, fetched)

    async def presence(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        event = envelope.data
        assert isinstance(event, AgentStateChanged)
        await staffing.note_state(
            uow.connection,
            agent=event.agent,
            state=event.state,
            since=event.since,
            sequence=envelope.sequence,
        )

    async def work_accepted(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        event = envelope.data
        assert isinstance(event, WorkAccepted)
        await give_to(uow, journal, event)

    return (
        Subscription(
            name=MESSAGES,
            events=CONSUMERS[MESSAGES],
            fetch=fetch_message,
            handle=message,
            order_free=True,
        ),
        Subscription(name=WORK, events=CONSUMERS[WORK], handle=work_accepted, order_free=True),
        Subscription(name=PRESENCE, events=CONSUMERS[PRESENCE], handle=presence, order_free=True),
        Subscription(
            name=LOW_SCORES,
            events=CONSUMERS[LOW_SCORES],
            fetch=fetch_comments,
            handle=bad_answer,
            order_free=True,
        ),
        Subscription(
            name=FEED_RECORDS,
            events=CONSUMERS[FEED_RECORDS],
            fetch=fetch_record,
            fetch_all=fetch_records,
            handle=feed_record,
            order_free=True,
        ),
    )


def appeal_of(event: BadAnswer, lines: Sequence[str]) -> NewTicket:
    """The appeal that a bad answer opens: one an invitation, however many of its answers are bad."""
    return NewTicket(
        details=Details(
            channel=Channel.SURVEY,
            kind=Kind.COMPLAINT,
            organisation=event.organisation,
            call_id=event.call_id,
            invitation_id=event.invitation_id,
            external=External(source=SURVEY, id=event.invitation_id),
        ),
        person=Person(phone=event.contact),
        text="\n".join(lines),
        registered_at=event.answered_at,
    )


def _lines(event: BadAnswer, fetched: Sequence[Comment]) -> list[str]:
    """What an appeal says of an invitation, sorted, so that order makes no odds."""
    about = f"{event.service} {event.reference_type} {event.reference_id}"
    if isinstance(event, ScoreRecorded):
        first = f"{event.metric.upper()} {event.score} ({event.survey}, {event.question}): {about}"
    else:
        first = f"Comment ({event.survey}, {event.question or 'beside'}): {about}"
    return sorted({first, *(f"{one.question}: {' '.join(one.text.split())}" for one in fetched)})


async def _add_lines(
    uow: UnitOfWork, journal: Journal, event: BadAnswer, lines: Sequence[str]
) -> None:
    """Whatever else the patient has answered stands in the appeal's text too."""
    repository = journal.repository
    stored = await repository.find_external(
        uow.connection, SURVEY, event.invitation_id, for_update=True
    )
    assert stored is not None
    texts = await repository.contents(uow.connection, stored.ticket.id)
    told = [one.body for one in texts if one.author == SURVEYS.id and one.kind == TextKind.TEXT]
    before = told[-1] if told else ""
    after = "\n".join(sorted({*before.splitlines(), *lines}))
    if after != before and TABLE[Action.AMEND].possible(stored.ticket.facts):
        await journal.act(uow, stored, Command(action=Action.AMEND, text=after), SURVEYS)
