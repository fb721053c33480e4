"""The insurers' page: what is theirs alone, one answer however often it is sent, nothing lost of what was typed."""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(loop_scope="session")
async def browser(desk: "Desk") -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser: it keeps cookies, and follows where it is sent."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(desk.service.app),
        base_url="https://journal",
        follow_redirects=True,
    ) as made:
        yield made


def token(desk: "Desk", *roles: str, insurer: str | None = None, subject: str = "op7") -> str:
    return desk.issuer.token(subject=subject, roles=roles, insurer=insurer, ttl_s=3600)


async def signs_in(browser: httpx.AsyncClient, given: str) -> httpx.Response:
    return await browser.post("/v1/insurer/session", data={"token": given})


async def with_insurer(desk: "Desk", insurer: str = "ins7", **fields: Any) -> dict[str, Any]:
    ticket = await desk.specialist.does(await desk.agent.register(**fields), "take")
    return await desk.specialist.does(ticket, "send_to_insurer", insurer=insurer)


async def test_who_signs_in_sees_what_waits_for_him_and_answers_it(
    desk: "Desk", browser: httpx.AsyncClient
) -> None:
    mine = await with_insurer(
        desk, text="<b>Refused</b>", person={"name": "Anna", "phone": "+79161234567"}
    )
    other = await with_insurer(desk, "ins8", text="of another")
    shown = await signs_in(browser, token(desk, "insurer", insurer="ins7"))
    assert (shown.status_code, shown.url.path) == (200, "/v1/insurer")
    assert mine["number"] in shown.text
    assert other["number"] not in shown.text
    page = await browser.get(f"/v1/insurer/appeals/{mine['id']}")
    assert "&lt;b&gt;Refused&lt;/b&gt;" in page.text
    assert "Anna, +79161234567" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    (version,) = re.findall(r'name="version" value="(\d+)"', page.text)
    answer = {"text": "We pay\r\nnow", "version": version}
    for _ in range(2):
        sent = await browser.post(f"/v1/insurer/appeals/{mine['id']}", data=answer)
        assert (sent.status_code, "was sent" in sent.text) == (200, True), sent.text
    now = (await desk.boss.get(f"tickets/{mine['id']}")).json()
    assert (now["status"], now["answered_by"]) == ("in_review", "insurer")
    answers = [one for one in now["contents"] if one["kind"] == "insurer_answer"]
    assert [(one["by"], one["text"]) for one in answers] == [("op7", "We pay\nnow")]
    assert "Nothing waits" in (await browser.get("/v1/insurer")).text
    noted = await desk.query("SELECT who, what FROM tickets.audit WHERE who = 'op7'")
    assert ("op7", "ticket") in [(row["who"], row["what"]) for row in noted]


async def test_anothers_appeal_is_none_and_the_guess_is_noted(
    desk: "Desk", browser: httpx.AsyncClient
) -> None:
    other = await with_insurer(desk, "ins8")
    await signs_in(browser, token(desk, "insurer", "agent", "contact_admin", insurer="ins7"))
    for ticket_id in (other["id"], "nothing"):
        seen = await browser.get(f"/v1/insurer/appeals/{ticket_id}")
        sent = await browser.post(
            f"/v1/insurer/appeals/{ticket_id}", data={"text": "x", "version": other["version"]}
        )
        assert (seen.status_code, sent.status_code) == (404, 404)
        assert seen.text == sent.text, "nothing tells them apart"
    tried = await desk.query("SELECT DISTINCT ticket_id FROM tickets.audit WHERE refused = 404")
    assert {row["ticket_id"] for row in tried} == {other["id"], "nothing"}
    assert (await desk.boss.get(f"tickets/{other['id']}")).json()["status"] == "with_insurer"


async def test_what_was_typed_stays_when_it_cannot_be_sent(
    desk: "Desk", browser: httpx.AsyncClient
) -> None:
    mine = await with_insurer(desk)
    await signs_in(browser, token(desk, "insurer"))  # whose insurer the configuration knows
    path = f"/v1/insurer/appeals/{mine['id']}"
    late = await browser.post(path, data={"text": "my <words>", "version": "1"})
    assert (late.status_code, "my &lt;words&gt;" in late.text) == (409, True)
    empty = await browser.post(path, data={"text": " \u200b ", "version": mine["version"]})
    assert (empty.status_code, "Write an answer" in empty.text) == (422, True)
    assert (await desk.boss.get(f"tickets/{mine['id']}")).json()["version"] == mine["version"]


