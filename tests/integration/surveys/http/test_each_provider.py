"""What every HTTP provider has to stand: one suite for all kinds, each in its real formats."""

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

TEXT = "Оцените звонок от 1 до 5 & {пять} = 100 % ۵ 😀"


async def _asked(surveys, case, reference="r1", **changes):
    return await surveys.invite(reference, **({"phone": case.phone, "language": "ru"} | changes))


async def _configure(surveys, case, *others):
    await surveys.survey(sms=[case.fake.entry, *others], texts={"ru": TEXT})


async def test_a_message_arrives_as_it_was_written(surveys, case) -> None:
    await _configure(surveys, case)
    made = await _asked(surveys, case)
    await surveys.reaches(made["id"], "sent")
    [sent] = case.fake.sent
    assert (sent.to, sent.text, case.fake.wrong) == (case.phone, TEXT, [])
    assert surveys.metric("sms_total", provider=case.id, outcome="accepted") == 1


async def test_what_was_surely_not_taken_is_sent_later_and_once(surveys, case) -> None:
    """An error that comes with HTTP status 200, as most of them tell it, is an error."""
    case.fake.script = ["throttled", "account"]
    await _configure(surveys, case)
    made = await _asked(surveys, case)
    for refusals in (1, 2):
        await eventually(
            lambda n=refusals: surveys.metric("sms_total", provider=case.id, outcome="refused") == n
        )
        assert (await surveys.invitation(made["id"]))["status"] == "scheduled"
        surveys.clock.advance(90)
        surveys.inside.sender.wake()
    await surveys.reaches(made["id"], "sent")
    assert len(case.fake.sent) == 1


async def test_a_number_that_is_refused_is_never_tried_again(surveys, case) -> None:
    """Of the generic provider whatever it does not accept or put off is unknown (api.md)."""
    case.fake.script = ["refused_number"]
    await _configure(surveys, case)
    made = await _asked(surveys, case)
    if case.kind == "generic":
        await surveys.reaches(made["id"], "unknown")
    else:
        found = await surveys.reaches(made["id"], "failed")
        codes = ("411", "7", "21211", "MOBILE_NUMBER", "3")
        assert any(code in found["reason"] for code in codes)
    surveys.clock.advance(3600)
    await surveys.inside.sender.step()
    assert case.fake.sent == []


async def test_what_may_have_been_taken_is_never_sent_again(surveys, case) -> None:
    words = ["silence", "cut", "lost", "garbage", "empty", "500", "302"]
    await _configure(surveys, case)
    case.fake.script = list(words)
    for number, word in enumerate(words):
        await _asked(surveys, case, word, phone=case.another_phone(number))
    await eventually(
        lambda: surveys.metric("sms_total", provider=case.id, outcome="unknown") == len(words)
    )
    surveys.clock.advance(3600)
    await surveys.inside.sender.step()
    await surveys.inside.sender.settled()
    assert len(case.fake.sent) == len(words) - 1  # all but the lost one, and each once
    assert len({each.to for each in case.fake.sent}) == len(words) - 1


async def test_an_outcome_that_nobody_knows_is_looked_up_where_it_can_be(surveys, case) -> None:
    await _configure(surveys, case)
    case.fake.script = ["silence"]
    taken = await _asked(surveys, case, "taken")
    await surveys.reaches(taken["id"], "unknown")
    case.fake.script = ["lost"]
    lost = await _asked(surveys, case, "lost", phone=case.another_phone(1))
    await surveys.reaches(lost["id"], "unknown")
    case.fake.sent[0].state = "delivered"
    surveys.clock.advance(30)
    await surveys.inside.sender.upkeep()
    looks_up = case.kind in {"kavenegar", "smsc_ru", "twilio", "aliyun"}
    assert case.fake.asked == (2 if looks_up else 0)
    assert (await surveys.invitation(taken["id"]))["status"] == (
        "delivered" if looks_up else "unknown"
    )
    assert len(await surveys.events("careline.survey.invitation_sent.v1")) == int(looks_up)
    for pause in (60, 300, 1800, 7200, 40_000):
        surveys.clock.advance(pause)
        await surveys.inside.sender.upkeep()
        await surveys.inside.sender.step()
    assert (await surveys.invitation(lost["id"]))["status"] in {"unknown", "expired"}
    assert len(case.fake.sent) == 1
    assert case.fake.asked == (6 if looks_up else 0)


