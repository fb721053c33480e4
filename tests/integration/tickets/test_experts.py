"""The appeals that an expert was invited to."""

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import dialect

from careline_tickets.db import reading, tables
from careline_tickets.db.reading import Conditions

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

FILL = """
    INSERT INTO tickets.ticket (id, number, tracking_code, status, level, channel, kind,
        experts, returns, registered_at, updated_at, version, chain)
    SELECT 'f' || n, 'f' || n, 'f' || n, 'closed', 1, 'phone', 'complaint', '{}', 0,
        timestamptz '2026-03-02 09:00Z' - n * interval '1 min', now(), 1, ''
    FROM generate_series(1, 5000) n"""


async def test_an_expert_lists_his_own_without_a_look_at_all_others(desk: "Desk") -> None:
    expert = desk.person("expert", subject="doc1")
    ticket = await desk.specialist.does(await desk.specialist.register(), "take")
    ticket = await desk.specialist.does(ticket, "invite_expert", user="doc1")
    await desk.query(FILL)
    await desk.query("ANALYZE tickets.ticket")
    listed = (await expert.get("tickets")).json()["items"]
    assert [one["id"] for one in listed] == [ticket["id"]]
    other = desk.person("expert", subject="doc2")
    assert (await other.get("tickets")).json()["items"] == []
    clauses = reading._clauses(Conditions(expert="doc1"), desk.clock.now())
    query = select(tables.ticket).where(*clauses).order_by(tables.ticket.c.registered_at.desc())
    literal = {"literal_binds": True}
    asked = str(query.limit(51).compile(dialect=dialect(), compile_kwargs=literal))
    plan = "\n".join(row["QUERY PLAN"] for row in await desk.query(f"EXPLAIN {asked}"))
    assert "ix_ticket_experts" in plan
