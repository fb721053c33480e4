"""`careline person export|erase` over real processes, in both forms of Careline."""

import json
from typing import Any

import pytest
from story.forms import Finished, run
from story.world import Careline, People

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PHONE = "+79031234567"
FLOOR = """
careline: 1
calendars: [{id: c1, zone: Europe/Moscow, weekly: {mon: ["09:00-18:00"]}}]
deadlines: [{id: default, calendar: c1, clocks: {statutory: 30d}}]
sms: [{id: console, kind: console}]
surveys: [{key: call, questions: [{id: csi, kind: csi}], texts: {ru: "Оцените звонок от 1 до 5"}}]
"""


async def asked(careline: Any, what: str) -> Finished:
    if hasattr(careline, "data"):
        return await run("person", what, "--phone", PHONE, "--data", str(careline.data))
    token = careline.issuer.token(subject="keeper", roles=["admin"])
    urls = [part for url in careline.urls.values() for part in ("--url", url)]
    return await run("person", what, "--phone", PHONE, *urls, "--token", token)


async def test_a_person_is_given_his_data_by_all_services_and_erased_from_them(
    careline: Careline,
) -> None:
    await careline.apply(FLOOR)
    people = People(careline)
    async with people.client("tickets", "agent", subject="a1") as http:
        body = {
            "channel": "phone",
            "kind": "complaint",
            "text": "Отказали",
            "person": {"phone": PHONE},
        }
        appeal = (await http.post("/v1/tickets", json=body)).raise_for_status().json()
    async with people.client("surveys", "service") as http:
        body = {"service": "branch", "phone": PHONE, "reference": {"type": "visit", "id": "v1"}}
        (await http.post("/v1/invitations", json=body | {"survey": "call"})).raise_for_status()
    exported = await asked(careline, "export")
    assert exported.code == 0, exported
    services = list(json.loads(exported.out)["services"].values())
    assert len(services) == 4
    assert "Отказали" in exported.out
    assert [bool(told["known"]) for told in services] == [False, True, True, False]
    erased = await asked(careline, "erase")
    assert erased.code == 0, erased
    assert f"keeps appeal {appeal['number']}: the appeal is open" in erased.error
    assert appeal["due_at"][:10] in erased.error
    told = list(json.loads(erased.out)["services"].values())
    assert [bool(each["erased"]) for each in told] == [False, False, True, False]
