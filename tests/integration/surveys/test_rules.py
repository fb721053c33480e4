"""Who is asked and when, against the applied configuration."""

from datetime import UTC, datetime

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

RUSSIAN = "+79031234567"
NIGHT = {"quiet_hours": ["21:00-09:00"]}


async def test_half_past_eleven_at_night_in_tehran_waits_for_nine(surveys) -> None:
    await surveys.survey(rules=NIGHT)
    surveys.clock.advance((datetime(2026, 3, 2, 20, 0, tzinfo=UTC) - surveys.clock.now()).seconds)
    made = await surveys.invite(phone="+989121234567")
    found = await surveys.invitation(made["id"])
    assert (found["status"], found["reason"]) == ("scheduled", "quiet")
    assert found["send_at"] == "2026-03-03T05:30:00Z"
    surveys.clock.advance(9 * 3600)
    await surveys.inside.sender.step()
    assert await surveys.console() == []
    surveys.clock.advance(1800)
    found = await surveys.reaches(made["id"], "delivered")
    assert found["reason"] is None


async def test_a_russian_mobile_sleeps_by_the_zone_of_its_line_else_of_the_calendar(
    surveys,
) -> None:
    await surveys.survey(rules=NIGHT)
    await surveys.configure(
        calendars=[
            {"id": "other", "zone": "Asia/Tokyo", "weekly": {"mon": ["09:00-18:00"]}},
            {"id": "zz", "zone": "Asia/Vladivostok", "weekly": {"mon": ["09:00-18:00"]}},
        ],
        deadlines=[{"id": "default", "calendar": "zz", "clocks": {"level1": "1h"}}],
        lines=[{"number": "+74950000001", "flow": "main", "zone": "Asia/Kamchatka"}],
    )
    # noon in Moscow, 19:00 in Vladivostok, 21:00 in Kamchatka
    made = await surveys.invite("r1")
    await surveys.reaches(made["id"], "delivered")
    await surveys.call_ended("c1", contact="+79030000002")

    async def held():
        found = await surveys.of_reference("c1")
        return found and found[0]

    found = await eventually(held)
    assert (found["status"], found["reason"]) == ("scheduled", "quiet")
    assert found["send_at"] == "2026-03-02T21:00:00Z"


async def test_a_message_that_was_refused_into_the_night_waits_for_the_morning(
    surveys, provider
) -> None:
    provider.script = ["503"]
    await surveys.survey(sms=[provider.entry], rules={"quiet_hours": ["12:40-14:00"]})
    made = await surveys.invite(phone="+989121234567")  # 12:30 in Tehran
    await eventually(lambda: surveys.metric("sms_total", provider="g1", outcome="refused") == 1)
    surveys.clock.advance(3600)

    async def held():
        return (await surveys.invitation(made["id"]))["reason"] == "quiet"

    await eventually(held)
    surveys.clock.advance(3600)
    await surveys.reaches(made["id"], "sent")
    assert len(provider.received) == 2


async def test_quarantine_holds_over_all_surveys_and_per_survey(surveys) -> None:
    await surveys.survey(rules={"quarantine_s": 3600, "survey_quarantine_s": 86400})
    other = {"key": "branch", "questions": [{"id": "q", "kind": "nps"}], "texts": {"ru": "0-10?"}}
    await surveys.configure(surveys=[other | {"rules": {"quarantine_s": 3600}}])
    await surveys.reaches((await surveys.invite("r1"))["id"], "delivered")
    second = await surveys.invite("r2")
    assert (second["status"], second["reason"]) == ("suppressed", "quarantine")
    third = await surveys.invite("r3", service="branch")
    assert (third["status"], third["reason"]) == ("suppressed", "quarantine")
    surveys.clock.advance(3601)
    assert (await surveys.invite("r4"))["reason"] == "survey_quarantine"
    assert (await surveys.invite("r5", service="branch"))["status"] == "scheduled"
    repeated = await surveys.invite("r2")
    assert (repeated["id"], repeated["reason"]) == (second["id"], "quarantine")


async def test_two_surveys_at_once_ask_one_person_once(surveys) -> None:
    await surveys.survey(rules={"quarantine_s": 3600})
    for number in range(8):
        await surveys.call_ended(f"c{number}")

    async def all_decided():
        found = [(await surveys.of_reference(f"c{n}")) for n in range(8)]
        return all(found) and [each[0]["status"] for each in found]

    statuses = await eventually(all_decided)
    await surveys.printed(1)
    assert statuses.count("suppressed") == 7


