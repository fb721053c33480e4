"""Mails as appeals, and answers as mails: over mail servers in memory, and a real database."""

import re
from typing import Any

import pytest
from mail.letters import CENTRE, CITIZEN, letter
from mail.post import BOX, SERVER, Post

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def test_a_mail_is_an_appeal_with_who_wrote_it_and_is_acknowledged(post: Post) -> None:
    await post.comes(letter("Мне не дали лекарство.", subject="Нет лекарств", name="<1@home>"))
    [appeal] = await post.appeals()
    assert (appeal["channel"], appeal["kind"], appeal["subject"]) == (
        "email", "consultation", "refusal",
    )  # fmt: skip
    assert appeal["text"] == "Нет лекарств\n\nМне не дали лекарство."
    assert appeal["person"]["name"] == "Ivan Petrov"
    [mail] = await post.written(1)
    assert (mail.to, mail.automatic, mail.envelope_from) == (CITIZEN, True, "")
    assert mail.references == ("<1@home>",)
    assert appeal["number"] in mail.subject
    assert appeal["tracking_code"] in mail.text
    assert "01.04.2026" in mail.text  # the thirtieth day's end, not the day after
    assert len(post.box.done) == 1


async def test_mail_may_have_a_promise_of_its_own(post: Post) -> None:
    own = {"id": "mail", "calendar": "c1", "channels": ["email"], "clocks": {"statutory": "5d"}}
    await post.desk.person("admin").put("config", {"careline": 1, "deadlines": [own]})
    await post.comes(letter("Жалоба", name="<1@home>"))
    [mail] = await post.written(1)
    assert "2026-03-07" in mail.text


