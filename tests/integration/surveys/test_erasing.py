"""A person's data on request: given, erased, and the scores that stay without him."""

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

PHONE = "+79031234567"
TWO = [{"id": "csi", "kind": "csi"}, {"id": "why", "kind": "text"}]


async def answered(surveys) -> str:
    await surveys.survey(questions=TWO, rules={"min_n": 1}, texts={"ru": "Оцените: {link}"})
    await surveys.call_ended("c1")
    await surveys.printed(1)
    assert await surveys.reply("2") == "answer"
    assert await surveys.reply("Долго ждал, Иванов Пётр") == "answer"
    [invitation] = await surveys.of_reference("c1")
    return str(invitation["id"])


async def everything(surveys) -> str:
    """All rows of all tables, as text and bytes, but for events under way: ADR 5 lets them go by time."""
    tables = await surveys.query(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'surveys'"
    )
    rows = []
    for table in tables:
        if table["name"] != "outbox":
            rows += await surveys.query(f'SELECT t::text AS row FROM surveys."{table["name"]}" t')
    bodies = await surveys.query("SELECT encode(body, 'escape') AS row FROM surveys.idempotency")
    return "\n".join(row["row"] for row in [*rows, *bodies])


async def test_erasing_leaves_scores_and_subjects_and_nothing_of_the_person(surveys) -> None:
    invitation = await answered(surveys)
    await surveys.http.post(
        "/v1/opt-outs", json={"phone": PHONE}, headers={"Idempotency-Key": "k1"}
    )
    await surveys.http.post("/v1/opt-outs/remove", json={"phone": PHONE})
    key = surveys.inside.people.key_of(PHONE).hex()
    before = await everything(surveys)
    for mark in (PHONE, "Иванов", key):
        assert mark in before
    scores = (await surveys.http.get("/v1/scores", params={"by": "agent"})).json()
    done = await surveys.http.post("/v1/persons/erase", json={"phone": PHONE})
    assert done.status_code == 200
    found = done.json()
    assert (found["erased"], found["messages"], found["calls"]) == (True, 2, 1)
    assert found["kept"]
    after = await everything(surveys)
    for mark in (PHONE, "Иванов", key, "/v1/f/"):
        assert mark not in after, mark
    assert (await surveys.http.get("/v1/scores", params={"by": "agent"})).json() == scores
    topics = (await surveys.http.get("/v1/topics")).json()["items"][0]
    assert (topics["subject"], topics["comments"]) == ("waiting", 1)
    shown = await surveys.invitation(invitation)
    assert [(a["score"], a["text"]) for a in shown["answers"]] == [(2, None), (None, None)]
    again = (await surveys.http.post("/v1/persons/erase", json={"phone": PHONE})).json()
    assert (again["erased"], again["messages"], again["calls"]) == (False, 0, 0)


async def test_who_is_erased_is_not_asked_any_more_and_his_link_is_dead(surveys) -> None:
    await surveys.survey(texts={"ru": "Оцените: {link}"})
    await surveys.call_ended("c1")
    [message] = await surveys.printed(1)
    path = message["text"][message["text"].index("/v1/f/") :]
    await surveys.survey(rules={"quiet_hours": ["00:00-23:59"]})
    held = await surveys.invite("r2")
    assert held["status"] == "scheduled"
    await surveys.http.post("/v1/persons/erase", json={"phone": PHONE})
    assert (await surveys.invitation(held["id"]))["reason"] == "erased"
    assert (await surveys.stranger.get(path)).status_code == 410
    assert await surveys.reply("5") == "stray"


async def test_an_opt_out_outlives_the_person(surveys) -> None:
    await answered(surveys)
    await surveys.http.post("/v1/opt-outs", json={"phone": PHONE})
    await surveys.http.post("/v1/persons/erase", json={"phone": PHONE})
    assert (await surveys.invite("r9"))["status"] == "suppressed"
    told = (await surveys.http.post("/v1/persons/export", json={"phone": PHONE})).json()
    assert told["opted_out_at"] is not None


async def test_a_person_is_given_what_is_kept_of_him(surveys) -> None:
    invitation = await answered(surveys)
    assert await surveys.reply("И ещё одно") == "late"
    told = (await surveys.http.post("/v1/persons/export", json={"phone": PHONE})).json()
    assert [one["id"] for one in told["invitations"]] == [invitation]
    assert told["messages"] == ["2", "Долго ждал, Иванов Пётр", "И ещё одно"]
    nobody = await surveys.http.post("/v1/persons/export", json={"phone": "+79990000000"})
    assert nobody.json()["known"] is False


async def test_looks_at_words_exports_and_erasures_are_in_the_audit(surveys) -> None:
    invitation = await answered(surveys)

    async def audited() -> list[tuple[str, str]]:
        rows = await surveys.query("SELECT who, what, about FROM surveys.audit ORDER BY id")
        return [(row["who"], row["what"]) for row in rows]

    before = len(await audited())
    await surveys.invitation(invitation)
    await surveys.http.post("/v1/invitations/search", json={"phone": PHONE})
    await surveys.http.post("/v1/persons/export", json={"phone": PHONE})
    await surveys.http.post("/v1/persons/erase", json={"phone": PHONE})
    await surveys.invitation(invitation)  # nothing to see any more
    assert (await audited())[before:] == [
        ("root", "invitation.comment"),
        ("root", "invitations.search"),
        ("root", "invitation.comment"),
        ("root", "person.export"),
        ("root", "person.erase"),
    ]


@pytest.mark.parametrize("action", ["export", "erase"])
async def test_only_keepers_may(surveys, action) -> None:
    for role, status in (("supervisor", 403), ("quality", 403), ("contact_admin", 200)):
        answer = await surveys.stranger.post(
            f"/v1/persons/{action}", json={"phone": PHONE}, headers=surveys.token(role)
        )
        assert answer.status_code == status
    wrong = await surveys.http.post(f"/v1/persons/{action}", json={"phone": "12"})
    assert wrong.status_code == 422


async def test_a_call_that_is_erased_before_its_week_is_over_is_not_counted(surveys) -> None:
    await surveys.survey(rules={"min_n": 1})
    for number in range(6):
        await surveys.call_ended(f"c{number}", contact=f"+790355500{number:02}")

    async def noted() -> bool:
        [row] = await surveys.query("SELECT count(*) AS n FROM surveys.contact")
        return bool(row["n"] == 6)

    await eventually(noted)
    erased = await surveys.http.post("/v1/persons/erase", json={"phone": "+79035550000"})
    assert erased.json()["erased"], erased.text
    surveys.clock.advance(8 * 24 * 3600)
    found = await surveys.http.get("/v1/scores", params={"by": "agent", "metric": "fcr_repeat"})
    [line] = found.json()["items"]
    assert (line["n"], line["value"]) == (5, 100.0)
