"""Mail that looks like a program's and belongs to no appeal is held: nothing of it vanishes unseen."""

from datetime import timedelta
from typing import Any

import pytest
from mail.letters import CITIZEN, letter
from mail.post import BOX, Post

from careline_common.testing.waiting import eventually
from careline_tickets.mail_holding import DECISIONS_KEPT, HELD_FOR, HeldMailUpkeep

pytestmark = pytest.mark.integration

LIST = {"List_Id": "<patients.example>"}
PDF = ("report.pdf", "application/pdf", b"%PDF-1.7 report")


async def held(post: Post, **conditions: str) -> list[dict[str, Any]]:
    answer = await post.desk.agent.get("mail/held", **conditions)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def audited(post: Post) -> list[str]:
    rows = await post.desk.query("SELECT what FROM tickets.audit ORDER BY id")
    return [row["what"] for row in rows if row["what"].startswith("held")]


def upkeep_of(post: Post) -> HeldMailUpkeep:
    office = post.desk.service.app.state.office
    return HeldMailUpkeep(office.database, office.metrics)


async def test_a_held_mail_is_seen_whole_and_every_look_is_audited(post: Post) -> None:
    await post.comes(letter("Не дали лекарство", subject="Жалоба", files=(PDF,), **LIST))
    [one] = await held(post)
    assert (one["mark"], one["state"], one["sender"], one["subject"], one["whole"]) == (
        "list", "held", CITIZEN, "Жалоба", True,
    )  # fmt: skip
    whole = (await post.desk.agent.get(f"mail/held/{one['id']}")).json()
    assert whole["text"] == "Не дали лекарство"
    assert whole["files"] == [{"name": "report.pdf", "declared": "application/pdf", "size": 15}]
    assert await audited(post) == ["held mails", "held mail"]
    metrics = (await post.desk.client.get("/metrics")).text
    assert 'careline_tickets_mail_in_total{outcome="held"} 1.0' in metrics


async def test_a_held_mail_is_opened_once_with_its_files_and_its_sender_is_told(
    post: Post,
) -> None:
    await post.comes(letter("Не дали лекарство", name="<1@home>", files=(PDF,), **LIST))
    [one] = await held(post)
    came = post.desk.clock.now()
    post.desk.clock.advance(7200)
    agent = post.desk.agent
    opened = await agent.post(f"mail/held/{one['id']}/open", None)
    assert opened.status_code == 201, opened.text
    [appeal] = await post.appeals()
    assert opened.headers["Location"].endswith(f"/v1/tickets/{appeal['id']}")
    assert appeal["text"].endswith("Не дали лекарство")
    assert appeal["registered_at"] == came.isoformat().replace("+00:00", "Z")
    assert appeal["contents"][0]["by"] == "a1"
    files = (await agent.get(f"tickets/{appeal['id']}/attachments")).json()["items"]
    assert [file["name"] for file in files] == ["report.pdf"]
    [mail] = await post.written(1)
    assert (mail.to, appeal["number"] in mail.subject) == (CITIZEN, True)
    again = await agent.post(f"mail/held/{one['id']}/open", None)
    assert (again.status_code, again.json()["id"]) == (200, appeal["id"])
    assert await post.outcomes() == ["opened"]
    refused = await post.desk.boss.post(f"mail/held/{one['id']}/discard", {"reason": "spam"})
    assert (refused.status_code, refused.json()["ticket"]) == (409, appeal["id"])
    await post.comes(letter("More", reply_to="<1@home>"))
    assert len(await post.appeals()) == 1, "his next mail finds it"


async def test_nobody_is_written_to_where_nobody_reads(post: Post) -> None:
    await post.comes(letter("Order 5 failed", sender="Shop <noreply@shop.example>"))
    [one] = await held(post)
    assert one["mark"] == "no-reply-address"
    await post.desk.agent.post(f"mail/held/{one['id']}/open", None)
    assert len(await post.appeals()) == 1
    await post.comes(letter(name="<2@home>"))
    assert [mail.to for mail in await post.written(1)] == [CITIZEN]