async def test_an_answer_that_was_returned_and_is_sent_from_an_old_page_is_not_said_to_be_sent(
    desk: "Desk", browser: httpx.AsyncClient
) -> None:
    mine = await with_insurer(desk)
    await signs_in(browser, token(desk, "insurer", insurer="ins7"))
    path = f"/v1/insurer/appeals/{mine['id']}"
    answer = {"text": "We pay", "version": mine["version"]}
    assert (await browser.post(path, data=answer)).status_code == 200
    answered = (await desk.boss.get(f"tickets/{mine['id']}")).json()
    returned = await desk.boss.does(answered, "return", reason="how much?")
    assert returned["status"] == "with_insurer"
    again = await browser.post(path, data=answer)
    assert (again.status_code, "has changed meanwhile" in again.text) == (409, True)


async def test_who_was_refused_signs_in_from_the_page_that_says_so(
    desk: "Desk", browser: httpx.AsyncClient
) -> None:
    refused = await signs_in(browser, "nonsense")
    (action,) = re.findall(r'action="([^"]+)"', refused.text)
    given = {"token": token(desk, "insurer", insurer="ins7")}
    from_afar = {"Sec-Fetch-Site": "cross-site"}
    foreign = await browser.post(refused.url.join(action), data=given, headers=from_afar)
    assert (foreign.status_code, bool(browser.cookies)) == (401, False)
    shown = await browser.post(refused.url.join(action), data=given)
    assert (shown.status_code, shown.url.path) == (200, "/v1/insurer")


@pytest.mark.parametrize("roles", [("agent",), ("contact_admin",), ("expert",)])
async def test_nobody_elses_token_opens_it(
    desk: "Desk", browser: httpx.AsyncClient, roles: tuple[str, ...]
) -> None:
    for given in (token(desk, *roles, subject="a1"), "nonsense", ""):
        refused = await signs_in(browser, given)
        assert (refused.status_code, "not valid here" in refused.text) == (401, True)
    assert not browser.cookies
    mine = await with_insurer(desk)
    for answer in (
        await browser.get(f"/v1/insurer/appeals/{mine['id']}"),
        await browser.post(f"/v1/insurer/appeals/{mine['id']}", data={"text": "x", "version": "3"}),
    ):
        assert 'name="token"' in answer.text
    assert (await desk.boss.get(f"tickets/{mine['id']}")).json()["status"] == "with_insurer"


async def test_no_other_site_answers_in_his_name_and_no_script_has_his_token(
    desk: "Desk", browser: httpx.AsyncClient
) -> None:
    mine = await with_insurer(desk)
    kept = await browser.post(
        "/v1/insurer/session", data={"token": token(desk, "insurer")}, follow_redirects=False
    )
    cookie = kept.headers["set-cookie"].lower()
    assert all(mark in cookie for mark in ("httponly", "samesite=strict", "secure"))
    answer = {"text": "x", "version": mine["version"]}
    from_afar = {"Sec-Fetch-Site": "cross-site"}
    path = f"/v1/insurer/appeals/{mine['id']}"
    sent = await browser.post(path, data=answer, headers=from_afar, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "../../insurer")
    assert (await desk.boss.get(f"tickets/{mine['id']}")).json()["status"] == "with_insurer"
    assert 'name="token"' in (await browser.post("/v1/insurer/end")).text
    assert 'name="token"' in (await browser.get("/v1/insurer")).text


@pytest.mark.parametrize("language", ["en", "ru", "fa", "zh"])
async def test_it_speaks_four_languages(
    desk: "Desk", browser: httpx.AsyncClient, language: str
) -> None:
    page = await browser.get("/v1/insurer", headers={"Accept-Language": f"{language};q=0.9"})
    assert f'lang="{language}"' in page.text
    assert ('dir="rtl"' in page.text) == (language == "fa")