async def test_a_receipt_moves_its_message_on_and_a_repeat_does_nothing(surveys, case) -> None:
    await _configure(surveys, case)
    dialect = case.fake.dialect
    for number, state in enumerate(("delivered", "failed")):
        made = await _asked(surveys, case, state, phone=case.another_phone(number))
        await surveys.reaches(made["id"], "sent")
        sent, final = case.fake.sent[number], dialect.status(case.fake.sent[number], state)
        on_the_way = dialect.status(sent, "sent")
        answers = [
            await case.call(surveys.stranger, call) for call in (on_the_way, final, final, final)
        ]
        assert {(each.status_code, each.content) for each in answers} == {(200, dialect.thanks)}
        assert (await surveys.invitation(made["id"]))["status"] == state
        late = await case.call(surveys.stranger, dialect.status(sent, "sent"))
        assert late.status_code == 200
        assert (await surveys.invitation(made["id"]))["status"] == state
    # the generic fake signs its second "sent" anew, and it is the same receipt; Aliyun has no "sent"
    kept = await surveys.query("SELECT message_id, status FROM surveys.receipt WHERE matched")
    assert len(kept) == len(set(map(tuple, kept)))


async def test_a_receipt_for_an_unknown_id_is_kept_and_counted(surveys, case) -> None:
    await _configure(surveys, case)
    made = await _asked(surveys, case)
    await surveys.reaches(made["id"], "sent")
    [sent] = case.fake.sent
    strange = type(sent)(
        message_id="987654321", to=case.another_phone(9), text="", name="nobody's",
        extra={"query": "message=nobody"},
    )  # fmt: skip
    answer = await case.call(surveys.stranger, case.fake.dialect.status(strange, "delivered"))
    assert (answer.status_code, answer.content) == (200, case.fake.dialect.thanks)
    assert (await surveys.invitation(made["id"]))["status"] == "sent"
    assert surveys.metric("receipts_total", provider=case.id, result="unmatched") == 1
    assert len(await surveys.query("SELECT 1 FROM surveys.receipt WHERE NOT matched")) == 1


async def test_a_forged_callback_is_refused_and_leaves_nothing(surveys, case) -> None:
    await _configure(surveys, case)
    made = await _asked(surveys, case)
    await surveys.reaches(made["id"], "sent")
    dialect, [sent] = case.fake.dialect, case.fake.sent
    for call in (dialect.status(sent, "delivered"), dialect.inbound("1", case.phone, "1")):
        bare = type(call)(action=call.action, body=b"id=1&status=1", headers={})
        other = type(call)(action=call.action, query="", body=b"\xff\xfe%%%", headers=call.headers)
        for forged in (dialect.forged(call), bare, other):
            answer = await case.call(surveys.stranger, forged)
            assert (answer.status_code, answer.json()["type"]) == (401, "bad-signature")
    assert (await surveys.invitation(made["id"]))["status"] == "sent"
    for table in ("inbound", "receipt", "content"):
        assert await surveys.query(f"SELECT 1 FROM surveys.{table}") == []


async def test_a_reply_is_heard_once_whatever_is_repeated(surveys, case) -> None:
    await _configure(surveys, case)
    dialect = case.fake.dialect
    for number, text in enumerate(("5!", " ۵ ", "отлично & спасибо")):
        phone = case.another_phone(number)
        made = await _asked(surveys, case, text, phone=phone)
        await surveys.reaches(made["id"], "sent")
        call = dialect.inbound(f"424{number}", phone, text)
        answers = [await case.call(surveys.stranger, call) for _ in range(2)]
        assert {(each.status_code, each.content) for each in answers} == {(200, dialect.thanks)}
        found = await surveys.invitation(made["id"])
        assert [each["score"] for each in found["answers"]] == [5]
    kept = await surveys.query(
        "SELECT c.text FROM surveys.inbound i JOIN surveys.content c ON c.id = i.content_id"
    )
    assert sorted(row["text"] for row in kept) == sorted(["5!", " ۵ ", "отлично & спасибо"])


async def test_nobody_else_may_call_in_its_name(surveys, case) -> None:
    """A provider that is not configured, or has no callbacks, is an unknown sender."""
    smpp = {"id": "s1", "kind": "smpp", "host": "smsc", "port": 2775, "system_id": "S"}
    await _configure(surveys, case, smpp, {"id": "con", "kind": "console"})
    call = case.fake.dialect.inbound("1", case.phone, "5")
    for name in ("s1", "con", "nobody"):
        answer = await surveys.stranger.post(
            f"/v1/sms/{name}/{call.target}", content=call.body, headers=dict(call.headers)
        )
        assert answer.status_code == 401
