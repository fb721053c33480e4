"""Two processes of the journal, one of them killed: one appeal a record, each change told once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest
from event_order.centre import Ingest, served
from replicas import Site, Told

from careline_common.events.ingest import RecordReceived
from careline_common.events.surveys import ScoreRecorded
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

EACH = 30
"""So many invitations with two low scores, and so many records in two versions."""
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OUTBOX = "SELECT event_id FROM tickets.outbox"
CONFIG = {
    "calendars": [{"id": "c1", "zone": "Europe/Moscow", "weekly": {"mon": ["00:00-24:00"]}}],
    "insurers": [{"id": "ins7"}],
    "deadlines": [{"id": "default", "calendar": "c1", "clocks": {"level1": "1h"}}],
}


def low_scores(number: int) -> list[Told]:
    about = {
        "invitation_id": f"i-{number}",
        "survey": "call",
        "service": "call",
        "metric": "csi",
        "score": 1,
        "low": True,
        "reference_type": "call",
        "reference_id": f"c-{number}",
        "answered_at": AT,
        "contact": f"+7903{number:07}",
    }
    return [
        Told(
            f"s-{number}-{question}",
            ScoreRecorded.model_validate({**about, "question": question}),
            f"i-{number}",
            sequence,
        )
        for sequence, question in enumerate(("again", "csi"), start=1)
    ]


def versions(number: int) -> list[Told]:
    return [
        Told(
            f"r-{number}-{version}",
            RecordReceived(
                record_id=f"r-{number}",
                source="daily",
                external_id=f"A-{number}",
                version=version,
                kind="created" if version == 1 else "updated",
                received_at=AT,
            ),
            f"r-{number}",
            version,
        )
        for version in (1, 2)
    ]


def record(number: int) -> dict[str, object]:
    return {
        "id": f"r-{number}",
        "source": "daily",
        "external_id": f"A-{number}",
        "insurer": "ins7",
        "version": 2,
        "withdrawn": False,
        "fields": {"text": "No drugs", "answer": "Paid", "registered_at": AT.isoformat()},
    }


async def test_each_event_has_its_effect_once_though_one_of_two_is_killed(site: Site) -> None:
    ingest = Ingest()
    ingest.records = {f"r-{number}": record(number) for number in range(EACH)}
    first_half = [e for n in range(EACH // 2) for e in low_scores(n) + versions(n)]
    others = [e for n in range(EACH // 2, EACH) for e in low_scores(n) + versions(n)]
    async with (
        served(ingest.app) as url,
        site.listening(TicketCreated, TicketMoved, TicketClosed) as heard,
    ):
        first, _ = await site.replicas("tickets", 2, CONFIG, CARELINE_INGEST_URL=url)
        await site.publish([event for event in first_half for _ in range(2)])
        await site.reaches("SELECT count(*) FROM tickets.ticket", EACH // 4)
        await first.kill()
        await site.publish(others)
        await first.start()
        await site.publish(first_half + others)
        await site.reaches("SELECT count(*) FROM tickets.inbox", 4 * EACH)
        await site.settled("tickets", ["tickets.low-scores", "tickets.feed-records"])
        written = {row["event_id"] for row in await site.query(OUTBOX)}
        await eventually(lambda: heard == written, what="every event to come over the bus")

    assert await site.value("SELECT count(*) FROM tickets.ticket") == 2 * EACH
    assert await site.value("SELECT count(*) FROM tickets.inbox") == 4 * EACH
    created = await site.told("tickets", "careline.ticket.created.v1")
    assert len({event["external_id"] for event in created}) == len(created) == 2 * EACH
    moved = Counter(
        (event["external_source"], event["action"])
        for event in await site.told("tickets", "careline.ticket.moved.v1")
    )
    assert moved == {("survey", "amend"): EACH, ("daily", "import_answer"): EACH}
    answers = "SELECT count(*) FROM tickets.content WHERE kind = 'insurer_answer'"
    assert await site.value(answers) == EACH


async def test_two_processes_that_are_asked_the_same_at_once_do_it_once(site: Site) -> None:
    both = await site.replicas("tickets", 2, CONFIG)
    body = {"channel": "insurer", "kind": "complaint", "text": "No drugs"}
    async with site.client(both[0]) as one, site.client(both[1]) as other:
        by_external = await asyncio.gather(
            *(
                http.post("/v1/tickets", json={**body, "external": {"source": "x", "id": "1"}})
                for http in (one, other) * 5
            )
        )
        by_key = await asyncio.gather(
            *(
                http.post("/v1/tickets", json=body, headers={"Idempotency-Key": "k-1"})
                for http in (one, other) * 5
            )
        )
    assert sorted(answer.status_code for answer in by_external) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in by_external}) == 1
    assert {answer.status_code for answer in by_key} <= {201, 409}, "409: still being answered"
    assert len({a.json()["id"] for a in by_key if a.status_code == 201}) == 1
    assert await site.value("SELECT count(*) FROM tickets.ticket") == 2
    assert len(await site.told("tickets", "careline.ticket.created.v1")) == 2
