"""Low scores and partners' records become appeals, in whatever order and however often they come."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.ingest import RecordReceived
from careline_common.events.surveys import CommentGiven, ScoreRecorded
from careline_common.messaging.transport import OutgoingMessage
from careline_common.testing.waiting import eventually
from careline_tickets.api.office import Office
from careline_tickets.consumers import SURVEYS, appeal_of
from careline_tickets.settings import TicketsSettings

if TYPE_CHECKING:
    from careline_common.testing.ports import Ports
    from conftest import Desk

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
numbers = itertools.count(1)


def message(
    event: Event, *, subject: str, sequence: int = 1, event_id: str = ""
) -> OutgoingMessage:
    envelope = Envelope(
        id=event_id or f"e-{next(numbers)}",
        source="/careline/test",
        subject=subject,
        time=NOW,
        sequence=sequence,
        correlationid=subject,
        causationid=None,
        data=event,
    )
    return OutgoingMessage(
        event_id=envelope.id, type=envelope.type, subject=subject, body=envelope.to_json()
    )


async def deliver(desk: "Desk", *messages: OutgoingMessage) -> None:
    """Hands events to the journal and waits until each was handled."""
    before = await handled(desk)
    await desk.transport.publish(messages)
    distinct = {one.event_id for one in messages}

    async def all_handled() -> bool:
        assert not await desk.transport.parked("tickets.low-scores")
        assert not await desk.transport.parked("tickets.feed-records")
        return distinct <= await handled(desk)

    await eventually(all_handled)
    depths = ("tickets.low-scores", "tickets.feed-records")

    async def nothing_waits() -> bool:
        return not any(one.waiting for one in (await desk.transport.depths(depths)).values())

    await eventually(nothing_waits)
    assert before <= await handled(desk)


async def handled(desk: "Desk") -> set[str]:
    return {row["event_id"] for row in await desk.query("SELECT event_id FROM tickets.inbox")}


def score(**fields: Any) -> ScoreRecorded:
    given = {
        "invitation_id": "inv-1",
        "survey": "call",
        "service": "call",
        "question": "csi",
        "metric": "csi",
        "score": 2,
        "low": True,
        "reference_type": "call",
        "reference_id": "call-1",
        "call_id": "call-1",
        "answered_at": NOW,
        "contact": "+79161234567",
    }
    return ScoreRecorded.model_validate(given | fields)


async def test_a_low_score_opens_one_appeal_that_links_call_and_invitation(desk: "Desk") -> None:
    event = message(score(), subject="inv-1", event_id="e-low")
    other_question = message(
        score(question="again", score=1), subject="inv-1", sequence=2, event_id="e-again"
    )
    await deliver(desk, event, event, other_question, event)
    listed = (await desk.agent.get("tickets", call_id="call-1")).json()["items"]
    assert len(listed) == 1
    ticket = (await desk.agent.get(f"tickets/{listed[0]['id']}")).json()
    assert (ticket["channel"], ticket["kind"]) == ("survey", "complaint")
    assert (ticket["call_id"], ticket["invitation_id"]) == ("call-1", "inv-1")
    assert ticket["external"] == {"source": "survey", "id": "inv-1"}
    assert ticket["person"]["phone"] == "+79161234567"
    assert ticket["text"].splitlines() == [
        "CSI 1 (call, again): call call call-1",
        "CSI 2 (call, csi): call call call-1",
    ]
    assert ticket["registered_at"] == "2026-03-02T08:00:00Z"
    caused = await desk.query(
        "SELECT convert_from(body, 'utf8')::json ->> 'causationid' AS id FROM tickets.outbox"
    )
    assert [row["id"] for row in caused] == ["e-low", "e-again"]


def comment(**fields: Any) -> CommentGiven:
    given = {
        "invitation_id": "inv-1",
        "survey": "call",
        "service": "call",
        "question": "why",
        "complaint": False,
        "low": True,
        "reference_type": "call",
        "reference_id": "call-1",
        "call_id": "call-1",
        "answered_at": NOW,
        "contact": "+79161234567",
    }
    return CommentGiven.model_validate(given | fields)


async def the_text(desk: "Desk") -> list[str]:
    [ticket] = (await desk.agent.get("tickets", call_id="call-1")).json()["items"]
    shown = (await desk.agent.get(f"tickets/{ticket['id']}")).json()
    return list(shown["text"].splitlines())


async def test_a_complaint_opens_an_appeal_with_the_words_that_its_event_does_not_carry(
    desk: "Desk", ingest: "Ingest"
) -> None:
    said = "Ждал час,\nбуду жаловаться"
    ingest.records["inv-1"] = {"answers": [{"question": "why", "text": said, "score": None}]}
    told = message(comment(complaint=True), subject="inv-1", event_id="e-words")
    assert said.encode() not in told.body
    await deliver(desk, told, told, told)
    assert await the_text(desk) == [
        "Comment (call, why): call call call-1",
        "why: Ждал час, буду жаловаться",
    ]
    texts = await desk.query("SELECT count(*) AS n FROM tickets.history")
    assert texts[0]["n"] == 1, "repeats change nothing"


async def test_score_and_comment_make_one_appeal_in_either_order(
    desk: "Desk", ingest: "Ingest"
) -> None:
    ingest.records["inv-1"] = {
        "answers": [{"question": "why", "text": "груб"}, {"question": "csi"}]
    }
    low = message(score(commented=True), subject="inv-1", sequence=3, event_id="e-score")
    words = message(comment(), subject="inv-1", sequence=2, event_id="e-words")
    await deliver(desk, low, words, low)
    assert await the_text(desk) == [
        "CSI 2 (call, csi): call call call-1",
        "Comment (call, why): call call call-1",
        "why: груб",
    ]


async def test_a_comment_that_asks_for_nothing_is_not_even_fetched(
    desk: "Desk", ingest: "Ingest"
) -> None:
    await deliver(desk, message(comment(low=False, contact=None), subject="inv-1"))
    assert (await desk.agent.get("tickets")).json()["items"] == []
    assert ingest.asked_by == []


async def test_an_erased_comment_leaves_an_appeal_without_words(
    desk: "Desk", ingest: "Ingest"
) -> None:
    ingest.records["inv-1"] = {"answers": [{"question": "why", "text": None}]}
    await deliver(desk, message(comment(), subject="inv-1"))
    assert await the_text(desk) == ["Comment (call, why): call call call-1"]


async def test_a_good_score_opens_nothing(desk: "Desk") -> None:
    await deliver(desk, message(score(low=False, score=5), subject="inv-1"))
    assert (await desk.agent.get("tickets")).json()["items"] == []


async def test_what_a_transaction_that_failed_had_read_is_not_taken_for_kept(desk: "Desk") -> None:
    """A batch that is rolled back takes the policy of its appeals with it; the next has to write it."""
    office: Office = desk.service.app.state.office

    async def register(invitation: str, *, fail: bool) -> None:
        async with office.database.unit_of_work() as uow:
            new = appeal_of(score(invitation_id=invitation), ["CSI 2"])
            registered = await office.journal.register(uow, new, SURVEYS)
            assert await office.journal.repository.find(uow.connection, registered.ticket.id)
            if fail:
                raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await register("inv-1", fail=True)
    await register("inv-1", fail=False)
    listed = (await desk.agent.get("tickets")).json()["items"]
    assert [one["external"]["id"] for one in listed] == ["inv-1"]


class Ingest:
    """Stands for ingest and surveys: real HTTP, and what they keep as the test has put it."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.asked_by: list[str] = []
        self.failures = 0
        self.app = FastAPI()
        self.app.get("/ingest/v1/records/{record_id}")(self._record)
        self.app.get("/ingest/v1/invitations/{record_id}")(self._record)

    async def _record(self, record_id: str, request: Request) -> JSONResponse:
        self.asked_by.append(request.headers.get("authorization", ""))
        if self.failures:
            self.failures -= 1
            return JSONResponse({}, 503)
        if record_id not in self.records:
            return JSONResponse({}, 404)
        return JSONResponse(self.records[record_id])

    def put(
        self, version: int = 1, *, number: int = 1, withdrawn: bool = False, **fields: str
    ) -> None:
        """A record as a partner has told it now."""
        told = {
            "external_id": f"A-{number}",
            "text": "No drugs",
            "phone": "+79161234567",
            "kind": "complaint",
        }
        self.records[f"r-{number}"] = {
            "id": f"r-{number}",
            "source": "ins7-daily",
            "external_id": f"A-{number}",
            "insurer": "ins7",
            "version": version,
            "withdrawn": withdrawn,
            "fields": told | {"registered_at": "2026-03-01T09:30:00Z"} | fields,
        }


