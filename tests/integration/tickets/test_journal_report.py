"""The journal counted by one detail: against a count by hand, in every form, and of an insurer his own alone."""

import csv
import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

ANNA, BORIS = {"phone": "+79161234567"}, {"policy_number": "46-00 7"}
DETAILS = ("subject", "territory", "organisation", "insurer", "kind", "channel")


async def journal(desk: "Desk", *, who: Any = None, accept: str = "", **params: Any) -> Any:
    headers = {**(who or desk.boss)._headers, "Accept": accept or "application/json"}
    return await desk.client.get("/v1/reports/journal", params=params, headers=headers)


async def some_appeals(desk: "Desk") -> list[dict[str, Any]]:
    """Three of Anna's and two by Boris's policy, over ten weeks; each with the day on which it came."""
    told = [
        (70, ANNA, {"subject": "refusal", "insurer": "ins7", "fill_in_s": 30}),
        (50, ANNA, {"subject": "refusal", "insurer": "ins8", "fill_in_s": 50}),
        (10, ANNA, {"subject": "refusal", "insurer": "ins7", "kind": "complaint"}),
        (9, BORIS, {"organisation": "h1", "territory": "46", "channel": "walk_in"}),
        (8, {"policy_number": "46007"}, {"insurer": "ins7"}),
        (1, {}, {}),
    ]
    made = []
    for days, person, fields in told:
        at = desk.clock.now() - timedelta(days=days)
        made.append(
            await desk.boss.register(person=person, registered_at=at.isoformat(), **fields)
            | {"person": person}
        )
    first = await desk.boss.does(made[0], "take")
    await desk.boss.does(first, "close", outcome="justified", answer="so")
    return made


@pytest.mark.parametrize("by", DETAILS)
async def test_it_counts_as_one_counts_by_hand(desk: "Desk", by: str) -> None:
    made = await some_appeals(desk)
    items = {row["key"]: row for row in (await journal(desk, by=by)).json()["items"]}
    for key in {one[by] for one in made}:
        mine = [one for one in made if one[by] == key]
        assert items[key]["registered"] == len(mine), key
        assert items[key]["repeated"] == sum(repeats(one, made) for one in mine), key
    assert sum(row["closed"] for row in items.values()) == 1
    assert sum(row["justified"] for row in items.values()) == 1


def repeats(one: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    """By the phone, or by the policy without its signs, within 30 days before."""
    at = datetime.fromisoformat(one["registered_at"])
    return any(
        timedelta(0) < at - datetime.fromisoformat(other["registered_at"]) <= timedelta(days=30)
        and person(one) == person(other) != ""
        for other in others
    )


def person(one: dict[str, Any]) -> str:
    told = one["person"]
    return str(told.get("phone") or "".join(filter(str.isalnum, told.get("policy_number", ""))))


async def test_times_and_returns_stand_beside_the_counts(desk: "Desk") -> None:
    await some_appeals(desk)
    rows = (await journal(desk, by="subject")).json()["items"]
    refusal = next(row for row in rows if row["key"] == "refusal")
    assert (refusal["fill_median_s"], refusal["fill_p90_s"]) == (40, 48)
    assert refusal["solve_median_s"] == refusal["solve_p90_s"] == 70 * 86_400
    nothing = next(row for row in rows if row["key"] is None)
    assert nothing["fill_median_s"] is nothing["solve_p90_s"] is nothing["justified_pct"] is None


async def test_a_time_that_is_asked_for_knows_who_had_appealed_before_it(desk: "Desk") -> None:
    await some_appeals(desk)
    begin = (desk.clock.now() - timedelta(days=8.5)).isoformat()
    rows = (await journal(desk, by="insurer", **{"from": begin})).json()["items"]
    assert {row["key"]: (row["registered"], row["repeated"]) for row in rows} == {
        "ins7": (1, 1),
        None: (1, 0),
    }


async def test_an_insurer_counts_his_own_and_learns_of_nobody_elses(desk: "Desk") -> None:
    await some_appeals(desk)
    rows = (await journal(desk, who=desk.insurer, by="insurer")).json()["items"]
    assert [(row["key"], row["registered"]) for row in rows] == [("ins7", 3)]
    assert rows[0]["repeated"] == 0, "whom others have heard is not his to know"


async def test_as_sheets_and_as_a_page_in_four_languages(desk: "Desk") -> None:
    await desk.agent.register(subject="=1+1", person={"phone": "+79161234567"})
    await desk.agent.register(subject="<b>", fill_in_s=12.5)
    lines = list(csv.reader(io.StringIO((await journal(desk, accept="text/csv")).text)))
    assert lines[0][:3] == ["key", "registered", "open"]
    assert sorted(line[0] for line in lines[1:]) == ["'=1+1", "<b>"]
    sheet = await journal(desk, accept="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")  # fmt: skip
    assert sheet.content[:2] == b"PK"
    for language in ("en", "ru", "fa", "zh"):
        page = await journal(desk, accept="text/html", language=language)
        assert f'lang="{language}"' in page.text
        assert ('dir="rtl"' in page.text) == (language == "fa")
        assert page.text.count("<svg") == 1
        assert "<b>" not in page.text
        assert "+7916" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("told", [-1, "a minute", float(10**9), True])
async def test_a_time_to_fill_in_that_is_none_is_refused(desk: "Desk", told: Any) -> None:
    body = {"channel": "phone", "kind": "thanks", "text": "x", "fill_in_s": told}
    answer = await desk.agent.post("tickets", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "fill_in_s"
