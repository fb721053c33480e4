"""Lists, search, tracking and the journal in figures."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Desk, Person

pytestmark = pytest.mark.integration


async def ids(person: "Person", path: str = "tickets", **params: Any) -> list[str]:
    answer = await person.get(path, **params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def found(person: "Person", **body: Any) -> list[str]:
    answer = await person.post("tickets/search", body)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_conditions_narrow_together(desk: "Desk") -> None:
    a = (await desk.agent.register(subject="refusal", territory="46", organisation="h1"))["id"]
    b = (await desk.agent.register(subject="refusal", territory="47", insurer="ins7"))["id"]
    c = (await desk.agent.register(kind="complaint", channel="portal"))["id"]
    assert set(await ids(desk.agent)) == {a, b, c}
    assert set(await ids(desk.agent, subject="refusal")) == {a, b}
    assert await ids(desk.agent, subject="refusal", territory="46") == [a]
    assert await ids(desk.agent, organisation="h1", insurer="ins7") == []
    assert await ids(desk.agent, insurer="ins7") == [b]
    assert await ids(desk.agent, kind="complaint", channel="portal") == [c]
    assert await ids(desk.agent, status="closed") == []
    assert (await desk.agent.get("tickets", status="flying")).status_code == 422
    assert (await desk.agent.get("tickets", overdue="perhaps")).status_code == 422
    assert (await desk.agent.get("tickets", limit=201)).status_code == 422
    assert (await desk.agent.get("tickets", cursor="nonsense")).status_code == 422


async def test_pages_show_every_appeal_once_the_newest_first(desk: "Desk") -> None:
    made = []
    for number in range(7):
        desk.clock.advance(number % 3)
        made.append((await desk.agent.register())["id"])
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await desk.agent.get("tickets", **params)).json()
        assert len(page["items"]) <= 3
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    times = {
        one["id"]: one["registered_at"] for one in (await desk.agent.get("tickets")).json()["items"]
    }
    assert [times[one] for one in seen] == sorted(times.values(), reverse=True)


async def test_lists_show_no_personal_data(desk: "Desk") -> None:
    await desk.agent.register(person={"name": "Anna"}, text="a text of my own")
    for answer in (await desk.agent.get("tickets"), await desk.agent.post("tickets/search", {})):
        assert answer.json()["items"][0]["text"] is None
        assert "Anna" not in answer.text


async def test_search_by_person_and_words(desk: "Desk") -> None:
    a = await desk.agent.register(
        text="Нет инсулина в аптеке № 5", person={"phone": "+79161234567", "policy_number": "46 00"}
    )
    b = await desk.agent.register(text="Очередь в аптеке", person={"phone": "+79161234567"})
    assert set(await found(desk.agent, phone="8 916 123-45-67")) == {a["id"], b["id"]}
    assert await found(desk.agent, policy_number="4600") == [a["id"]]
    assert await found(desk.agent, phone="+79161234567", policy_number="46-00") == [a["id"]]
    assert await found(desk.agent, phone="+79990000000") == []
    assert set(await found(desk.agent, q="аптеке")) == {a["id"], b["id"]}
    assert await found(desk.agent, q="ИНСУЛИНА аптеке") == [a["id"]]
    assert await found(desk.agent, q="100%") == []
    assert await found(desk.agent, q="аптеке", status="closed") == []
    wrong = await desk.agent.post("tickets/search", {"phone": "none"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["path"] == "phone"


async def test_search_reads_four_languages(desk: "Desk") -> None:
    ru = await desk.agent.register(text="Отказали в приёме, пациента не приняли")
    en = await desk.agent.register(text="The clinics refused all my claims")
    fa = await desk.agent.register(text="كلینیک پاسخ نمی‌دهد، شماره ۱۲۳۴۵")
    zh = await desk.agent.register(text="上海医保报销被拒绝 and nobody answers, отказ")
    for query, expected in (
        ("пациенты", [ru]),
        ("ОТКАЗАТЬ пациентам ПРИЁМЕ", [ru]),
        ("не", [ru]),
        ("clinic refusing claim", [en]),
        ("کلینیک", [fa]),
        ("نمیدهد", [fa]),
        ("۱۲۳۴۵", [fa]),
        ("医保", [zh]),
        ("拒", [zh]),
        ("报销 answering отказа", [zh]),
        ("海保", []),
        ("%'&|!:*()", []),
    ):
        assert await found(desk.agent, q=query) == [one["id"] for one in expected], query


async def test_search_by_a_number_instead_of_words(desk: "Desk") -> None:
    person = {"phone": "+79161234567", "policy_number": "46 00-77"}
    a = await desk.agent.register(text="Нет инсулина", person=person)
    b = await desk.agent.register(text="Звонить +7 916 123-45-67, по полису 460077")
    assert await found(desk.agent, q=a["number"].lower()) == [a["id"]]
    assert await found(desk.agent, q="8 (916) 123-45-67") == [a["id"]]
    assert await found(desk.agent, q="۴۶۰۰ ۷۷") == [a["id"]]
    assert await found(desk.agent, q="460077", status="closed") == []
    assert await found(desk.agent, q="123-45-67") == [b["id"]]


async def test_search_pages_show_each_appeal_once_through_years(desk: "Desk") -> None:
    made = []
    for days in (0, 1, 3, 20, 80, 300, 500, 2000):
        at = (desk.clock.now() - timedelta(days=days)).isoformat()
        made += [(await desk.boss.register(text="очередь", registered_at=at))["id"]]
    await desk.boss.register(text="другое")
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        answer = await desk.agent.post("tickets/search", {"q": "Очереди"}, **params)
        seen += [one["id"] for one in answer.json()["items"]]
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert seen == made


async def test_search_finds_a_merged_appeal_where_it_stands_now(desk: "Desk") -> None:
    early = (desk.clock.now() - timedelta(days=700)).isoformat()
    old = await desk.boss.register(text="другое", registered_at=early)
    target = await desk.boss.register(text="очередь")
    middle = await desk.boss.register(
        text="очередь", registered_at=(desk.clock.now() - timedelta(days=30)).isoformat()
    )
    assert await found(desk.agent, q="очередь") == [target["id"], middle["id"]]
    taken = await desk.boss.does(old, "take")
    await desk.boss.does(taken, "merge", into=target["id"])
    assert await found(desk.agent, q="очередь") == [middle["id"], target["id"]]
    listed = await ids(desk.agent)
    assert listed.index(middle["id"]) < listed.index(target["id"])


async def test_search_knows_the_present_text_alone_and_nothing_of_an_erased_one(
    desk: "Desk",
) -> None:
    ticket = await desk.agent.register(text="очередь")
    assert await found(desk.agent, q="очередь") == [ticket["id"]]
    await desk.query("DELETE FROM tickets.content WHERE ticket_id = $1", ticket["id"])
    assert await found(desk.agent, q="очередь") == []
    assert await desk.query("SELECT * FROM tickets.wording") == []


async def test_a_mebibyte_of_text_is_registered_and_found(desk: "Desk") -> None:
    long = " ".join(f"слово{number}" for number in range(50_000))
    ticket = await desk.agent.register(text=long[: 2**19])
    assert await found(desk.agent, q="слово17") == [ticket["id"]]


async def test_an_insurer_finds_only_his_own(desk: "Desk") -> None:
    own = await desk.agent.register(insurer="ins7", person={"phone": "+79161234567"})
    await desk.agent.register(insurer="ins8", person={"phone": "+79161234567"})
    assert await found(desk.insurer, phone="+79161234567") == [own["id"]]
    assert await found(desk.insurer, insurer="ins8") == []
    assert (await desk.insurer.post("tickets/duplicates", {})).status_code == 403


async def test_tracking_needs_no_token_and_shows_nothing_else(desk: "Desk") -> None:
    ticket = await desk.agent.register(person={"name": "Anna"})
    answer = await desk.nobody.get(f"track/{ticket['tracking_code'].lower().replace('-', '')}")
    assert answer.json() == {
        "status": "new",
        "updated_at": "2026-03-02T09:00:00Z",
        "due_at": "2026-03-02T10:00:00Z",
        "answered_by_channel": None,
    }
    unknown = await desk.nobody.get("track/0000-0000-0000")
    malformed = await desk.nobody.get("track/what-is-this")
    assert unknown.status_code == malformed.status_code == 404
    assert unknown.json() == malformed.json()


async def test_tracking_is_limited_by_address(desk: "Desk") -> None:
    answers = [await desk.nobody.get("track/0000-0000-0000") for _ in range(40)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429] * 10
    assert answers[-1].json()["type"] == "too-many-requests"
    desk.clock.advance(int(answers[-1].headers["retry-after"]))
    assert (await desk.nobody.get("track/0000-0000-0000")).status_code == 404


async def test_the_journal_in_figures(desk: "Desk") -> None:
    await desk.boss.register(territory="46", registered_at="2026-02-27T09:00:00Z")
    done = await desk.boss.does(await desk.boss.register(territory="46"), "take")
    await desk.boss.does(done, "close", outcome="justified", answer="sorry")
    await desk.boss.register()
    report = (await desk.boss.get("reports/journal", by="territory")).json()["items"]
    assert report[0] == {
        "key": "46", "registered": 2, "open": 1, "closed": 1, "overdue": 1, "returned": 0,
        "returns": 0, "justified": 1, "justified_pct": 100.0, "fill_median_s": None,
        "fill_p90_s": None, "solve_median_s": 0, "solve_p90_s": 0, "repeated": 0,
    }  # fmt: skip
    assert (report[1]["key"], report[1]["registered"]) == (None, 1)
    days = {"from": "2026-03-02", "to": "2026-03-02"}
    today = (await desk.boss.get("reports/journal", by="territory", **days)).json()["items"]
    assert [(row["key"], row["registered"]) for row in today] == [("46", 1), (None, 1)]
    for wrong in ({"by": "colour"}, {"from": "yesterday"}, {"to": "2026-03-02T09:00:00"}):
        assert (await desk.boss.get("reports/journal", **wrong)).status_code == 422
    assert (await desk.agent.get("reports/journal")).status_code == 200
    assert (await desk.person("pbx").get("reports/journal")).status_code == 403


async def test_the_journal_as_csv(desk: "Desk") -> None:
    await desk.boss.register(subject="=1+1")
    token = desk.issuer.token(subject="boss", roles=["contact_admin"], ttl_s=10**9)
    answer = await desk.client.get(
        "/v1/reports/journal", headers={"Authorization": f"Bearer {token}", "Accept": "text/csv"}
    )
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0].startswith("key,registered,open")
    assert lines[1].startswith("'=1+1,1,1")