@pytest_asyncio.fixture(loop_scope="session")
async def ingest(ports: "Ports") -> AsyncIterator[Ingest]:
    served = Ingest()
    port = ports.take()
    config = uvicorn.Config(served.app, port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    served.app.state.url = f"http://127.0.0.1:{port}/ingest"
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield served
    server.should_exit = True
    await task


@pytest.fixture
def tickets_settings(tickets_settings: TicketsSettings, ingest: Ingest) -> TicketsSettings:
    url = ingest.app.state.url
    return tickets_settings.model_copy(update={"ingest_url": url, "surveys_url": url})


def received(kind: str = "created", version: int = 1, number: int = 1) -> OutgoingMessage:
    event = RecordReceived.model_validate(
        {
            "record_id": f"r-{number}",
            "source": "ins7-daily",
            "external_id": f"A-{number}",
            "version": version,
            "kind": kind,
            "received_at": NOW,
        }
    )
    return message(event, subject=f"r-{number}", sequence=version, event_id=f"r-{number}-{version}")


async def the_ticket(desk: "Desk") -> dict[str, Any]:
    listed = (await desk.agent.get("tickets")).json()["items"]
    assert len(listed) == 1
    ticket: dict[str, Any] = (await desk.agent.get(f"tickets/{listed[0]['id']}")).json()
    return ticket


async def test_a_partners_record_becomes_an_appeal_once(desk: "Desk", ingest: Ingest) -> None:
    ingest.put()
    ingest.failures = 1
    await deliver(desk, received(), received(), received())
    ticket = await the_ticket(desk)
    assert (ticket["channel"], ticket["insurer"], ticket["status"]) == ("insurer", "ins7", "new")
    assert ticket["external"] == {"source": "ins7-daily", "id": "A-1"}
    assert (ticket["text"], ticket["person"]["phone"]) == ("No drugs", "+79161234567")
    assert ticket["registered_at"] == "2026-03-01T09:30:00Z"
    assert all(token.startswith("Bearer ") for token in ingest.asked_by)
    assert (await desk.insurer.get(f"tickets/{ticket['id']}")).status_code == 200


async def test_a_newer_version_amends_and_an_older_one_does_nothing(
    desk: "Desk", ingest: Ingest
) -> None:
    ingest.put()
    await deliver(desk, received())
    ingest.put(3, text="No insulin", subject="refusal", phone="+79160000000")
    await deliver(desk, received("updated", 3))
    ticket = await the_ticket(desk)
    assert (ticket["text"], ticket["subject"], ticket["version"]) == ("No insulin", "refusal", 2)
    assert ticket["person"]["phone"] == "+79160000000"
    await deliver(desk, received("updated", 2))
    assert (await the_ticket(desk))["version"] == 2


async def test_a_record_with_an_answer_comes_to_the_administrator(
    desk: "Desk", ingest: Ingest
) -> None:
    ingest.put(answer="We have paid", status="closed")
    await deliver(desk, received())
    ticket = await the_ticket(desk)
    assert (ticket["status"], ticket["answered_by"]) == ("in_review", "insurer")
    assert ticket["contents"][-1]["kind"] == "insurer_answer"
    returned = await desk.boss.does(ticket, "return", reason="when?")
    assert returned["status"] == "with_insurer"
    ingest.put(2, answer="We have paid on Monday")
    await deliver(desk, received("updated", 2))
    assert (await the_ticket(desk))["status"] == "in_review"


async def test_an_answer_in_which_nothing_can_be_read_is_none(desk: "Desk", ingest: Ingest) -> None:
    ingest.put(answer="\u200b\u200f", name="\ufeff")
    await deliver(desk, received())
    ticket = await the_ticket(desk)
    assert (ticket["status"], ticket["person"]["name"]) == ("new", None)


async def test_what_a_partner_says_of_a_merged_appeal_is_kept_and_pointed_at(
    desk: "Desk", ingest: Ingest
) -> None:
    ingest.put()
    await deliver(desk, received())
    merged = await the_ticket(desk)
    into = await desk.boss.register(kind="complaint", insurer="ins8")
    merged = await desk.boss.does(merged, "take")
    merged = await desk.boss.does(merged, "merge", into=into["id"])
    before = (await desk.boss.get(f"tickets/{into['id']}")).json()
    ingest.put(2, text="No insulin either", answer="We have paid")
    await deliver(desk, received("updated", 2), received("updated", 2))
    kept = (await desk.boss.get(f"tickets/{merged['id']}")).json()
    assert (kept["status"], kept["text"]) == ("merged", "No insulin either")
    assert ("note", "We have paid") in [(one["kind"], one["text"]) for one in kept["contents"]]
    told = (await desk.boss.get(f"tickets/{into['id']}")).json()
    note = f"{merged['number']} has new words since it was merged into this one"
    added = [(one["kind"], one["text"]) for one in told["contents"][len(before["contents"]) :]]
    assert added == [("note", note)] * 2, "the words themselves are not shown to its insurer"


async def test_a_withdrawn_record_closes_its_appeal(desk: "Desk", ingest: Ingest) -> None:
    ingest.put()
    await deliver(desk, received())
    ingest.put(2, withdrawn=True)
    await deliver(desk, received("withdrawn", 2))
    ticket = await the_ticket(desk)
    assert (ticket["status"], ticket["outcome"]) == ("closed", "withdrawn")


async def test_any_order_of_the_events_leads_to_the_same_appeal(
    desk: "Desk", ingest: Ingest
) -> None:
    """The record is fetched as it is at the end, whichever event asks for it."""
    kinds = {1: "created", 2: "updated", 3: "withdrawn"}
    for number, order in enumerate(itertools.permutations(kinds), start=1):
        ingest.put(3, number=number, withdrawn=True, text="Never mind")
        for version in order:
            await deliver(desk, received(kinds[version], version, number))
    listed = (await desk.agent.get("tickets")).json()["items"]
    assert len(listed) == 6
    for one in listed:
        ticket = (await desk.agent.get(f"tickets/{one['id']}")).json()
        shown = (ticket["status"], ticket["outcome"], ticket["text"])
        assert shown == ("closed", "withdrawn", "Never mind")


async def test_words_that_come_with_an_answer_and_words_that_come_back_are_kept(
    desk: "Desk", ingest: Ingest
) -> None:
    ingest.put(text="No drugs")
    await deliver(desk, received())
    ingest.put(2, text="No insulin", answer="We have paid")
    await deliver(desk, received("updated", 2))
    ticket = await the_ticket(desk)
    assert (ticket["text"], ticket["status"]) == ("No insulin", "in_review")
    ingest.put(3, text="No drugs", answer="We have paid", withdrawn=True)
    await deliver(desk, received("withdrawn", 3))
    ticket = await the_ticket(desk)
    assert (ticket["text"], ticket["outcome"]) == ("No drugs", "withdrawn")
    answers = [text for text in ticket["contents"] if text["kind"] == "insurer_answer"]
    assert len(answers) == 1


async def test_a_withdrawal_that_is_overtaken_by_a_newer_version_still_closes(
    desk: "Desk", ingest: Ingest
) -> None:
    ingest.put(3, text="Never mind")
    await deliver(desk, received("updated", 3))
    assert (await the_ticket(desk))["status"] == "new"
    await deliver(desk, received("withdrawn", 2))
    assert (await the_ticket(desk))["outcome"] == "withdrawn"


async def test_an_erased_record_is_no_appeal(desk: "Desk", ingest: Ingest) -> None:
    await deliver(desk, received())
    ingest.put(2)
    ingest.records["r-1"]["fields"] = None
    await deliver(desk, received("updated", 2))
    assert (await desk.agent.get("tickets")).json()["items"] == []


async def test_what_an_agent_has_registered_stands_where_the_record_says_nothing(
    desk: "Desk", ingest: Ingest
) -> None:
    """The insured has called before the insurer's file came; the agent noted the insurer's number."""
    await desk.agent.register(
        subject="refusal",
        territory="46",
        call_id="call-1",
        external={"source": "ins7-daily", "id": "A-1"},
        person={"name": "A. B.", "phone": "+79160000000"},
    )
    ingest.put(2, subject="queue", organisation="h1")
    await deliver(desk, received("updated", 2))
    ticket = await the_ticket(desk)
    assert (ticket["subject"], ticket["organisation"]) == ("queue", "h1"), "the record's word"
    assert ticket["person"]["phone"] == "+79161234567", "the record's word"
    ingest.put(3)
    await deliver(desk, received("updated", 3))
    ticket = await the_ticket(desk)
    shown = {name: ticket[name] for name in ("channel", "subject", "territory", "call_id")}
    assert shown == {
        "channel": "phone",
        "subject": "refusal",
        "territory": "46",
        "call_id": "call-1",
    }
    assert ticket["organisation"] is None, "the partner took it back, and nobody else has said it"
    assert ticket["person"]["name"] == "A. B."
    assert ticket["insurer"] == "ins7"


async def test_an_appeal_stays_with_the_insurer_that_people_sent_it_to(
    desk: "Desk", ingest: Ingest
) -> None:
    ingest.put()
    await deliver(desk, received())
    ticket = await desk.agent.does(await the_ticket(desk), "take")
    ticket = await desk.agent.does(ticket, "escalate", to_level=2)
    ticket = await desk.specialist.does(ticket, "take")
    await desk.specialist.does(ticket, "send_to_insurer", insurer="ins8")
    ingest.put(2, text="No insulin")
    await deliver(desk, received("updated", 2))
    ticket = await the_ticket(desk)
    assert (ticket["text"], ticket["status"]) == ("No insulin", "with_insurer")
    assert ticket["insurer"] == "ins8"
    refused = await desk.insurer.get(f"tickets/{ticket['id']}")
    assert refused.status_code == 404, "ins7 has nothing to do with it any more"
