"""Appeals of several people may be merged: each goes on in his own, and is told of his own alone."""

from typing import Any

import pytest
from mail.letters import CITIZEN, letter
from mail.post import Post

pytestmark = pytest.mark.integration

OTHER = "anna@home.example"


async def two_merged(post: Post, second: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """An appeal of `second`'s that was merged into one of CITIZEN's; both, and the name of the mail that
    acknowledged the merged one."""
    await post.comes(letter("First", name="<1@home>"))
    await post.comes(letter("Second", name="<2@home>", sender=second))
    mails = await post.written(2)
    standing, merged = await post.appeals()
    boss = post.desk.boss
    await boss.does(await boss.does(merged, "take"), "merge", into=standing["id"])
    return standing, merged, mails[1].message_id


async def test_a_mail_to_a_merged_appeal_goes_into_the_standing_one_of_its_own_writer(
    post: Post,
) -> None:
    standing, _, name = await two_merged(post, CITIZEN)
    await post.comes(letter("More", reply_to=name))
    appeals = await post.appeals()
    assert len(appeals) == 2
    assert appeals[0]["contents"][-1]["text"] == "More"
    assert (appeals[0]["id"], await post.outcomes()) == (
        standing["id"], ["registered", "registered", "added"],
    )  # fmt: skip


async def test_a_mail_to_a_merged_appeal_of_somebody_else_is_one_of_his_own(post: Post) -> None:
    standing, merged, name = await two_merged(post, OTHER)
    await post.comes(letter("My secret", reply_to=name, sender=OTHER))
    first, second, own = await post.appeals()
    assert (own["follows"], second["followed_by"]) == (merged["id"], own["id"])
    assert all("My secret" not in text["text"] for text in first["contents"])
    assert merged["number"] in first["contents"][-1]["text"], "whoever has it is told where to look"
    await post.comes(letter("And more", reply_to=name, sender=OTHER))
    assert len(await post.appeals()) == 3
    assert await post.outcomes() == ["registered", "registered", "followed", "added"]
    await post.comes(letter("Mine again", reply_to="<1@home>"))
    assert (await post.appeals())[0]["contents"][-1]["text"] == "Mine again"
    assert standing["id"] == first["id"]


async def test_who_writes_again_to_what_is_closed_twice_goes_on_from_his_newest(post: Post) -> None:
    await post.comes(letter("First", name="<1@home>"))
    await post.closed((await post.appeals())[0])
    await post.comes(letter("Again", reply_to="<1@home>"))
    await post.closed((await post.appeals())[1])
    await post.comes(letter("And again", reply_to="<1@home>"))
    first, second, third = await post.appeals()
    assert (second["follows"], third["follows"]) == (first["id"], second["id"])
    assert (first["followed_by"], second["followed_by"]) == (second["id"], third["id"])


async def test_another_with_the_proof_of_a_closed_appeal_opens_one_of_his_own(post: Post) -> None:
    """What he is answered is his; who the appeal was from goes on in his own."""
    await post.comes(letter("First", name="<1@home>"))
    [mail] = await post.written(1)
    await post.closed((await post.appeals())[0])
    await post.comes(letter("I am his daughter", subject=f"Fwd: {mail.subject}", sender=OTHER))
    await post.comes(letter("And I am he", reply_to=mail.message_id))
    first, hers, his = await post.appeals()
    assert (hers["follows"], his["follows"]) == (first["id"], first["id"])
    assert await post.outcomes() == ["registered", "followed", "followed"]


@pytest.mark.parametrize("writer", [CITIZEN, OTHER])
async def test_an_answer_goes_to_who_asked_and_no_answer_of_his_to_whom_it_stands_for(
    post: Post, writer: str
) -> None:
    standing, merged, _ = await two_merged(post, writer)
    await post.closed((await post.appeals())[0], "Your drug is at the clinic, Ivan.")
    mails = (await post.written(3 if writer == CITIZEN else 4))[2:]
    told = {mail.to: mail for mail in mails}
    assert "Ivan" in told[CITIZEN].text
    if writer == OTHER:
        assert "Ivan" not in told[OTHER].text
        assert merged["number"] in told[OTHER].text
        assert standing["number"] not in told[OTHER].text + told[OTHER].subject
        assert told[OTHER].automatic
