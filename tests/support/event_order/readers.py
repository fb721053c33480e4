"""What a service shows of a history in the end, for each consumer; the ids of a playing left out."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import select

from careline_common.events.ingest import RecordReceived, ServiceRendered
from careline_common.events.router import AgentStateChanged, CallEnded, CallKeyed, WorkAccepted
from careline_common.events.surveys import CommentGiven, MessageReceived, ScoreRecorded
from careline_common.events.tickets import (
    SurgeClosed,
    SurgeOpened,
    TicketClosed,
    TicketCreated,
    TicketMoved,
    TicketNoticeIssued,
)
from careline_ingest import consumers as ingest
from careline_ingest.db import appeals as ingest_appeals
from careline_router import consumers as router
from careline_router.db import tables as of_router
from careline_surveys import consumers as surveys
from careline_surveys.db import tables as of_surveys
from careline_tickets import consumers as tickets
from careline_tickets.api.office import Office
from careline_tickets.db import staffing
from careline_tickets.db.notice_tables import sms_in
from event_order.centre import Centre
from event_order.histories import Fact, Names

TICKETS = (TicketCreated, TicketMoved, TicketClosed)

Reader = Callable[[Centre, list[Fact]], Awaitable[Any]]

APPEAL = (
    "status", "outcome", "answered_by", "channel", "kind", "subject", "organisation", "insurer",
    "external", "call_id", "invitation_id", "text", "person", "registered_at", "level", "owner",
)  # fmt: skip


async def _appeal(centre: Centre, source: str, external_id: str) -> dict[str, Any] | None:
    """The appeal with this external id, as its administrator sees it."""
    office: Office = centre.services["tickets"].app.state.office
    async with office.database.read() as connection:
        stored = await office.journal.repository.find_external(connection, source, external_id)
    if stored is None:
        return None
    shown = await centre.get("tickets", f"/v1/tickets/{stored.ticket.id}")
    answers = [text["text"] for text in shown["contents"] if text["kind"].endswith("answer")]
    return {name: shown[name] for name in APPEAL} | {"answer": answers[-1] if answers else None}


async def low_scores(centre: Centre, facts: list[Fact]) -> Any:
    """Which of two low scores is heard first decides when the appeal counts as registered."""
    ids = {fact.subject for fact in facts if isinstance(fact.event, ScoreRecorded | CommentGiven)}
    appeals = {one: await _appeal(centre, "survey", one) for one in sorted(ids)}
    for appeal in appeals.values():
        if appeal is not None:
            del appeal["registered_at"]
    return appeals


async def feed_records(centre: Centre, facts: list[Fact]) -> Any:
    told = {
        (fact.event.source, fact.event.external_id)
        for fact in facts
        if isinstance(fact.event, RecordReceived)
    }
    return {external: await _appeal(centre, source, external) for source, external in sorted(told)}


INVITATION = ("survey", "service", "agent", "queue", "organisation")


async def _invitations(centre: Centre, references: set[str]) -> list[dict[str, Any]]:
    found = []
    for reference in sorted(references):
        page = await centre.get("surveys", "/v1/invitations", reference_id=reference, limit=100)
        found += page["items"]
    return found


async def ended_calls(centre: Centre, facts: list[Fact]) -> Any:
    """Which invitations there are, and how many of each person and survey are sent.

    Of two calls within a quarantine the one that is heard of first is asked about: which one that
    is may differ, how often the person is asked may not.
    """
    calls = {fact.subject: fact.event for fact in facts if isinstance(fact.event, CallEnded)}
    asked: dict[str, int] = {}
    invited = []
    for one in await _invitations(centre, set(calls)):
        call = one["reference"]["id"]
        invited.append((call, one["survey"]))
        if one["status"] != "suppressed":
            key = f"{calls[call].contact} {one['survey']}"
            asked[key] = asked.get(key, 0) + 1
    return {"invited": sorted(invited), "asked": asked}


async def rendered_services(centre: Centre, facts: list[Fact]) -> Any:
    visits = {fact.subject for fact in facts if isinstance(fact.event, ServiceRendered)}
    return sorted(
        [one["reference"]["id"], one["survey"], one["status"], one["service"]]
        for one in await _invitations(centre, visits)
    )


async def appeals(centre: Centre, facts: list[Fact]) -> Any:
    """What became of each bad answer's appeal, and how often the patient was asked about it."""
    answered = {fact.bad_answer for fact in facts if fact.bad_answer is not None}
    shown = {}
    page = await centre.get("surveys", "/v1/follow-ups", limit=200)
    for one in page["items"]:
        if one["invitation_id"] in answered:
            asked = [(after["survey"], after["status"]) for after in one["afterwards"]]
            shown[one["invitation_id"]] = [one["because"], one["appeal"], asked]
    return dict(sorted(shown.items()))


async def keyed_calls(centre: Centre, facts: list[Fact]) -> Any:
    """What was answered by keys; nobody answers these calls by another way."""
    calls = {fact.subject for fact in facts if isinstance(fact.event, CallKeyed)}
    return sorted(
        [one["reference"]["id"], one["survey"], one["status"], [a["score"] for a in one["answers"]]]
        for one in await _invitations(centre, calls)
        if one["survey"] == "call"
    )


