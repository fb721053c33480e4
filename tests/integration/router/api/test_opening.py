"""Lines that are not open: by their calendar, on a holiday, in an emergency."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.integration

LINE = "+74950000009"
ZONE = ZoneInfo("Europe/Moscow")
MONDAY = datetime(2026, 11, 30, 0, 0, tzinfo=ZONE)
CONFIG: dict[str, Any] = {
    "careline": 1,
    "calendars": [
        {
            "id": "office", "zone": "Europe/Moscow", "closed": ["2026-12-02"], "working": ["2026-12-05"],
            "weekly": {day: ["09:00-13:00", "14:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
        }
    ],
    "flows": [
        {
            "id": "office",
            "default": {"queue": "adult", "skills": {"adult": 1}},
            "rules": [
                {"when": "ivr.key == '9'", "queue": "adult", "priority": "vip"},
                {
                    "when": "calendar.state == 'holiday' && crm.payer == 'cash'",
                    "queue": "child", "skills": {"child": 1},
                },
                {
                    "when": "calendar.state != 'open' && ivr.key == '0'",
                    "queue": "adult", "priority": "emergency",
                },
            ],
        }
    ],
    "lines": [
        {
            "number": LINE, "flow": "office", "language": "ru", "calendar": "office",
            "announcements": {"closed": "closed-ru", "holiday": "holiday-ru", "emergency": "fire-ru"},
        }
    ],
}  # fmt: skip


async def at(router: Any, moment: datetime) -> None:
    router.clock.advance((moment - router.clock.now()).total_seconds())


async def arrives(router: Any, **data: Any) -> tuple[str, str | None]:
    """The state of the call that comes, and what its caller hears or in which class he waits."""
    call_id = f"p-{next(router.numbers)}"
    told = await router.tell("call.arrived", call_id, caller="+79161234567", line=LINE, **data)
    call = told["call"]
    heard = [each["media"] for each in told["commands"] if each["type"] == "announce"]
    if call["state"] == "ended":
        assert call["outcome"] == "closed"
        return "closed", heard[-1]
    return call["queue"], call["priority"]


@pytest.fixture
async def office(router):
    answer = await router.client.put("/v1/config", json=CONFIG, headers=router.admin)
    assert answer.status_code == 200, answer.text
    await at(router, MONDAY)
    return router


@pytest.mark.parametrize(
    ("day", "hour", "minute", "seen"),
    [
        (0, 8, 59, ("closed", "closed-ru")),
        (0, 9, 0, ("adult", "insured")),
        (0, 12, 59, ("adult", "insured")),
        (0, 13, 0, ("closed", "closed-ru")),
        (0, 14, 0, ("adult", "insured")),
        (0, 18, 0, ("closed", "closed-ru")),
        (2, 10, 0, ("closed", "holiday-ru")),
        (2, 23, 59, ("closed", "holiday-ru")),
        (5, 10, 0, ("adult", "insured")),
        (6, 10, 0, ("closed", "closed-ru")),
    ],
)
async def test_callers_are_put_through_in_working_time(office, day, hour, minute, seen) -> None:
    """A Saturday that is worked has Monday's windows; a Wednesday that is closed has none."""
    await at(office, MONDAY + timedelta(days=day, hours=hour, minutes=minute))
    assert await arrives(office) == seen


async def test_only_rules_that_look_at_the_calendar_decide_when_a_line_is_not_open(office) -> None:
    """Fails when `Flow.branch_for` lets every rule decide."""
    await at(office, MONDAY + timedelta(hours=20))
    assert await arrives(office, ivr={"key": "9"}) == ("closed", "closed-ru")
    assert await arrives(office, ivr={"key": "0"}) == ("adult", "emergency")
    await at(office, MONDAY + timedelta(days=1, hours=10))
    assert await arrives(office, ivr={"key": "9"}) == ("adult", "vip")
    assert await arrives(office, ivr={"key": "0"}) == ("adult", "insured")


async def test_the_switch_goes_before_every_calendar_and_outlives_the_process(
    office, start
) -> None:
    """Fails when `begin_to_lead` does not load the switch."""
    await at(office, MONDAY + timedelta(hours=10))
    who = {"headers": office.floor}
    waiting = (await office.arrive("w-1"))["call"]["id"]
    answer = await office.client.put("/v1/emergency", json={"on": True}, **who)
    assert answer.status_code == 200, answer.text
    assert await arrives(office) == ("closed", "fire-ru")
    assert await arrives(office, ivr={"key": "0"}) == ("adult", "emergency")
    assert (await office.call(waiting))["state"] == "queued"
    answer = await office.client.put(
        "/v1/emergency", json={"on": True, "announcement": "evacuated-ru"}, **who
    )
    assert answer.json()["by"] == "boss"
    await office.stop()
    async with start() as again:
        assert (await again.client.get("/v1/emergency", **who)).json() == answer.json()
        assert await arrives(again) == ("closed", "evacuated-ru")
        await again.client.put("/v1/emergency", json={"on": False}, **who)
        assert await arrives(again) == ("adult", "insured")


async def test_a_dialplan_is_told_what_the_caller_hears(office) -> None:
    await at(office, MONDAY + timedelta(hours=20))
    asked = {"call_id": "d-1", "caller": "+79161234567", "line": LINE}
    answer = await office.client.post("/v1/pbx/pbx1/route", json=asked, headers=office.pbx)
    assert (answer.json()["action"], answer.json()["media"]) == ("announce", "closed-ru")
    answer = await office.client.post("/v1/pbx/pbx1/route", json=asked, headers=office.pbx)
    assert answer.json()["action"] == "hangup"


@pytest.mark.parametrize("body", [{}, {"on": "yes"}, {"on": True, "announcement": ""}])
async def test_what_cannot_be_switched_is_said(shared_router, body) -> None:
    headers = shared_router.floor
    answer = await shared_router.client.put("/v1/emergency", json=body, headers=headers)
    assert answer.status_code == 422


async def test_a_line_names_a_calendar_that_is_there(shared_router) -> None:
    line = {"number": LINE, "flow": "main", "calendar": "nowhere"}
    answer = await shared_router.client.put(
        "/v1/config", json={"careline": 1, "lines": [line]}, headers=shared_router.admin
    )
    assert answer.status_code == 422
    assert "no calendar 'nowhere'" in answer.text
