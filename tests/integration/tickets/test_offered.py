"""An agent accepts an appeal on the floor: in the journal it is his, if nobody was quicker."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from careline_common.events.envelope import Envelope
from careline_common.events.router import WorkAccepted
from careline_common.messaging.transport import OutgoingMessage
from careline_common.testing.waiting import eventually

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

INBOX = "SELECT event_id FROM tickets.inbox"
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


async def accepts(desk: "Desk", ticket: dict[str, Any], agent: str, *, times: int = 1) -> None:
    taken = WorkAccepted(
        work_id=f"work of {agent}", ticket_id=ticket["id"], agent=agent, accepted_at=NOW
    )
    told = Envelope(
        id=f"{ticket['id']} {agent}", source="/careline/router", subject=taken.work_id, time=NOW,
        sequence=4, correlationid=taken.work_id, causationid=None, data=taken,
    )  # fmt: skip
    event = OutgoingMessage(
        event_id=told.id, type=told.type, subject=told.subject, body=told.to_json()
    )
    await desk.transport.publish([event] * times)

    async def all_handled() -> bool:
        assert not await desk.transport.parked("tickets.work")
        return told.id in {row["event_id"] for row in await desk.query(INBOX)}

    await eventually(all_handled)


async def history(desk: "Desk", ticket: dict[str, Any]) -> list[tuple[str, str]]:
    items = (await desk.boss.get(f"tickets/{ticket['id']}/history")).json()["items"]
    return [(change["action"], change["who"]) for change in items]


async def moved(desk: "Desk", ticket: dict[str, Any]) -> list[dict[str, Any]]:
    return await desk.query(
        """SELECT convert_from(body, 'utf8')::json->'data'->>'action' AS action,
            convert_from(body, 'utf8')::json->'data'->>'owner' AS owner
        FROM tickets.outbox WHERE subject = $1 AND type = 'careline.ticket.moved.v1' ORDER BY id""",
        ticket["id"],
    )


async def test_it_is_his_once_however_often_that_is_told(desk: "Desk") -> None:
    ticket = await desk.agent.register()
    await accepts(desk, ticket, "a7", times=3)
    now = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    assert (now["status"], now["owner"]) == ("in_work", "a7")
    assert await history(desk, ticket) == [("register", "a1"), ("take", "a7")]
    assert await moved(desk, ticket) == [{"action": "take", "owner": "a7"}]


async def test_whoever_was_quicker_keeps_it(desk: "Desk") -> None:
    ticket = await desk.specialist.does(await desk.agent.register(), "take")
    await accepts(desk, ticket, "a7")
    await accepts(desk, ticket, "a8")
    assert (await desk.boss.get(f"tickets/{ticket['id']}")).json()["owner"] == "spec1"
    assert len(await moved(desk, ticket)) == 1


async def test_one_that_waits_in_its_groups_queue_is_taken_too(desk: "Desk") -> None:
    ticket = await desk.specialist.does(await desk.agent.register(), "take")
    ticket = await desk.specialist.does(ticket, "escalate", to_level=3)
    assert ticket["owner"] is None
    await accepts(desk, ticket, "a7")
    assert (await desk.boss.get(f"tickets/{ticket['id']}")).json()["owner"] == "a7"


async def test_of_an_appeal_that_is_not_there_nothing_comes(desk: "Desk") -> None:
    await accepts(desk, {"id": "nowhere"}, "a7")