async def test_a_draw_belongs_to_the_reference(surveys) -> None:
    await surveys.survey(rules={"sample_pct": 30})
    first = {n: await surveys.invite(f"r{n}", phone=f"+790300{n:05}") for n in range(40)}
    drawn = [n for n, made in first.items() if made["reason"] != "sampled_out"]
    assert 4 <= len(drawn) <= 20
    again = {n: await surveys.invite(f"r{n}", phone=f"+790300{n:05}") for n in range(40)}
    assert {n: made["id"] for n, made in again.items()} == {n: m["id"] for n, m in first.items()}


async def test_a_daily_cap_starts_anew_the_next_day(surveys) -> None:
    await surveys.survey(rules={"daily_cap": 2})
    made = [await surveys.invite(f"r{n}", phone=f"+7903000000{n}") for n in range(3)]
    assert [m["reason"] for m in made] == [None, None, "daily_cap"]
    surveys.clock.advance(24 * 3600)
    assert (await surveys.invite("r4", phone="+79030000009"))["status"] == "scheduled"


async def test_a_landline_is_not_asked_by_sms(surveys) -> None:
    await surveys.survey()
    made = await surveys.invite(phone="+74951234567")
    assert (made["status"], made["reason"]) == ("suppressed", "landline")


async def test_an_unsent_invitation_expires_from_its_creation(surveys) -> None:
    await surveys.survey(sms=[], rules={"expire_s": 60})
    made = await surveys.invite()
    surveys.clock.advance(61)
    await surveys.inside.sender.upkeep()
    found = await surveys.invitation(made["id"])
    assert (found["status"], found["reason"]) == ("suppressed", "expired")
    await surveys.survey(rules={"expire_s": 60})
    await surveys.inside.sender.step()
    assert await surveys.console() == []


async def test_only_numbers_of_the_countries_named_are_asked(surveys) -> None:
    await surveys.survey(rules={"countries": ["RU", "IR"]})
    assert (await surveys.invite("r1", phone="+989121234567"))["reason"] is None
    german = await surveys.invite("r2", phone="+4915112345678")
    assert (german["status"], german["reason"]) == ("suppressed", "foreign")
    listed = await surveys.http.get("/v1/invitations", params={"reason": "foreign"})
    assert [found["id"] for found in listed.json()["items"]] == [german["id"]]
    nowhere = {"rules": {"countries": ["Russia"]}}
    refused = await surveys.http.post(
        "/v1/definitions/preview", json={"questions": [{"id": "q", "kind": "csi"}]} | nowhere
    )
    assert [error["path"] for error in refused.json()["errors"]] == ["rules.countries[0]"]


async def test_who_was_not_reached_is_not_spared(surveys, provider) -> None:
    provider.script = ["200"]
    await surveys.survey(sms=[provider.entry], rules={"quarantine_s": 86_400})
    first = await surveys.invite("r1")
    await surveys.reaches(first["id"], "sent")
    assert (await surveys.invite("r2"))["reason"] == "quarantine"
    failed = {"id": "s1", "message_id": "m1", "status": "failed"}
    assert (await surveys.callback("status", failed)).status_code == 200
    await surveys.reaches(first["id"], "failed")
    assert (await surveys.invite("r3"))["status"] == "scheduled"


async def test_an_opt_out_keeps_where_and_when_it_was_said(surveys) -> None:
    await surveys.survey()
    said = {"phone": RUSSIAN, "source": "letter", "at": "2026-02-20T09:00:00Z"}
    noted = await surveys.http.post("/v1/opt-outs", json=said)
    assert (noted.status_code, noted.json()) == (201, said)
    assert await surveys.reply("СТОП") == "stop"
    [kept] = (await surveys.http.get("/v1/opt-outs")).json()["items"]
    assert (kept["source"], kept["at"]) == ("letter", "2026-02-20T09:00:00Z")
    for wrong in ({"at": "2126-01-01T00:00:00Z"}, {"at": "yesterday"}, {"source": "A letter"}):
        refused = await surveys.http.post("/v1/opt-outs", json=said | wrong)
        assert refused.status_code == 422
        assert [error["path"] for error in refused.json()["errors"]] == list(wrong)
