"""What the journal accepts as configuration, and how it says what is wrong with one."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

CALENDAR = {"id": "c9", "zone": "Europe/Moscow", "weekly": {"mon": ["09:00-18:00"]}}


def deadline(**fields: Any) -> dict[str, Any]:
    return {"id": "d9", "calendar": "c1", "clocks": {"level1": "1h"}} | fields


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("deadlines", deadline(calendar="c7"), "deadlines[0].calendar"),
    ("deadlines", deadline(clocks={"level1": "1 hour"}), "deadlines[0].clocks.level1"),
    ("deadlines", deadline(clocks={"level7": "1h"}), "deadlines[0].clocks"),
    ("deadlines", deadline(clocks={}), "deadlines[0].clocks"),
    ("deadlines", deadline(subjects=["none"]), "deadlines[0].subjects[0]"),
    ("deadlines", deadline(insurers=["ins9"]), "deadlines[0].insurers[0]"),
    ("deadlines", deadline(kinds=["anger"]), "deadlines[0].kinds[0]"),
    ("deadlines", deadline(id="default", kinds=["complaint"]), "deadlines[0]"),
    ("subjects", {"id": "s9", "group": "none"}, "subjects[0].group"),
    ("organisations", {"id": "h9", "territory": "99"}, "organisations[0].territory"),
    ("users", {"id": "u9", "roles": ["king"]}, "users[0].roles[0]"),
    ("users", {"id": "u9", "roles": ["insurer"], "insurer": "ins9"}, "users[0].insurer"),
    ("calendars", CALENDAR | {"weekly": {}}, "calendars[0]"),
    ("calendars", CALENDAR | {"zone": "Europe/Nowhere"}, "calendars[0].zone"),
    ("calendars", CALENDAR | {"weekly": {"mon": ["18:00-09:00"]}}, "calendars[0].weekly"),
]


async def test_what_is_wrong_is_named_and_nothing_is_applied(desk: "Desk") -> None:
    for section, entry, path in FAULTS:
        document = {"careline": 1, section: [entry], "territories": [{"id": "new"}]}
        answer = await desk.person("admin").put("config", document)
        assert answer.status_code == 422, entry
        assert answer.json()["errors"][0]["path"].startswith(path), answer.text
    names = "('new', 'd9', 's9', 'h9', 'u9', 'c9')"
    assert await desk.query(f"SELECT 1 FROM tickets.config_entry WHERE id IN {names}") == []


async def test_applying_again_changes_nothing(desk: "Desk") -> None:
    document = {"careline": 1, "territories": [{"id": "46"}], "insurers": [{"id": "ins8"}]}
    answer = await desk.person("admin").put("config", document)
    same = {"created": 0, "updated": 0, "unchanged": 1}
    assert answer.json()["sections"] == {"territories": same, "insurers": same}


async def test_only_an_administrator_configures(desk: "Desk") -> None:
    assert (await desk.boss.put("config", {"careline": 1})).status_code == 403


async def test_the_metrics_count_what_is_done(desk: "Desk") -> None:
    await desk.agent.does(await desk.agent.register(), "take")
    text = (await desk.client.get("/metrics")).text
    assert 'careline_tickets_created_total{channel="phone"} 1.0' in text
    assert 'careline_tickets_moved_total{action="take"} 1.0' in text
