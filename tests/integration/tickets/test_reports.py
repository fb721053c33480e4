"""Weekly and monthly reports: their figures, their forms, and one a period by whoever makes it."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

from careline_tickets.reporting import Reporter

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DEPARTMENTS = [
    {
        "id": "care",
        "name": "Лечение",
        "subjects": ["refusal"],
        "language": "ru",
        "weekly": "mon 08:00",
    },
    {"id": "all", "language": "fa", "weekly": "tue 09:30", "monthly": "1 08:00"},
]


async def closed(desk: "Desk", outcome: str, hours: float, **fields: Any) -> dict[str, Any]:
    """An appeal that was registered so many hours ago and is closed now."""
    at = desk.clock.now() - timedelta(hours=hours)
    ticket = await desk.boss.register(registered_at=at.isoformat(), **fields)
    ticket = await desk.boss.does(ticket, "take")
    ticket = await desk.boss.does(ticket, "answer", text="so")
    ticket = await desk.boss.does(ticket, "return", reason="too short")
    ticket = await desk.boss.does(ticket, "answer", text="so and so")
    return await desk.boss.does(ticket, "accept", outcome=outcome)


async def week(desk: "Desk", accept: str = "application/json", **params: Any) -> Any:
    token = desk.boss._headers
    return await desk.client.get(
        "/v1/reports/weekly",
        params={"week": desk.clock.now().date().isoformat(), **params},
        headers={**token, "Accept": accept},
    )


async def test_the_figures_of_a_week(desk: "Desk") -> None:
    person = {"phone": "+79001234567"}
    for hours, outcome in ((1, "justified"), (2, "unjustified"), (3, "justified")):
        await closed(desk, outcome, hours, subject="refusal", person=person, fill_in_s=20.0 * hours)
    await desk.agent.register(text="=1+1")
    report = (await week(desk)).json()
    assert report["period"] == "2026-W10"
    (refusal,) = [item for item in report["items"] if item["subject"] == "refusal"]
    assert refusal == {
        "subject": "refusal",
        "registered": 3,
        "closed": 3,
        "open": 0,
        "overdue": refusal["overdue"],
        "returned": 3,
        "returns": 3,
        "justified": 2,
        "justified_pct": 66.67,
        "fill_median_s": 40,
        "fill_p90_s": 56,
        "solve_median_s": 7200,
        "solve_p90_s": 10080,
        "repeated": 2,
    }
    assert refusal["overdue"] >= 1
    assert (report["total"]["registered"], report["total"]["open"]) == (4, 1)
    assert report["trend"][-7] == ["2026-03-02", 4]
    before = (await week(desk, week="2026-W09")).json()
    assert before["total"]["registered"] == 0
    assert before["total"]["justified_pct"] is None


async def test_a_report_as_sheets_and_as_a_page(desk: "Desk") -> None:
    await closed(desk, "justified", 1, subject="refusal")
    rows = list(csv.reader(io.StringIO((await week(desk, "text/csv")).text)))
    assert rows[0][:3] == ["subject", "registered", "closed"]
    assert rows[-1][:3] == ["total", "1", "1"]
    book = load_workbook(io.BytesIO((await week(desk, XLSX)).content))
    assert book.active is not None
    assert [cell.value for cell in book.active[2]][:2] == ["refusal", 1]
    page = (await week(desk, "text/html", language="fa")).text
    assert 'dir="rtl"' in page
    assert "۱۴۰۴/۱۲/۱۱" in page  # 2 March 2026
    assert page.count("<svg") == 2
    assert "<script" not in page


async def test_names_that_are_markup_or_formulas_stay_words(desk: "Desk") -> None:
    await desk.agent.register(subject="<b>=1+1")
    page = (await week(desk, "text/html")).text
    assert "<b>" not in page
    assert "&lt;b&gt;=1+1" in page
    await desk.agent.register(subject="=1+1")
    assert "'=1+1" in (await week(desk, "text/csv")).text


async def test_each_department_gets_one_report_a_period_with_any_number_of_workers(
    desk: "Desk",
) -> None:
    await desk.person("admin").put("config", {"careline": 1, "departments": DEPARTMENTS})
    office = desk.service.app.state.office
    await closed(desk, "justified", 1, subject="refusal")
    await desk.agent.register()
    desk.clock.advance(timedelta(days=10).total_seconds())
    reporters = [Reporter(desk_database(desk), office.journal.rules, desk.clock) for _ in range(4)]
    await asyncio.gather(*(each.make_due() for each in reporters))
    kept = (await desk.boss.get("reports/kept")).json()["items"]
    periods = sorted((each["department"], each["length"], each["period"]) for each in kept)
    assert periods == [
        ("all", "month", "2026-02"),
        ("all", "week", "2026-W10"),
        ("care", "week", "2026-W10"),
    ]
    care = next(each for each in kept if each["department"] == "care")
    report = (await desk.boss.get(f"reports/kept/{care['id']}")).json()
    assert report["total"]["registered"] == 1
    assert report["language"] == "ru"
    desk.clock.advance(timedelta(days=14).total_seconds())
    await asyncio.gather(*(each.make_due() for each in reporters))
    kept = (await desk.boss.get("reports/kept", department="care")).json()["items"]
    assert [each["period"] for each in kept] == ["2026-W12", "2026-W11", "2026-W10"]


def desk_database(desk: "Desk") -> Any:
    return desk.service.app.state.office.database


@pytest.mark.parametrize("text", ["2026-W54", "2026-13", "yesterday", "9999-W52"])
async def test_a_week_that_is_none_is_refused(desk: "Desk", text: str) -> None:
    answer = await week(desk, week=text)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "week"


async def test_who_may_read_reports_and_what_is_not_there(desk: "Desk") -> None:
    assert (await desk.insurer.get("reports/weekly")).status_code == 403
    assert (await desk.nobody.get("reports/monthly")).status_code == 401
    assert (await desk.boss.get("reports/kept/none")).status_code == 404
    assert (await desk.boss.get("reports/weekly", department="none")).status_code == 422
    assert (await desk.boss.get("reports/monthly", month="2026-02")).json()["period"] == "2026-02"


async def test_an_hour_that_is_none_is_refused_when_it_is_applied(desk: "Desk") -> None:
    for field, text in (("weekly", "day 08:00"), ("weekly", "mon 25:00"), ("monthly", "31 08:00")):
        body = {"careline": 1, "departments": [{"id": "x", field: text}]}
        answer = await desk.person("admin").put("config", body)
        assert answer.status_code == 422, text
