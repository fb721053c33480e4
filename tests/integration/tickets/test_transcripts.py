"""What is said, typed while listening: kept version by version, beside whatever else happens to the appeal."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from conftest import Desk, Person

pytestmark = pytest.mark.integration


async def types(
    who: "Person", ticket: dict[str, Any], text: str, *, version: int | None = None
) -> httpx.Response:
    seen = ticket["version"] if version is None else version
    return await who.put(
        f"tickets/{ticket['id']}/transcript", {"text": text}, headers={"If-Match": f'"{seen}"'}
    )


async def test_every_version_is_kept_and_the_last_one_is_shown(desk: "Desk") -> None:
    ticket = await desk.agent.register(text="Refused", transcript="Hello")
    for typed in ("Hello, they", "Hello, they have refused me"):
        answer = await types(desk.agent, ticket, typed)
        assert answer.status_code == 200, answer.text
        assert answer.json()["version"] == ticket["version"] + 1
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
        ticket = answer.json()
    whole = (await desk.agent.get(f"tickets/{ticket['id']}")).json()
    assert (whole["text"], whole["transcript"]) == ("Refused", "Hello, they have refused me")
    assert [one["kind"] for one in whole["contents"]] == ["text", *["transcript"] * 3]
    history = (await desk.boss.get(f"tickets/{ticket['id']}/history")).json()["items"]
    assert [(one["action"], one["who"]) for one in history[1:]] == [("transcribe", "a1")] * 2
    assert all(len(one["contents"]) == 1 for one in history[1:])
    assert whole["status"] == "new"
    assert "transcribe" not in whole["allowed"], "it has an address of its own"


async def test_the_same_again_changes_nothing(desk: "Desk") -> None:
    ticket = await desk.agent.register()
    ticket = (await types(desk.agent, ticket, "Hello")).json()
    again = await types(desk.agent, ticket, "Hello")
    assert (again.status_code, again.json()["version"]) == (200, ticket["version"])


async def test_of_two_who_type_at_once_nobody_loses_a_word(desk: "Desk") -> None:
    ticket = await desk.agent.register()
    assert (await types(desk.agent, ticket, "mine")).status_code == 200
    assert (await types(desk.specialist, ticket, "hers")).status_code == 412
    answer = await desk.agent.put(f"tickets/{ticket['id']}/transcript", {"text": "no version"})
    assert answer.status_code == 428
    whole = (await desk.agent.get(f"tickets/{ticket['id']}")).json()
    assert whole["transcript"] == "mine"


async def test_it_goes_on_after_a_typical_question_was_closed_but_not_once_it_was_merged(
    desk: "Desk",
) -> None:
    closed = await desk.agent.register(close={"answer": "From nine to six"})
    assert (await types(desk.agent, closed, "And on Sundays?")).status_code == 200
    into = await desk.boss.does(await desk.agent.register(), "take")
    merged = await desk.boss.does(await desk.agent.register(), "take")
    merged = await desk.boss.does(merged, "merge", into=into["id"])
    refused = await types(desk.agent, merged, "words")
    assert (refused.status_code, "merged" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize("text", ["", "  \n", None, 7])
async def test_what_is_no_text_is_refused_with_its_path(desk: "Desk", text: Any) -> None:
    ticket = await desk.agent.register()
    answer = await types(desk.agent, ticket, text)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "text"


async def test_an_insurer_neither_types_nor_learns_of_an_appeal_that_is_not_his(
    desk: "Desk",
) -> None:
    ticket = await desk.agent.register()
    assert (await types(desk.insurer, ticket, "x")).status_code == 403
    assert (await types(desk.agent, {"id": "nowhere", "version": 1}, "x")).status_code == 404
    refused = await desk.query(
        "SELECT what, refused FROM tickets.audit WHERE ticket_id = 'nowhere'"
    )
    assert refused == [{"what": "transcript", "refused": 404}]


async def test_it_goes_with_the_person(desk: "Desk") -> None:
    ticket = await desk.agent.register(
        person={"phone": "+79161234567"}, close={"answer": "From nine to six"}
    )
    assert (await types(desk.agent, ticket, "My name is Anna")).status_code == 200
    erased = await desk.boss.post("persons/erase", {"phone": "+79161234567"})
    assert erased.status_code == 200, erased.text
    whole = (await desk.agent.get(f"tickets/{ticket['id']}")).json()
    assert (whole["text"], whole["transcript"], whole["contents"]) == (None, None, [])