async def test_what_is_discarded_is_gone_and_who_discarded_it_and_why_stays(post: Post) -> None:
    await post.comes(letter("Buy now", sender="x@shop.example", Precedence="bulk"))
    [one] = await held(post)
    path = f"mail/held/{one['id']}/discard"
    assert (await post.desk.agent.post(path, {"reason": "spam"})).status_code == 403
    assert (await post.desk.boss.post(path, {"reason": " "})).status_code == 422
    for _ in range(2):
        gone = await post.desk.boss.post(path, {"reason": "advertising"})
        assert gone.status_code == 200, gone.text
    assert await held(post) == []
    [kept] = await held(post, state="discarded")
    assert (kept["decided_by"], kept["reason"]) == ("boss", "advertising")
    assert (kept["sender"], kept["subject"]) == (None, "")
    [row] = await post.desk.query("SELECT raw, sender_key FROM tickets.mail_held")
    assert (bytes(row["raw"]), row["sender_key"]) == (b"", None)
    opened = await post.desk.agent.post(f"mail/held/{one['id']}/open", None)
    assert opened.status_code == 409
    assert (await audited(post)).count("held mail discarded") == 1
    post.desk.clock.advance(DECISIONS_KEPT.total_seconds() + 1)
    await upkeep_of(post).step()
    assert await held(post, state="discarded") == []


async def test_what_nobody_judges_in_time_is_gone_and_that_is_seen(post: Post) -> None:
    await post.comes(letter("News", **LIST))
    [one] = await held(post)
    post.desk.clock.advance((HELD_FOR - timedelta(minutes=1)).total_seconds())
    assert await upkeep_of(post).step() == 0
    post.desk.clock.advance(120)
    await upkeep_of(post).step()
    [kept] = await held(post, state="expired")
    assert (kept["id"], kept["sender"], kept["decided_by"]) == (one["id"], None, "system")
    assert await post.outcomes() == ["expired"]


async def test_only_who_handles_mail_sees_what_is_held(post: Post) -> None:
    await post.comes(letter(**LIST))
    [one] = await held(post)
    for role in ("insurer", "expert", "admin", "auditor"):
        person = post.desk.person(role)
        assert (await person.get("mail/held")).status_code == 403
        assert (await person.get(f"mail/held/{one['id']}")).status_code == 403
    assert (await post.desk.agent.get("mail/held/nothing")).status_code == 404
    assert (await post.desk.agent.post("mail/held/nothing/open", None)).status_code == 404


async def test_pages_of_held_mail_follow_each_other(post: Post) -> None:
    for number in range(3):
        await post.comes(letter(f"News {number}", **LIST))
    first = (await post.desk.agent.get("mail/held", limit=2)).json()
    second = (await post.desk.agent.get("mail/held", limit=2, cursor=first["next"])).json()
    ids = [one["id"] for one in (*first["items"], *second["items"])]
    assert (len(ids), len(set(ids)), second["next"]) == (3, 3, None)


async def test_a_mail_that_is_too_large_and_whose_sender_cannot_be_told_is_held(
    post: Post,
) -> None:
    small = {**BOX, "max_bytes": 10_000}
    await post.desk.person("admin").put("config", {"careline": 1, "mailboxes": [small]})
    await post.comes(letter("x" * 20_000, subject="Снимок", **LIST))
    [one] = await held(post)
    assert (one["subject"], one["whole"]) == ("Снимок", False)


async def test_the_files_of_a_reply_are_kept_whatever_list_it_came_by(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [mail] = await post.written(1)
    await post.comes(letter("Here", reply_to=mail.message_id, files=(PDF,), **LIST))
    bounce = {"sender": "MAILER-DAEMON@mx.example", "Return_Path": "<>"}
    await post.comes(letter("No", reply_to=mail.message_id, files=(PDF,), **bounce))
    [appeal] = await post.appeals()
    files = await post.desk.agent.get(f"tickets/{appeal['id']}/attachments")
    assert [file["name"] for file in files.json()["items"]] == ["report.pdf"]
    assert "Not attached: report.pdf came with a program's mail" in appeal["contents"][-1]["text"]


async def test_who_is_erased_is_in_no_held_mail(post: Post) -> None:
    await post.comes(letter("Не дали лекарство", subject="Жалоба", **LIST))
    admin, who = post.desk.person("admin"), {"mail_address": CITIZEN}
    given = (await admin.post("persons/export", who)).json()
    assert given["known"]
    assert [one["text"] for one in given["held_mail"]] == ["Не дали лекарство"]
    assert (await admin.post("persons/erase", who)).json()["erased"]
    assert await held(post) == []
    rows = await post.desk.query("SELECT raw, sender FROM tickets.mail_held")
    assert [(bytes(row["raw"]), row["sender"]) for row in rows] == [(b"", None)]
    keys = await post.desk.query("SELECT sender_key FROM tickets.mail_in")
    assert keys == [{"sender_key": None}]
    await eventually(lambda: not post.box.inbox, what="nothing to be left")
