"""What is old goes; what the floor is rebuilt from stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from careline_common.clock import ManualClock, SystemClock
from careline_router import purging
from careline_router.agents_then import everyone
from careline_router.db.past import read_past
from careline_router.db.self_service import add_steps
from careline_router.domain import commands as cmd
from careline_router.purging import Kept, Purging
from careline_router.runtime.floor_actor import FLOOR

pytestmark = pytest.mark.integration

CONFIGURED = ["QueuesConfigured", "AgentsConfigured"]
"""What the configuration of the fixture puts into the journal."""


async def count(router: Any, table: str) -> int:
    async with router.parts.database.read() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def kinds(router: Any) -> list[str]:
    async with router.parts.database.read() as connection:
        found = await connection.execute(text("SELECT kind FROM journal ORDER BY seq"))
        return list(found.scalars())


def purging_of(router: Any, clock: ManualClock) -> Purging:
    return Purging(
        database=router.parts.database,
        lease=router.lease,
        clock=clock,
        floor_id=FLOOR,
        kept=Kept(journal=timedelta(days=30), decisions=timedelta(days=90)),
    )


async def live_a_little(router: Any) -> None:
    """One call that is offered to an agent: a decision, messages, commands."""
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")
    await router.parts.actor.submit(
        cmd.RegisterCall(call_id="x", pbx="p", pbx_call_id="x", line="1")
    )
    await router.parts.actor.submit(
        cmd.QueueCall(call_id="x", queue="adult", skills={"adult": 1}, priority="insured")
    )


async def test_decisions_messages_and_commands_go_when_their_time_has_come(router: Any) -> None:
    await live_a_little(router)
    async with router.parts.database.unit_of_work() as uow:
        steps = [("main", "entered")]
        now = SystemClock().now()
        await add_steps(uow.connection, "x", steps, flow="main", version=1, at=now)
    clock = ManualClock(SystemClock().now() + timedelta(days=89))
    await purging_of(router, clock).purge()
    assert await count(router, "decision") == 1
    assert await count(router, "self_service_step") == 1
    assert await count(router, "agent_message") == 0
    assert await count(router, "pbx_command") == 0
    clock.advance(2 * 86400)
    await purging_of(router, clock).purge()
    assert await count(router, "decision") == 0
    assert await count(router, "self_service_step") == 0


async def test_the_old_journal_goes_as_far_as_the_snapshot_has_it(
    lead: Any, router: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "MOST_AT_ONCE", 2)
    await live_a_little(router)
    clock = ManualClock(SystemClock().now() + timedelta(days=31))
    before = await count(router, "journal")
    await purging_of(router, clock).purge()
    assert await count(router, "journal") == before
    actor = router.parts.actor
    await actor._snapshots.write(actor.floor.snapshot(), actor._numbers.journal)
    await actor.submit(cmd.RegisterCall(call_id="y", pbx="p", pbx_call_id="y", line="1"))
    await purging_of(router, ManualClock(SystemClock().now())).purge()
    assert await count(router, "journal") == before + 1
    await purging_of(router, clock).purge()
    assert await kinds(router) == [*CONFIGURED, "CallRegistered"]
    await router.kill()
    async with lead() as second:
        assert set(second.parts.actor.floor.calls) == {"x", "y"}


async def test_agents_configured_before_the_journal_that_is_kept_are_known_to_later_days(
    router: Any,
) -> None:
    """Fails when `forget_journal` takes rows of every kind."""
    await live_a_little(router)
    actor = router.parts.actor
    await actor._snapshots.write(actor.floor.snapshot(), actor._numbers.journal)
    await purging_of(router, ManualClock(SystemClock().now() + timedelta(days=31))).purge()
    begin = SystemClock().now()
    await actor.submit(cmd.RegisterCall(call_id="y", pbx="p", pbx_call_id="y", line="1"))
    await actor.submit(
        cmd.QueueCall(call_id="y", queue="child", skills={"child": 1}, priority="insured")
    )
    await router.service.log_in("r1")
    await router.service.set_state("r1", "ready")
    async with router.parts.database.read() as connection:
        found = await everyone(connection, "y", since=begin, until=SystemClock().now())
        rows = [
            kind
            async for kind, _ in read_past(
                connection, FLOOR, since=begin.timestamp(), until=begin.timestamp() + 60
            )
        ]
    ((_, agents),) = found.items()
    assert [agent["id"] for agent in agents] == ["a1", "a2", "r1"]
    assert agents[0]["why"] == "skill:child"
    assert rows[: len(CONFIGURED)] == CONFIGURED
    assert "OfferMade" in rows
