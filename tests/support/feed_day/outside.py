"""Whom an ingest has to do with, each with a record of his own: the journal, which hears its events and
tells what becomes of some appeals, and the partner, who takes news of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.ingest import FeedRunFinished, RecordReceived
from careline_common.events.tickets import TicketClosed, TicketCreated
from careline_common.messaging.local import LocalTransport
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import IncomingMessage, OutgoingMessage
from careline_common.testing.waiting import eventually
from careline_ingest.fakes.web import Asked, FakeWeb, Said
from feed_day.plan import INSURER, SOURCE

JOURNAL = "tickets.proof"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class Outside:
    """What they have on record: events by their id as they first came and how often, and news as it
    came each time, with its key."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    news: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


class Journal:
    def __init__(self, url: str, record: Outside, told: Iterable[str]) -> None:
        self._bus = LocalTransport(url)
        self._record = record
        self._told = frozenset(told)

    async def _hear(self, messages: Sequence[IncomingMessage]) -> list[None]:
        taken_up: list[OutgoingMessage] = []
        for message in messages:
            envelope = Envelope.parse(message.body)
            self._record.times[envelope.id] = self._record.times.get(envelope.id, 0) + 1
            data = envelope.data.model_dump(mode="json")
            said = {"type": envelope.type, "sequence": envelope.sequence, **data}
            kept = self._record.events.setdefault(envelope.id, said)
            assert kept == said, "an event that comes again says something else"
            external_id = data.get("external_id")
            if external_id in self._told and envelope.sequence == 1:
                taken_up += _life_of(external_id)
        if taken_up:
            assert set(await self._bus.publish(taken_up)) == {None}
        return [None] * len(messages)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async def nothing(*_: Any) -> None:
            """The transport's handler hears; nothing is consumed through an inbox."""

        events = (RecordReceived, FeedRunFinished)
        subscription = Subscription(name=JOURNAL, events=events, handle=nothing)
        task = asyncio.create_task(self._bus.consume(subscription, self._hear))
        await eventually(lambda: self._bus.consuming(JOURNAL), what="the journal to listen")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._bus.close()


def partner(record: Outside) -> FakeWeb:
    """Where the partner takes news."""

    def take(asked: Asked) -> Said:
        record.news.append((asked.headers["idempotency-key"], json.loads(asked.body)))
        return Said()

    return FakeWeb(take)


def _life_of(external_id: str) -> list[OutgoingMessage]:
    """An appeal is registered and closed; the same messages however often this is asked for."""
    about = {
        "ticket_id": f"t-{external_id}", "number": f"26-{external_id}", "insurer": INSURER,
        "external_source": SOURCE, "external_id": external_id, "channel": "insurer",
        "kind": "complaint",
    }  # fmt: skip
    created = TicketCreated.model_validate({**about, "registered_at": AT})
    closed = TicketClosed.model_validate({**about, "outcome": "justified", "closed_at": AT})
    return [
        _message(external_id, event, version) for version, event in enumerate((created, closed), 1)
    ]


def _message(external_id: str, event: Event, version: int) -> OutgoingMessage:
    envelope = Envelope(
        id=f"proof-{external_id}-{version}", source="/careline/tickets", time=AT,
        subject=f"t-{external_id}", sequence=version, correlationid=external_id, causationid=None,
        data=event,
    )  # fmt: skip
    return OutgoingMessage(
        event_id=envelope.id, type=envelope.type, subject=envelope.subject, body=envelope.to_json()
    )