async def test_an_answer_goes_out_once_when_the_appeal_is_closed_with_it(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [appeal] = await post.appeals()
    await post.closed(appeal, "We have ordered it. Come tomorrow.")
    mails = await post.written(2)
    assert mails[1].text == "We have ordered it. Come tomorrow."
    assert (mails[1].automatic, mails[1].envelope_from) == (False, CENTRE)
    kept = await post.desk.query("SELECT * FROM tickets.mail_out")
    assert {(row["state"], row["address"], row["subject"], row["body"]) for row in kept} == {
        ("sent", "", "", "")
    }


async def test_an_answer_that_is_looked_at_goes_out_when_it_is_accepted(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [appeal] = await post.appeals()
    boss = post.desk.boss
    answered = await boss.does(await boss.does(appeal, "take"), "answer", text="First try")
    back = await boss.does(answered, "return", reason="too short")
    answered = await boss.does(back, "answer", text="The whole answer")
    await boss.does(answered, "accept", outcome="justified")
    mails = await post.written(2)
    assert mails[1].text == "The whole answer"


async def test_a_reply_goes_to_its_appeal_by_the_mail_it_answers(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [mail] = await post.written(1)
    await post.comes(letter("It was on Monday.", reply_to=mail.message_id, subject="something"))
    [appeal] = await post.appeals()
    assert [(text["kind"], text["text"]) for text in appeal["contents"]][-1] == (
        "note", "It was on Monday.",
    )  # fmt: skip
    assert await post.outcomes() == ["registered", "added"]


async def test_a_reply_goes_to_its_appeal_by_the_token_alone(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [mail] = await post.written(1)
    daughter = letter(
        "I write for my father.", subject=f"Fwd: {mail.subject}", sender="d@home.example"
    )
    await post.comes(daughter)
    [appeal] = await post.appeals()
    assert appeal["contents"][-1]["text"] == "d@home.example:\n\nI write for my father."
    number = re.search(r"T-\d+-\d+", mail.subject)
    assert number is not None
    await post.comes(
        letter("I guess.", subject=f"[{number[0]}-AAAAAAAAAA]", sender="e@evil.example")
    )
    assert len(await post.appeals()) == 2, "a wrong token opens nobody's appeal"


async def test_nobody_joins_an_appeal_by_naming_a_mail_of_somebody_else(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    await post.comes(
        letter("Me too", reply_to="<1@home>", sender="e@evil.example", name="<2@evil>")
    )
    assert len(await post.appeals()) == 2
    await post.comes(letter("And more", reply_to="<1@home>", name="<3@home>"))
    assert await post.outcomes() == ["registered", "registered", "added"]


async def test_nobody_joins_the_appeal_of_who_is_erased_by_having_no_address(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    await post.closed((await post.appeals())[0])
    erased = await post.desk.person("admin").post("persons/erase", {"mail_address": CITIZEN})
    assert erased.json()["erased"]
    await post.comes(b"References: <1@home>\r\nSubject: Hello\r\n\r\nI am nobody.")
    assert await post.outcomes() == ["registered", "registered"]


async def test_a_mail_whose_header_no_table_takes_is_taken(post: Post) -> None:
    head = f"From: {CITIZEN}\r\nMessage-ID: <a\0b@home>\r\nSubject: =?undefined?q?H?= \\u \0\r\n"
    kind = "Content-Type: application/p\0df\r\n\r\n"
    await post.comes((head + kind + "x").encode())
    assert await post.outcomes() == ["registered"]


async def test_a_mail_of_which_the_server_gives_nothing_stays_until_it_does(post: Post) -> None:
    post.box.withheld = {1}
    uid = post.box.deliver(letter(name="<1@home>"))
    await post.comes(letter("Another", name="<2@home>"), leaving={uid})
    post.box.withheld = set()
    await eventually(lambda: not post.box.inbox, what="the mail to be taken")
    assert await post.outcomes() == ["registered", "registered"]


async def test_who_is_waited_for_is_asked_and_goes_on_by_his_mail(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [appeal] = await post.appeals()
    boss = post.desk.boss
    await boss.does(await boss.does(appeal, "take"), "wait", **{"for": "The prescription, please."})
    mails = await post.written(2)
    assert mails[1].text.endswith("The prescription, please.")
    await post.comes(letter("Here it is.", reply_to=mails[1].message_id))
    [appeal] = await post.appeals()
    assert appeal["status"] == "in_work"


async def test_a_reply_to_a_closed_appeal_opens_one_that_goes_on_from_it(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [appeal] = await post.appeals()
    await post.closed(appeal)
    mails = await post.written(2)
    await post.comes(letter("They sent me away again.", reply_to=mails[1].message_id))
    first, second = await post.appeals()
    assert (first["followed_by"], second["follows"]) == (second["id"], first["id"])
    await post.comes(letter("And again.", reply_to=mails[1].message_id))
    assert len(await post.appeals()) == 2, "it goes to the one that is open"
    assert await post.outcomes() == ["registered", "followed", "added"]


async def test_the_same_mail_again_is_nothing_new_and_other_words_under_its_name_are(
    post: Post,
) -> None:
    raw = letter(name="<1@home>")
    await post.comes(raw)
    await post.comes(raw)
    post.box.deliver(raw)
    post.box.renumber()
    await eventually(lambda: not post.box.inbox)
    assert await post.outcomes() == ["registered", "repeated", "repeated"]
    await post.comes(letter("Other words", name="<1@home>"))
    assert len(await post.appeals()) == 2


@pytest.mark.parametrize(
    "marks",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"List_Id": "<news.example>"},
        {"Return_Path": "<>"},
        {"sender": CENTRE},
        {"sender": "MAILER-DAEMON@mx.example"},
    ],
    ids=str,
)
async def test_programs_are_neither_registered_nor_answered(
    post: Post, marks: dict[str, str]
) -> None:
    await post.comes(letter(name="<1@home>", **marks))
    assert await post.appeals() == []
    assert await post.outcomes() == ["held"]
    await post.comes(letter(name="<2@home>"))
    assert len(await post.written(1)) == 1


async def test_a_bounce_of_our_mail_stands_in_its_appeal(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [mail] = await post.written(1)
    bounce = letter("No such user", sender="MAILER-DAEMON@mx.example", reply_to=mail.message_id)
    await post.comes(bounce)
    [appeal] = await post.appeals()
    assert "No such user" in appeal["contents"][-1]["text"]
    assert appeal["status"] == "new"


async def test_a_loop_ends_and_nothing_of_it_is_lost(post: Post) -> None:
    for number in range(25):
        post.box.deliver(letter(f"word {number}", name=f"<{number}@home>"))
    await eventually(lambda: not post.box.inbox)
    outcomes = await post.outcomes()
    assert outcomes.count("registered") == 20
    assert outcomes.count("added") == 5
    await post.written(5)
    newest = (await post.appeals())[-1]
    assert [text["text"] for text in newest["contents"]][-1] == "word 24"


async def test_a_mail_that_is_too_large_is_refused_with_an_answer(post: Post) -> None:
    small = {**BOX, "max_bytes": 10_000}
    await post.desk.person("admin").put("config", {"careline": 1, "mailboxes": [small]})
    await post.comes(letter("x" * 20_000, subject="Снимок", name="<1@home>"))
    assert (await post.appeals(), await post.outcomes()) == ([], ["too_large"])
    [mail] = await post.written(1)
    assert (mail.to, mail.automatic) == (CITIZEN, True)
    assert "не принято" in mail.text


@pytest.mark.parametrize(
    ("outcome", "noted"), [("unknown", "may have arrived or not"), ("refused", "was not taken")]
)
async def test_an_answer_of_which_nobody_can_say_is_never_sent_again_and_said(
    post: Post, outcome: Any, noted: str
) -> None:
    await post.comes(letter(name="<1@home>"))
    await post.written(1)
    post.out.plan.append(outcome)
    [appeal] = await post.appeals()
    await post.closed(appeal)

    async def settled() -> bool:
        rows = await post.desk.query("SELECT state FROM tickets.mail_out ORDER BY id")
        return [row["state"] for row in rows] == ["sent", outcome]

    await eventually(settled)
    [appeal] = await post.appeals()
    assert noted in appeal["contents"][-1]["text"]


async def test_a_mail_that_was_surely_not_taken_is_tried_again_until_it_is(post: Post) -> None:
    post.out.plan += ["not_taken", "not_taken"]
    await post.comes(letter(name="<1@home>"))

    async def tries(count: int) -> bool:
        rows = await post.desk.query("SELECT attempts, state FROM tickets.mail_out")
        return [(row["attempts"], row["state"]) for row in rows] == [(count, "queued")]

    for count, minutes in ((1, 1), (2, 2)):
        await eventually(lambda count=count: tries(count))
        post.desk.clock.advance(minutes * 60)
    await post.written(1)


async def test_who_is_erased_is_in_no_table_of_mail(post: Post) -> None:
    await post.comes(letter(name="<1@home>"))
    [appeal] = await post.appeals()
    await post.closed(appeal)
    await post.written(2)
    admin, who = post.desk.person("admin"), {"mail_address": CITIZEN.upper()}
    given = (await admin.post("persons/export", who)).json()
    assert [one["mail_address"] for one in given["appeals"]] == [CITIZEN]
    erased = (await admin.post("persons/erase", who)).json()
    assert (erased["erased"], erased["appeals"]) == (True, 1)
    for table in ("correspondent", "person", "content"):
        assert await post.desk.query(f"SELECT * FROM tickets.{table}") == []
    [row] = await post.desk.query("SELECT sender_key FROM tickets.mail_in")
    assert row["sender_key"] is None


async def test_what_a_mailbox_needs_is_checked_and_its_password_never_shown(post: Post) -> None:
    admin = post.desk.person("admin")
    entry = post.desk.service.app.state.office.rules.mailboxes["m1"]
    assert SERVER["password"] not in repr(entry.imap.mail_server)
    for wrong, path in (
        ({"address": "no address"}, "address"),
        ({"subject": "nothing"}, "subject"),
        ({"imap": {**SERVER, "done": "INBOX"}}, "imap"),
    ):
        answer = await admin.put("config", {"careline": 1, "mailboxes": [{**BOX, **wrong}]})
        assert answer.status_code == 422
        assert path in answer.text
