"""Scores as the reports show them."""

import pytest

from careline_surveys.domain.scoring import adjusted_wald_nps, wilson

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
            "key": "a1", "metric": "csi", "value": 75.0, "n": 4, "low": round(100 * low, 2),
            "high": round(100 * high, 2), "response_rate_pct": 80.0, "hidden": False,
        },
        {
            "key": "a2", "metric": "csi", "value": None, "n": 1, "low": None, "high": None,
            "response_rate_pct": 50.0, "hidden": True,
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
