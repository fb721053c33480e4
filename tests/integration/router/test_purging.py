"""What is old goes; what the floor is rebuilt from stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from careline_common.clock import ManualClock, SystemClock
from careline_router import purging
from careline_router.domain import commands as cmd
from careline_router.purging import Kept, Purging
from careline_router.runtime.floor_actor import FLOOR

pytestmark = pytest.mark.integration


async def count(router: Any, table: str) -> int:
    async with router.parts.database.read() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


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
    clock = ManualClock(SystemClock().now() + timedelta(days=89))
    await purging_of(router, clock).purge()
    assert await count(router, "decision") == 1
    assert await count(router, "agent_message") == 0
    assert await count(router, "pbx_command") == 0
    clock.advance(2 * 86400)
    await purging_of(router, clock).purge()
    assert await count(router, "decision") == 0


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
    assert await count(router, "journal") == 1
    await router.kill()
    async with lead() as second:
        assert set(second.parts.actor.floor.calls) == {"x", "y"}
