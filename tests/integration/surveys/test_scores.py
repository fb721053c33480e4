"""Scores as the reports show them."""

import csv
import io
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from openpyxl import load_workbook

from careline_common.http.sheets import XLSX
from careline_common.testing.waiting import eventually
from careline_surveys.db import contacts
from careline_surveys.domain.comparing import newcombe
from careline_surveys.domain.scoring import Tally, adjusted_wald_nps, wilson

pytestmark = pytest.mark.integration


async def answered(surveys, texts, **subject) -> None:
    """So many people are asked, and answer; None does not."""
    for index, text in enumerate(texts):
        answered.count += 1
        phone = f"+7903{answered.count:07}"
        made = await surveys.invite(f"r{answered.count}", phone=phone, **subject)
        await surveys.reaches(made["id"], "delivered")
        if text is not None:
            assert await surveys.reply(text, phone) == "answer", (index, text)


answered.count = 0


async def scores(surveys, **params):
    answer = await surveys.http.get("/v1/scores", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_csi_by_agent_has_its_wilson_interval_and_response_rate(surveys) -> None:
    await surveys.survey(rules={"min_n": 3})
    await answered(surveys, ["5", "۴", "2", "отлично", None], agent="a1", queue="adult")
    await answered(surveys, ["1", None], agent="a2", queue="adult")
    low, high = wilson(3, 4)
    assert await scores(surveys, by="agent", metric="csi") == [
        {
            "key": "a1", "metric": "csi", "period": None, "value": 75.0, "n": 4, "low": round(100 * low, 2),
            "high": round(100 * high, 2), "response_rate_pct": 80.0, "hidden": False, "by_repeat_calls": None,
        },
        {
            "key": "a2", "metric": "csi", "period": None, "value": None, "n": 1, "low": None, "high": None,
            "response_rate_pct": 50.0, "hidden": True, "by_repeat_calls": None,
        },
    ]  # fmt: skip
    [adult] = await scores(surveys, by="queue", metric="csi")
    assert (adult["key"], adult["n"], adult["value"]) == ("adult", 5, 60.0)
    assert await scores(surveys, by="team", metric="csi") == []


async def test_nps_and_fcr_are_scored_beside_each_other(surveys) -> None:
    await surveys.survey(
        questions=[{"id": "nps", "kind": "nps"}, {"id": "fcr", "kind": "fcr"}], rules={"min_n": 1}
    )
    for number, (nps, fcr) in enumerate((("10", "да"), ("9", "да"), ("7", "нет"), ("0", "да"))):
        made = await surveys.invite(f"r{number}", phone=f"+7903000000{number}", organisation="h1")
        await surveys.reaches(made["id"], "delivered")
        await surveys.reply(nps, f"+7903000000{number}")
        await surveys.reply(fcr, f"+7903000000{number}")
    nps, fcr = await scores(surveys, by="organisation")
    low, high = adjusted_wald_nps(2, 1, 4)
    assert (nps["metric"], nps["value"], nps["low"], nps["high"]) == (
        "nps", 25.0, round(100 * low, 2), round(100 * high, 2),
    )  # fmt: skip
    assert (fcr["metric"], fcr["value"], fcr["n"], fcr["response_rate_pct"]) == (
        "fcr",
        75.0,
        4,
        100,
    )


async def test_the_team_of_an_agent_comes_from_the_configuration(surveys) -> None:
    await surveys.survey(rules={"min_n": 1})
    await surveys.configure(agents=[{"id": "a1", "team": "t9"}], teams=[{"id": "t9"}])
    await answered(surveys, ["5"], agent="a1")
    [team] = await scores(surveys, by="team", metric="csi")
    assert (team["key"], team["value"]) == ("t9", 100.0)
    [service] = await scores(surveys, by="service", metric="csi")
    assert service["key"] == "call"


async def test_a_period_takes_what_was_sent_in_it(surveys) -> None:
    await surveys.survey(rules={"min_n": 1})
    await answered(surveys, ["5"], agent="a1")
    surveys.clock.advance(24 * 3600)
    await answered(surveys, ["1"], agent="a1")
    both = {"by": "agent", "metric": "csi"}
    [first] = await scores(surveys, **both, **{"from": "2026-03-02", "to": "2026-03-02"})
    assert (first["n"], first["value"]) == (1, 100.0)
    [second] = await scores(surveys, **both, **{"from": "2026-03-03T00:00:00Z"})
    assert (second["n"], second["value"]) == (1, 0.0)
    [all_of_them] = await scores(surveys, **both)
    assert all_of_them["n"] == 2
    assert await scores(surveys, **both, to="2026-03-01T00:00:00+03:00") == []


async def test_what_is_unknown_is_refused(surveys) -> None:
    for params in (
        {"by": "doctor"},
        {"by": "agent", "metric": "ces"},
        {"by": "agent", "from": "yesterday"},
        {"by": "agent", "to": "2026-03-01T00:00:00"},
        {"by": "agent", "to": "9999-12-31"},
    ):
        answer = await surveys.http.get("/v1/scores", params=params)
        assert answer.status_code == 422
        assert answer.json()["errors"]


WEEK_S = 7 * 24 * 3600
FCR = {"questions": [{"id": "fcr", "kind": "fcr"}]}


async def test_fcr_as_asked_stands_beside_fcr_by_repeat_calls(surveys) -> None:
    """Six callers of one agent: one calls again within a week, one only later, one is called back."""
    await surveys.survey(rules={"min_n": 1}, **FCR)
    people = [f"+790355500{number:02}" for number in range(6)]
    for number, phone in enumerate(people):
        await surveys.call_ended(f"c{number}", contact=phone, insurer="ins7")
    await surveys.printed(6)
    assert await surveys.reply("нет", people[0]) == "answer"
    await surveys.call_ended("hidden", contact=None)
    surveys.clock.advance(3600)
    silent = {"outcome": "abandoned", "agent": None, "talk_s": 0.0, "answered_at": None}
    await surveys.call_ended("again", contact=people[1], arrived_at=surveys.clock.now(), **silent)
    back = {"callback": True, "arrived_at": surveys.clock.now(), "agent": "a2", "team": "t2"}
    await surveys.call_ended("back", contact=people[2], **back)
    surveys.clock.advance(WEEK_S - 3600 + 90)
    young = {"arrived_at": surveys.clock.now(), "agent": "a3"}
    await surveys.call_ended("late", contact=people[3], **young)
    await surveys.call_ended("later", contact=people[4], event_id="e1", **young)
    await surveys.call_ended("later", contact=people[4], event_id="e2", **young)
    await eventually_contacts(surveys, 11)
    low, high = wilson(5, 6)
    [by_calls] = await scores(surveys, by="agent", metric="fcr_repeat", key="a1")
    assert (by_calls["value"], by_calls["n"]) == (83.33, 6)
    assert (by_calls["low"], by_calls["high"]) == (round(100 * low, 2), round(100 * high, 2))
    [asked] = await scores(surveys, by="agent", metric="fcr", key="a1")
    assert (asked["value"], asked["n"]) == (0.0, 1)
    repeat = asked["by_repeat_calls"]
    assert (repeat["value"], repeat["n"], repeat["window_days"]) == (83.33, 6, 7)
    assert "7 days" in (await page(surveys, by="agent"))["definitions"]["fcr_repeat"]
    [insurer] = await scores(surveys, by="insurer", metric="fcr_repeat")
    assert (insurer["key"], insurer["n"]) == ("ins7", 6)
    assert await scores(surveys, by="agent", metric="fcr_repeat", key="a3") == []  # too young
    assert await scores(surveys, by="organisation", metric="fcr_repeat") == []


async def page(surveys, **params):
    return (await surveys.http.get("/v1/scores", params=params)).json()


async def eventually_contacts(surveys, count) -> None:
    async def there() -> bool:
        [row] = await surveys.query("SELECT count(*) AS n FROM surveys.contact")
        return bool(row["n"] == count)

    await eventually(there, what=f"{count} calls to be noted")


async def test_keys_of_callers_go_and_what_they_told_stays(surveys) -> None:
    await surveys.survey(rules={"min_n": 1})
    for number in range(5):
        await surveys.call_ended(f"c{number}", contact=f"+790355500{number:02}", line="x")
    surveys.clock.advance(3600)
    await surveys.call_ended("again", contact="+79035550000", arrived_at=surveys.clock.now())
    await eventually_contacts(surveys, 6)
    surveys.clock.advance(5 * WEEK_S)
    fcr = {"by": "agent", "metric": "fcr_repeat"}
    before = await scores(surveys, **fcr)
    assert (before[0]["n"], before[0]["value"]) == (6, 83.33)
    database = surveys.service.app.state.database
    for clock_s in (0, 3 * WEEK_S):
        surveys.clock.advance(clock_s)
        async with database.unit_of_work() as uow:
            await contacts.forget_old(uow.connection, surveys.clock.now(), 100)
        assert await scores(surveys, **fcr) == before
    [left] = await surveys.query(
        "SELECT count(person_key) AS keys, count(repeated) AS told FROM surveys.contact"
    )
    assert (left["keys"], left["told"]) == (0, 6)


async def test_calls_that_no_report_asks_for_any_more_are_deleted_and_no_others(surveys) -> None:
    await surveys.survey()
    await surveys.call_ended("old")
    surveys.clock.advance(3600)
    await surveys.call_ended("new", contact="+79035550000")
    await eventually_contacts(surveys, 2)
    database = surveys.service.app.state.database
    async with database.unit_of_work() as uow:
        before = surveys.clock.now() - timedelta(minutes=30)
        assert await contacts.delete_old(uow.connection, before, 100) == 1
    assert [
        row["call_id"] for row in await surveys.query("SELECT call_id FROM surveys.contact")
    ] == ["new"]


async def test_agent_and_team_are_those_of_the_call_whatever_becomes_of_the_agent(surveys) -> None:
    await surveys.survey(rules={"min_n": 1})
    await surveys.configure(agents=[{"id": "a1", "team": "t1"}], teams=[{"id": "t1"}])
    await surveys.call_ended("c1", team="t1")
    await surveys.printed(1)
    await surveys.configure(agents=[{"id": "a1", "team": "t2"}], teams=[{"id": "t2"}])
    assert await surveys.reply("5") == "answer"
    [team] = await scores(surveys, by="team", metric="csi")
    assert (team["key"], team["n"]) == ("t1", 1)


async def test_periods_are_days_weeks_and_months_of_the_centres_zone(surveys) -> None:
    """The clock stands at 2026-03-02 09:00 UTC; in Tehran the day ends at 20:30 UTC."""
    await surveys.survey(rules={"min_n": 1})
    await surveys.configure(
        calendars=[{"id": "default", "zone": "Asia/Tehran", "weekly": {"mon": ["09:00-18:00"]}}]
    )
    await answered(surveys, ["5"], agent="a1")
    surveys.clock.advance(12 * 3600)
    await answered(surveys, ["1"], agent="a1")
    found = {}
    for period in ("day", "week", "month"):
        lines = await scores(surveys, by="agent", metric="csi", period=period)
        found[period] = [(line["period"], line["n"], line["value"]) for line in lines]
    assert found == {
        "day": [("2026-03-02", 1, 100.0), ("2026-03-03", 1, 0.0)],
        "week": [("2026-03-02", 2, 50.0)],
        "month": [("2026-03-01", 2, 50.0)],
    }


async def test_a_comparison_says_whether_a_difference_is_real(surveys) -> None:
    await surveys.survey(rules={"min_n": 3})
    await answered(surveys, ["5"] * 8, agent="a1")
    await answered(surveys, ["1"] * 8, agent="a2")
    await answered(surveys, ["1", "5"], agent="a3")

    async def compared(**params):
        answer = await surveys.http.get(
            "/v1/scores/comparison", params={"by": "agent", "metric": "csi", "key": "a1"} | params
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    far = await compared(other_key="a2")
    low, high = newcombe(Tally(n=8, good=8), Tally(n=8, good=0))
    assert far["difference"]["real"] is True
    assert (far["difference"]["low"], far["difference"]["high"]) == (
        round(100 * low, 2), round(100 * high, 2),
    )  # fmt: skip
    assert "Newcombe" in far["difference"]["test"]
    assert (far["first"]["n"], far["second"]["n"]) == (8, 8)
    hidden = await compared(other_key="a3")
    assert (hidden["second"]["hidden"], hidden["difference"]["real"]) == (True, None)
    assert (await compared(other_key="nobody"))["second"]["n"] == 0
    surveys.clock.advance(WEEK_S)
    await answered(surveys, ["5"] * 7 + ["1"], agent="a1")
    times = {"from": "2026-03-09", "other_from": "2026-03-01", "other_to": "2026-03-08"}
    then = await compared(**times)
    assert (then["first"]["n"], then["second"]["n"], then["difference"]["real"]) == (8, 8, False)
    refused = await surveys.http.get(
        "/v1/scores/comparison", params={"by": "agent", "metric": "csi", "key": "a1"}
    )
    assert refused.status_code == 422


async def test_scores_are_exported_and_drawn(surveys) -> None:
    await surveys.survey(rules={"min_n": 1})
    await answered(surveys, ["5", "1"], agent="=a1")
    surveys.clock.advance(WEEK_S)
    await answered(surveys, ["5", "4"], agent="=a1")
    weekly = {"by": "agent", "metric": "csi", "period": "week"}

    async def got(path: str, accept: str = "*/*", **params):
        answer = await surveys.http.get(path, params=weekly | params, headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
        return answer

    table = await got("/v1/scores", "text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(r["key"], r["period"], r["value"], r["n"]) for r in rows] == [
        ("'=a1", "2026-03-02", "50.0", "2"), ("'=a1", "2026-03-09", "100.0", "2"),
    ]  # fmt: skip
    book = await got("/v1/scores", XLSX)
    head, first, _ = load_workbook(io.BytesIO(book.content)).active.iter_rows(values_only=True)
    row = dict(zip(head, first, strict=True))
    assert (row["key"], row["n"], row["value"]) == ("=a1", 2, 50)
    assert "Wilson" in row["definition"]
    drawn = await got("/v1/scores/trend.svg")
    assert drawn.headers["content-type"] == "image/svg+xml"
    shown = "".join(ET.fromstring(drawn.text).itertext())
    assert "=a1" in shown
    assert "2026-03-09" in shown
    assert drawn.content == (await got("/v1/scores/trend.svg")).content
    assert (await got("/v1/scores/trend.png")).content.startswith(b"\x89PNG")
    nothing = await surveys.http.get("/v1/scores/trend.svg", params=weekly | {"key": "nobody"})
    assert nothing.status_code == 404


async def test_comments_are_counted_by_subject(surveys) -> None:
    await surveys.survey(questions=[{"id": "why", "kind": "text"}])
    said = ["Долго ждал врача", "等了很久", "Спасибо", "Жалоба на хамство"]
    await answered(surveys, said, agent="a1")
    answer = await surveys.http.get("/v1/topics", params={"by": "agent", "key": "a1"})
    found = answer.json()
    assert (found["comments"], found["items"][0]["subject"]) == (4, "waiting")
    by_subject = {item["subject"]: item for item in found["items"]}
    assert (by_subject["waiting"]["comments"], by_subject["waiting"]["share_pct"]) == (2, 50.0)
    assert {word["word"] for word in by_subject["waiting"]["words"]} == {"долго", "ждал", "等了"}
    assert by_subject["appointment"]["comments"] == 1
    assert by_subject["complaint"]["comments"] == 1
    assert (await surveys.http.get("/v1/topics", params={"by": "agent"})).status_code == 422
    assert (await surveys.http.get("/v1/topics", params={"to": "2026-03-01"})).json()[
        "comments"
    ] == 0
