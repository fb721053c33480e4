"""What the journal hears from the other services, and what it does about it."""

from typing import Any

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope, Event
from careline_common.events.ingest import RecordReceived
from careline_common.events.surveys import ScoreRecorded
from careline_common.messaging.subscription import Subscription
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Command, Details, External, TextKind
from careline_tickets.domain.vocabulary import Action, Channel, Kind, Role
from careline_tickets.domain.workflow import TABLE, Actor
from careline_tickets.feeds import FeedDesk
from careline_tickets.ports import Records
from careline_tickets.service import Journal, NewTicket

LOW_SCORES = "tickets.low-scores"
FEED_RECORDS = "tickets.feed-records"
CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    LOW_SCORES: (ScoreRecorded,),
    FEED_RECORDS: (RecordReceived,),
}

SURVEY = "survey"
"""The external source of appeals that a low score has opened; the id is the invitation's."""
SURVEYS = Actor(id="surveys", roles=frozenset({Role.SYSTEM}))


def subscriptions(journal: Journal, feeds: FeedDesk, records: Records) -> tuple[Subscription, ...]:
    """Both find by external id what is there, so that neither minds order or repetition."""

    async def fetch_record(envelope: Envelope) -> dict[str, Any] | None:
        event = envelope.data
        assert isinstance(event, RecordReceived)
        return await records.get(event.record_id)

    async def low_score(uow: UnitOfWork, envelope: Envelope, _fetched: Any) -> None:
        event = envelope.data
        assert isinstance(event, ScoreRecorded)
        if event.low:
            registered = await journal.register(uow, appeal_of(event), SURVEYS)
            if not registered.fresh:
                await _add_score(uow, journal, event)

    async def feed_record(uow: UnitOfWork, envelope: Envelope, fetched: Any) -> None:
        event = envelope.data
        assert isinstance(event, RecordReceived)
        await feeds.receive(uow, event, fetched)

    return (
        Subscription(
            name=LOW_SCORES, events=CONSUMERS[LOW_SCORES], handle=low_score, order_free=True
        ),
        Subscription(
            name=FEED_RECORDS,
            events=CONSUMERS[FEED_RECORDS],
            fetch=fetch_record,
            handle=feed_record,
            order_free=True,
        ),
    )


def appeal_of(event: ScoreRecorded) -> NewTicket:
    """The appeal that a low score opens: one an invitation, however many of its scores are low."""
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
        text=_line(event),
        registered_at=event.answered_at,
    )


def _line(event: ScoreRecorded) -> str:
    return (
        f"{event.metric.upper()} {event.score} ({event.survey}, {event.question}):"
        f" {event.service} {event.reference_type} {event.reference_id}"
    )


async def _add_score(uow: UnitOfWork, journal: Journal, event: ScoreRecorded) -> None:
    """A further low score stands in the appeal's text too; sorted, so that order makes no odds."""
    repository = journal.repository
    stored = await repository.find_external(
        uow.connection, SURVEY, event.invitation_id, for_update=True
    )
    assert stored is not None
    texts = await repository.contents(uow.connection, stored.ticket.id)
    told = [one.body for one in texts if one.author == SURVEYS.id and one.kind == TextKind.TEXT]
    before = told[-1] if told else ""
    after = "\n".join(sorted({*before.splitlines(), _line(event)}))
    if after != before and TABLE[Action.AMEND].possible(stored.ticket.facts):
        await journal.act(uow, stored, Command(action=Action.AMEND, text=after), SURVEYS)
