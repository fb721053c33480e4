"""A skill that was given for today outlives the process, and no day."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


CONFIG = {
    "skills": ["adult", "child"],
    "sites": [{"id": "vvo", "zone": "Asia/Vladivostok"}],
    "agents": [
        {"id": "a1", "skills": {"adult": 10}, "endpoint": "PJSIP/a1"},
        {"id": "a2", "skills": {"adult": 5}, "endpoint": "PJSIP/a2"},
    ],
}
CALENDAR = {"id": "c1", "zone": "Europe/Moscow", "weekly": {"mon": ["09:00-18:00"]}}


def skills(router: Any, agent: str = "a1") -> dict[str, int]:
    """What calls are offered to him by."""
    return dict(router.parts.actor.floor.agents[agent].spec.skills)


async def test_it_outlives_the_leader_and_a_new_configuration_and_ends_with_the_day(
    lead: Any, manual_clock: Any
) -> None:
    async with lead(clock=manual_clock, config=CONFIG) as first:
        boss = first.service.viewer("boss", frozenset({"supervisor", "floor"}))
        await first.service.log_in("a1", site="vvo")
        given = await first.service.give_skill(boss, "a1", "child", 7)
        assert given.until.hour == 14  # midnight in Vladivostok
        await first.kill()
    async with lead(clock=manual_clock) as second:
        assert skills(second) == {"adult": 10, "child": 7}
        await second.store.apply({"calendars": [CALENDAR]})
        assert skills(second) == {"adult": 10, "child": 7}
        manual_clock.advance(timedelta(hours=5).total_seconds())
        plan = second.parts.plan
        await eventually(lambda: plan().agents["a1"].skills == {"adult": 10}, what="the day's end")
        assert skills(second) == {"adult": 10}
        await second.service.give_skill(boss, "a2", "child", 9)
        async with second.parts.database.read() as connection:
            kept = await connection.execute(text("SELECT agent FROM extra_skill"))
            assert [row.agent for row in kept] == ["a2"]
