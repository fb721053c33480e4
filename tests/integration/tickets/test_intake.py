"""Registering: what is refused, what is taken once, and what comes with the answer."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

QUESTION = {"channel": "phone", "kind": "consultation", "text": "When are you open?"}
EXTERNAL = {"external": {"source": "portal", "id": "P-1"}}


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"person": {"birth_date": "1890-01-01"}}, "person.birth_date"),
    ({"person": {"birth_date": "1899-12-31"}}, "person.birth_date"),
    ({"person": {"birth_date": "2090-01-01"}}, "person.birth_date"),
    ({"person": {"birth_date": "2026-02-30"}}, "person.birth_date"),
    ({"person": {"birth_date": 0}}, "person.birth_date"),
    ({"person": {"birth_date": "0"}}, "person.birth_date"),
    ({"person": {"phone": "none"}}, "person.phone"),
    ({"person": {"phone": ""}}, "person.phone"),
    ({"person": {"phone": "12"}}, "person.phone"),
    ({"person": {"phone": 79161234567}}, "person.phone"),
    ({"person": []}, "person"),
    ({"channel": "pigeon"}, "channel"),
    ({"kind": None}, "kind"),
    ({"text": " "}, "text"),
    ({"text": None}, "text"),
    ({"text": "\u200b\u200e \u202b\u200c"}, "text"),
    ({"transcript": "\u200b"}, "transcript"),
    ({"close": {"answer": "\u200f \ufeff"}}, "close.answer"),
    ({"subject": 7}, "subject"),
    ({"external": {"source": "portal"}}, "external.id"),
    ({"external": {"source": "", "id": "1"}}, "external.source"),
    ({"close": {"answer": ""}}, "close.answer"),
    ({"close": {}}, "close.answer"),
]


async def test_what_is_wrong_is_named_and_nothing_is_registered(desk: "Desk") -> None:
    for fields, path in FAULTS:
        answer = await desk.agent.post("tickets", QUESTION | fields)
        assert answer.status_code == 422, (fields, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["path"] == path, fields
    assert await desk.query("SELECT id FROM tickets.ticket") == []


async def test_a_phone_with_persian_digits_and_spaces_is_understood(desk: "Desk") -> None:
    ticket = await desk.agent.register(person={"phone": "+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹"})
    whole = (await desk.agent.get(f"tickets/{ticket['id']}")).json()
    assert whole["person"]["phone"] == "+989123456789"


async def test_texts_keep_their_signs_but_for_those_no_database_takes(desk: "Desk") -> None:
    text = "سلام\u200cدنیا \u202b«נא»\u202c 你好 \x00 end"
    ticket = await desk.agent.register(text=text)
    assert ticket["text"] == text.replace("\x00", "")


async def test_unknown_fields_are_ignored(desk: "Desk") -> None:
    assert (await desk.agent.register(colour="red"))["status"] == "new"


async def test_the_answer_has_etag_location_and_what_the_contract_names(desk: "Desk") -> None:
    answer = await desk.agent.post("tickets", QUESTION | {"call_id": "call-1"})
    ticket = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"].endswith(f"/v1/tickets/{ticket['id']}")
    for name in (
        "id", "number", "tracking_code", "status", "level", "owner", "due_at", "clocks",
        "duplicates", "returns", "call_id", "invitation_id", "version", "channel", "kind",
        "subject", "text", "external", "registered_at",
    ):  # fmt: skip
        assert name in ticket
    running = [clock["due_at"] for clock in ticket["clocks"] if not clock["paused"]]
    assert ticket["due_at"] == min(running)
    assert {clock["kind"] for clock in ticket["clocks"]} == {"level1", "insurer", "statutory"}


async def test_the_same_external_id_gives_the_same_ticket(desk: "Desk") -> None:
    first = await desk.agent.register(**EXTERNAL)
    again = await desk.agent.post("tickets", QUESTION | EXTERNAL | {"text": "another text"})
    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert again.json()["text"] == QUESTION["text"]
    other = await desk.agent.register(external={"source": "ins7-daily", "id": "P-1"})
    assert other["id"] != first["id"]


async def test_the_same_external_id_at_once_gives_one_ticket(desk: "Desk") -> None:
    answers = await asyncio.gather(
        *(desk.agent.post("tickets", QUESTION | EXTERNAL) for _ in range(12))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await desk.query("SELECT 1 FROM tickets.outbox")) == 1


async def test_a_key_gives_the_first_answer_again_and_no_other_body(desk: "Desk") -> None:
    key = {"Idempotency-Key": "k-1"}
    first = await desk.agent.post("tickets", QUESTION, headers=key)
    again = await desk.agent.post("tickets", QUESTION, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await desk.agent.post("tickets", QUESTION | {"text": "x"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"] == "idempotency-key-reused"
    assert len(await desk.query("SELECT 1 FROM tickets.ticket")) == 1
    kept = await desk.query("SELECT convert_from(body, 'utf8') AS body FROM tickets.idempotency")
    assert QUESTION["text"] not in kept[0]["body"]


async def test_the_clocks_start_where_the_administrator_says(desk: "Desk") -> None:
    ticket = await desk.boss.register(registered_at="2026-02-27T17:30:00+03:00")
    assert ticket["registered_at"] == "2026-02-27T14:30:00Z"
    clocks = {clock["kind"]: clock for clock in ticket["clocks"]}
    assert clocks["level1"]["due_at"] == "2026-03-02T06:30:00Z"
    assert clocks["level1"]["breached"]
    assert clocks["statutory"]["due_at"] == "2026-03-29T21:00:00Z"
    assert ticket["overdue"]


BACKDATING: list[tuple[str, object, int]] = [
    ("agent", "2026-03-01T09:00:00Z", 403),
    ("specialist", "2026-03-01T09:00:00Z", 403),
    ("service", "2026-03-01T09:00:00Z", 201),
    ("contact_admin", "2026-03-02T09:00:01Z", 422),
    ("contact_admin", "2026-03-01T09:00:00", 422),
    ("contact_admin", "yesterday", 422),
    ("contact_admin", 5, 422),
    ("contact_admin", "0001-01-01T00:00:00Z", 422),
]


async def test_who_may_backdate_and_how_far(desk: "Desk") -> None:
    for role, moment, status in BACKDATING:
        answer = await desk.person(role).post("tickets", QUESTION | {"registered_at": moment})
        assert answer.status_code == status, (role, moment, answer.text)


CLOSING = [
    ("agent", "consultation", 201),
    ("agent", "complaint", 403),
    ("specialist", "complaint", 403),
    ("contact_admin", "complaint", 201),
    ("service", "consultation", 403),
]


async def test_who_may_close_in_the_same_request(desk: "Desk") -> None:
    for role, kind, status in CLOSING:
        body = QUESTION | {"kind": kind, "close": {"answer": "from nine to six"}}
        answer = await desk.person(role).post("tickets", body)
        assert answer.status_code == status, (role, kind, answer.text)
    stored = await desk.query("SELECT status FROM tickets.ticket")
    assert stored == [{"status": "closed"}] * 2


async def test_who_does_not_register(desk: "Desk") -> None:
    for role in ("insurer", "expert", "auditor", "admin", "supervisor", "pbx"):
        assert (await desk.person(role).post("tickets", QUESTION)).status_code == 403
    assert (await desk.nobody.post("tickets", QUESTION)).status_code == 401


async def test_likely_duplicates_come_with_the_answer_and_while_typing(desk: "Desk") -> None:
    text = "In the polyclinic they told me that there is no insulin until summer"
    first = await desk.agent.register(
        text=text, organisation="h1", person={"phone": "+79161234567", "policy_number": "46 00"}
    )
    second = await desk.agent.register(person={"phone": "8 916 123 45 67"})
    assert [(one["id"], one["why"]) for one in second["duplicates"]] == [(first["id"], "phone")]
    third = await desk.agent.register(
        person={"policy_number": "4600"}, organisation="h1", text="No insulin!"
    )
    assert third["duplicates"][0] == {
        "id": first["id"], "score": 0.9, "why": "policy, organisation"
    }  # fmt: skip
    typed = await desk.agent.post(
        "tickets/duplicates", {"text": "they told me in the polyclinic: no insulin until summer"}
    )
    assert [one["id"] for one in typed.json()["items"]] == [first["id"]]
    assert typed.json()["items"][0]["why"] == "text"
    by_number = await desk.agent.post("tickets/duplicates", {"person": {"phone": "+79161234567"}})
    assert {one["id"] for one in by_number.json()["items"]} == {first["id"], second["id"]}
    external = await desk.agent.register(**EXTERNAL)
    same = (await desk.agent.post("tickets/duplicates", EXTERNAL)).json()["items"]
    assert same == [{"id": external["id"], "score": 1.0, "why": "external"}]
    assert (await desk.agent.post("tickets/duplicates", {})).json() == {"items": []}


async def test_texts_are_alike_across_slips_order_and_half_typed_ones(desk: "Desk") -> None:
    text = (
        "В поликлинике номер пять отказали в приёме у кардиолога, сказали ждать до следующего"
        " месяца, хотя направление терапевта было срочным и подписано заведующей отделением"
    )
    phone = {"phone": "+79161234567"}
    first = await desk.agent.register(text=text, person=phone)
    await desk.agent.register(
        text="Не выдают инсулин в аптеке при больнице, говорят, что нет в наличии"
    )
    for typed in (
        text,
        text.replace("направление", "напровление").replace("срочным", "срочное"),
        text[:70],
        text[60:],
    ):
        answer = await desk.agent.post("tickets/duplicates", {"text": typed})
        assert [(one["id"], one["why"]) for one in answer.json()["items"]] == [
            (first["id"], "text")
        ]
    both = await desk.agent.post("tickets/duplicates", {"text": text, "person": phone})
    assert both.json()["items"] == [{"id": first["id"], "score": 0.8, "why": "phone, text"}]
    for short in ("в", "отказали", "Спасибо вам большое"):
        assert (await desk.agent.post("tickets/duplicates", {"text": short})).json() == {
            "items": []
        }


async def test_texts_are_alike_too_where_every_word_of_theirs_is_a_common_one(
    desk: "Desk",
) -> None:
    """PostgreSQL's statistics know each word of so small a journal as a common one: two weeks are looked
    through, then three months."""
    text = "В регистратуре не берут трубку, запись к хирургу закрыта третью неделю подряд"
    old = await desk.agent.register(text=text)
    desk.clock.advance(20 * 86_400)
    new = await desk.agent.register(text=f"{text}, помогите попасть на приём")
    other = "Запись к окулисту открыта, трубку берут, регистратуре спасибо"
    await desk.agent.register(text=other)
    await desk.query("ANALYZE tickets.wording")
    desk.clock.advance(660)
    found = (await desk.agent.post("tickets/duplicates", {"text": text})).json()["items"]
    assert [one["id"] for one in found] == [old["id"], new["id"]]
    assert found[0]["score"] > found[1]["score"]


async def test_a_promise_holds_for_the_appeals_it_was_given_to(desk: "Desk") -> None:
    old = await desk.agent.register()
    deadlines = [{"id": "default", "calendar": "c1", "clocks": {"level1": "30m"}}]
    assert (
        await desk.person("admin").put("config", {"careline": 1, "deadlines": deadlines})
    ).status_code == 200
    new = await desk.agent.register()
    assert new["due_at"] == "2026-03-02T09:30:00Z"
    kept = (await desk.agent.get(f"tickets/{old['id']}")).json()
    assert kept["clocks"] == old["clocks"]
    taken = await desk.agent.does(kept, "take")
    waiting = await desk.agent.does(taken, "wait", **{"for": "papers"})
    assert (await desk.agent.does(waiting, "resume"))["due_at"] == "2026-03-02T10:00:00Z"