async def presence(centre: Centre, facts: list[Fact]) -> Any:
    """How the journal has last seen each agent."""
    office: Office = centre.services["tickets"].app.state.office
    agents = {fact.subject for fact in facts if isinstance(fact.event, AgentStateChanged)}
    async with office.database.read() as connection:
        return {one: await staffing.state_of(connection, one) for one in sorted(agents)}


async def messages(centre: Centre, facts: list[Fact]) -> Any:
    """What SMS that answer no survey have made: one appeal, whichever of them came first."""
    told = {fact.subject for fact in facts if isinstance(fact.event, MessageReceived)}
    office: Office = centre.services["tickets"].app.state.office
    async with office.database.read() as connection:
        found = await connection.execute(
            select(sms_in.c.outcome, sms_in.c.ticket_id).where(sms_in.c.message_id.in_(told))
        )
        rows = found.all()
    appeals = {row.ticket_id for row in rows if row.ticket_id is not None}
    shown = [await centre.get("tickets", f"/v1/tickets/{one}") for one in sorted(appeals)]
    texts = sorted(text["text"] for one in shown for text in one["contents"])
    return [sorted(row.outcome for row in rows), texts, [one["person"] for one in shown]]


async def notices(centre: Centre, facts: list[Fact]) -> Any:
    """What patients are sent on behalf of other services."""
    told = {fact.subject for fact in facts if isinstance(fact.event, TicketNoticeIssued)}
    async with centre.services["surveys"].app.state.surveys.database.read() as connection:
        found = await connection.execute(
            select(of_surveys.invitation.c.reference_id, of_surveys.message.c.text)
            .join(of_surveys.message)
            .where(of_surveys.invitation.c.reference_id.in_(told))
            .order_by(of_surveys.invitation.c.reference_id)
        )
    return [list(row) for row in found]


async def accepted_work(centre: Centre, facts: list[Fact]) -> Any:
    """Whose the appeals are that were accepted on the floor, and how often they were taken."""
    told = [fact.event.ticket_id for fact in facts if isinstance(fact.event, WorkAccepted)]
    shown = []
    for ticket in sorted(told):
        appeal = await centre.get("tickets", f"/v1/tickets/{ticket}")
        history = await centre.get("tickets", f"/v1/tickets/{ticket}/history")
        actions = [change["action"] for change in history["items"]]
        shown.append([ticket, appeal["status"], appeal["owner"], actions])
    return shown


async def partners_appeals(centre: Centre, facts: list[Fact]) -> Any:
    """What ingest will tell partners of their appeals."""
    told = {fact.subject for fact in facts if fact.subject and isinstance(fact.event, TICKETS)}
    async with centre.services["ingest"].app.state.database.read() as connection:
        kept = [await ingest_appeals.of(connection, ticket) for ticket in sorted(told)]
    return [
        [one.ticket_id, one.sequence, one.status, one.outcome, one.insurer, one.returns]
        for one in kept
        if one is not None
    ]


async def appeals_of_callers(centre: Centre, facts: list[Fact]) -> Any:
    """How the appeals stand that came out of calls, as callers would hear it."""
    appeal = of_router.appeal.c
    calls = {getattr(fact.event, "call_id", None) for fact in facts}
    async with centre.services["router"].app.state.service._database.read() as connection:
        found = await connection.execute(
            select(appeal.ticket_id, appeal.call_id, appeal.status, appeal.owner)
            .where(appeal.call_id.in_([call for call in calls if call is not None]))
            .order_by(appeal.ticket_id)
        )
    return [list(row) for row in found]


async def open_surges(centre: Centre, facts: list[Fact]) -> Any:
    """The surges that the router takes for open, each with what it is about."""
    kept = of_router.surge.c
    told = {fact.subject for fact in facts if isinstance(fact.event, SurgeOpened | SurgeClosed)}
    async with centre.services["router"].app.state.service._database.read() as connection:
        found = await connection.execute(
            select(kept.surge_id, kept.organisation, kept.subject, kept.territory)
            .where(kept.is_open, kept.surge_id.in_(told))
            .order_by(kept.surge_id)
        )
    return [list(row) for row in found]


READERS: Mapping[str, Reader] = {
    tickets.PRESENCE: presence,
    tickets.WORK: accepted_work,
    tickets.LOW_SCORES: low_scores,
    tickets.FEED_RECORDS: feed_records,
    tickets.MESSAGES: messages,
    surveys.ENDED_CALLS: ended_calls,
    surveys.RENDERED_SERVICES: rendered_services,
    surveys.APPEALS: appeals,
    surveys.KEYED_CALLS: keyed_calls,
    surveys.NOTICES: notices,
    ingest.APPEALS: partners_appeals,
    router.APPEALS: appeals_of_callers,
    router.SURGES: open_surges,
}


async def state(centre: Centre, facts: list[Fact], names: Names) -> dict[str, Any]:
    """What every consumer has made of a history."""
    shown = {name: await reader(centre, facts) for name, reader in READERS.items()}
    anonymous: dict[str, Any] = json.loads(names.anonymous(json.dumps(shown, sort_keys=True)))
    return anonymous
