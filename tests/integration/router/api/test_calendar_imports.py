"""Holidays come into a calendar by two calls, and by hand set days stay."""

from typing import Any

import pytest

pytestmark = pytest.mark.integration

CALENDAR: dict[str, Any] = {
    "id": "office",
    "zone": "Europe/Moscow",
    "weekly": {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    "closed": ["2024-11-04"],
    "working": ["2024-04-30"],
}
RUSSIA = {"kind": "holidays", "country": "RU", "year": 2024}


@pytest.fixture
async def office(router: Any) -> Any:
    answer = await router.client.put("/v1/calendars/office", json=CALENDAR, headers=router.admin)
    assert answer.status_code == 201, answer.text
    return router


async def propose(router: Any, body: Any, calendar: str = "office", **headers: str) -> Any:
    path = f"/v1/calendars/{calendar}/imports"
    return await router.client.post(path, json=body, headers={**router.admin, **headers})


async def approve(router: Any, proposed: Any) -> Any:
    path = f"{proposed.headers['location']}/approve"
    return await router.client.post(path, headers=router.bearer("second", "admin"))


async def calendar(router: Any) -> dict[str, Any]:
    answer = await router.client.get("/v1/calendars/office", headers=router.admin)
    found: dict[str, Any] = answer.json()
    return found


async def test_nothing_is_closed_before_the_second_call_and_then_what_was_shown_is(office) -> None:
    router = office
    proposed = await propose(router, RUSSIA)
    assert proposed.status_code == 201, proposed.text
    shown = proposed.json()
    effects = {day["day"]: day["effect"] for day in shown["days"]}
    assert (shown["state"], shown["by"], shown["approved_by"]) == ("proposed", "root", None)
    assert effects["2024-11-04"] == "known"
    assert effects["2024-04-30"] == "kept"
    assert effects["2024-05-09"] == effects["2024-04-27"] == "new"
    assert await calendar(router) == {**CALENDAR}
    approved = await approve(router, proposed)
    assert approved.status_code == 200, approved.text
    assert (approved.json()["state"], approved.json()["approved_by"]) == ("approved", "second")
    after = await calendar(router)
    assert "2024-05-09" in after["closed"]
    assert "2024-04-30" not in after["closed"]
    assert {"2024-04-27", "2024-04-30"} <= set(after["working"])
    again = await approve(router, proposed)
    assert (again.status_code, again.json()["type"]) == (409, "already-approved")
    answer = await router.client.get("/v1/calendars/office/imports", headers=router.admin)
    assert [each["approved_by"] for each in answer.json()["items"]] == ["second"]
    proposed = await propose(router, RUSSIA)
    none = await approve(router, proposed)
    assert (none.status_code, none.json()["type"]) == (409, "nothing-to-approve")


async def test_a_repeat_under_its_key_proposes_and_approves_once(office) -> None:
    key = {"Idempotency-Key": "once"}
    first, repeat = [await propose(office, RUSSIA, **key) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, repeat.json())
    path, who = f"{first.headers['location']}/approve", office.bearer("second", "admin")
    done, again = [await office.client.post(path, headers={**who, **key}) for _ in range(2)]
    assert (done.status_code, done.json()) == (200, again.json())
    kept = await office.client.get(first.headers["location"], headers=office.admin)
    assert kept.json() == done.json()
    answer = await office.client.get("/v1/calendars/office/imports", headers=office.admin)
    assert len(answer.json()["items"]) == 1


async def test_what_was_proposed_for_another_version_of_the_calendar_is_not_approved(
    office,
) -> None:
    router = office
    proposed = await propose(router, RUSSIA)
    other = {**CALENDAR, "working": ["2024-05-09"]}
    current = await router.client.get("/v1/calendars/office", headers=router.admin)
    headers = {**router.admin, "If-Match": current.headers["etag"]}
    answer = await router.client.put("/v1/calendars/office", json=other, headers=headers)
    assert answer.status_code == 200, answer.text
    moved = await approve(router, proposed)
    assert (moved.status_code, moved.json()["type"]) == (409, "calendar-moved-on")
    assert (await calendar(router))["working"] == ["2024-05-09"]


async def test_an_icalendar_closes_its_days_and_a_transferred_day_takes_mondays_hours(
    office,
) -> None:
    router = office
    text = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:t\nBEGIN:VEVENT\nUID:1\nSUMMARY:Feast\n"
        "DTSTART;VALUE=DATE:20270310\nEND:VEVENT\nEND:VCALENDAR"
    )
    proposed = await propose(router, {"kind": "ical", "year": 2027, "text": text})
    assert [day["name"] for day in proposed.json()["days"]] == ["Feast"]
    assert (await approve(router, proposed)).status_code == 200
    own = {**await calendar(router), "working": {"2024-04-30": ["10:00-12:00"]}}
    current = await router.client.get("/v1/calendars/office", headers=router.admin)
    headers = {**router.admin, "If-Match": current.headers["etag"]}
    await router.client.put("/v1/calendars/office", json=own, headers=headers)
    assert (await approve(router, await propose(router, RUSSIA))).status_code == 200
    after = await calendar(router)
    assert "2027-03-10" in after["closed"]
    assert after["working"]["2024-04-27"] == ["09:00-18:00"]
    assert after["working"]["2024-04-30"] == ["10:00-12:00"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"kind": "holidays", "country": "XX", "year": 2024}, "country"),
        ({"kind": "holidays", "country": "RU", "year": 2024, "subdivision": "ZZ"}, "subdivision"),
        ({"kind": "ical", "year": 2024, "text": "hello"}, "text"),
    ],
)
async def test_a_source_of_which_nothing_can_be_read_is_refused_by_its_field(
    shared_router, body: dict[str, Any], path: str
) -> None:
    answer = await propose(shared_router, body, calendar="c1")
    assert answer.status_code == 422, answer.text
    assert [each["path"] for each in answer.json()["errors"]] == [path]


async def test_who_may_not_and_what_is_not_there(shared_router) -> None:
    router = shared_router
    answer = await propose(router, RUSSIA, calendar="gone")
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-calendar")
    answer = await propose(router, RUSSIA, calendar="c1", **router.floor)
    assert answer.status_code == 403
    path = "/v1/calendars/c1/imports/gone/approve"
    answer = await router.client.post(path, headers=router.admin)
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-import")
    answer = await router.client.post(path, headers=router.floor)
    assert answer.status_code == 403
