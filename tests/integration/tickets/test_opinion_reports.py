"""What people suggest, month by month: grouped, in its forms, and made by itself for the authority."""

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
TEXTS = (
    "Пустите автобус от вокзала до районной больницы",
    "До районной больницы от вокзала нужен автобус, пожилым тяжело",
    "Нужен автобус: вокзал — районная больница",
    "Печатайте полис на пластиковой карточке",
)


async def suggested(desk: "Desk") -> list[str]:
    """Four suggestions by four people, three of which say the same, and a complaint in the same words."""
    ids = []
    for number, text in enumerate(TEXTS):
        ticket = await desk.agent.register(
            kind="suggestion", subject="refusal", text=text,
            person={"phone": f"+7900123450{number}", "name": "Анна"},
        )  # fmt: skip
        ids.append(ticket["id"])
    await desk.agent.register(kind="complaint", subject="refusal", text=TEXTS[0])
    return ids


async def asked(desk: "Desk", accept: str = "application/json", **params: Any) -> Any:
    return await desk.client.get(
        "/v1/reports/opinions",
        params={"month": "2026-03", **params},
        headers={**desk.boss._headers, "Accept": accept},
    )


async def test_suggestions_of_a_month_are_grouped_by_likeness(desk: "Desk") -> None:
    ids = await suggested(desk)
    report = (await asked(desk)).json()
    assert (report["period"], report["total"], report["before"]) == ("2026-03", 4, 0)
    (group,) = report["items"]
    assert (group["subject"], group["opinions"], group["people"]) == ("refusal", 3, 3)
    assert sorted(group["tickets"]) == sorted(ids[:3])
    assert "автобус" in group["words"]
    assert report["single"] == [["refusal", 1]]
    empty = (await asked(desk, month="2026-04")).json()
    assert (empty["total"], empty["before"], empty["items"], empty["single"]) == (0, 4, [], [])


async def test_the_report_of_opinions_as_sheets_and_as_a_page(desk: "Desk") -> None:
    await suggested(desk)
    rows = list(csv.reader(io.StringIO((await asked(desk, "text/csv")).text)))
    assert rows[0] == ["subject", "opinions", "people", "words", "tickets"]
    assert [row[:2] for row in rows[1:]] == [["refusal", "3"], ["refusal", "1"], ["total", "4"]]
    book = load_workbook(io.BytesIO((await asked(desk, XLSX)).content))
    assert book.active is not None
    assert [cell.value for cell in book.active[2]][:3] == ["refusal", 3, 3]
    page = (await asked(desk, "text/html", language="fa")).text
    assert 'dir="rtl"' in page
    assert "<script" not in page
    assert "Анна" not in page


async def test_the_authority_gets_its_month_by_itself_once(desk: "Desk") -> None:
    await suggested(desk)
    authority = {"id": "authority", "name": "<b>", "language": "ru", "opinions": "1 08:00"}
    await desk.person("admin").put("config", {"careline": 1, "departments": [authority]})
    office = desk.service.app.state.office
    desk.clock.advance(timedelta(days=30).total_seconds())
    reporters = [Reporter(office.database, office.journal.rules, desk.clock) for _ in range(3)]
    await asyncio.gather(*(each.make_due() for each in reporters))
    (kept,) = (await desk.boss.get("reports/kept")).json()["items"]
    told = (kept["department"], kept["about"], kept["length"], kept["period"])
    assert told == ("authority", "opinions", "month", "2026-03")
    report = (await desk.boss.get(f"reports/kept/{kept['id']}")).json()
    assert (report["total"], report["language"]) == (4, "ru")
    page = await desk.client.get(
        f"/v1/reports/kept/{kept['id']}", headers={**desk.boss._headers, "Accept": "text/html"}
    )
    assert "&lt;b&gt;" in page.text
    assert "Мнения и предложения" in page.text


async def test_who_may_read_opinions_and_what_is_refused(desk: "Desk") -> None:
    assert (await desk.insurer.get("reports/opinions")).status_code == 403
    assert (await desk.nobody.get("reports/opinions")).status_code == 401
    for name, text in (("month", "2026-13"), ("month", "0001-01"), ("department", "none")):
        answer = await asked(desk, **{name: text})
        assert answer.status_code == 422, text
        assert answer.json()["errors"][0]["path"] == name
