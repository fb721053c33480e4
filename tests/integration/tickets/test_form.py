"""The public form: four languages, no token, no script, one appeal however often it is sent."""

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from careline_tickets.api import form_page

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.integration

GIVEN = {
    "kind": "complaint",
    "text": "Отказали в приёме",
    "name": "Анна",
    "phone": "8 916 123-45-67",
}


async def fresh_key(desk: "Desk", **headers: str) -> tuple[str, str]:
    """The page and its key."""
    page = await desk.client.get("/v1/form", headers=headers)
    assert page.status_code == 200
    found = re.search(r'name="key" value="([0-9a-f]{32})"', page.text)
    assert found is not None
    return page.text, found[1]


async def send(desk: "Desk", lang: str = "ru", **fields: str) -> httpx.Response:
    return await desk.client.post("/v1/form", params={"lang": lang}, data=fields)


@pytest.mark.parametrize(
    ("accepted", "language", "direction", "send_word"),
    [
        ("fa-IR,en;q=0.5", "fa", "rtl", "ارسال"),
        ("ru", "ru", "ltr", "Отправить"),
        ("zh-CN", "zh", "ltr", "提交"),
        ("de, en;q=0.1", "en", "ltr", "Send"),
        ("", "en", "ltr", "Send"),
    ],
)
async def test_it_speaks_the_browsers_language(
    desk: "Desk", accepted: str, language: str, direction: str, send_word: str
) -> None:
    page, _ = await fresh_key(desk, **{"Accept-Language": accepted})
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert f"<button>{send_word}</button>" in page
    assert "<script" not in page


async def test_an_appeal_by_the_form_is_followed_by_its_code(desk: "Desk") -> None:
    _, key = await fresh_key(desk)
    sent = await send(desk, key=key, **GIVEN)
    assert sent.status_code == 201
    code = re.search(r"<code[^>]*>([^<]+)</code>", sent.text)
    assert code is not None
    assert (await desk.nobody.get(f"track/{code[1]}")).json()["status"] == "new"
    again = await send(desk, key=key, **GIVEN)
    assert (again.status_code, code[1] in again.text) == (200, True)
    found = (await desk.agent.post("tickets/search", {"phone": "+79161234567"})).json()["items"]
    assert [(one["channel"], one["kind"]) for one in found] == [("portal", "complaint")]


async def test_other_words_in_the_same_form_are_another_appeal(desk: "Desk") -> None:
    """Who goes back and writes more, or about something else, has said it, and it is not lost."""
    _, key = await fresh_key(desk)
    first = await send(desk, key=key, **GIVEN)
    second = await send(desk, key=key, **GIVEN | {"text": "Отказали и в анализах"})
    assert (first.status_code, second.status_code) == (201, 201)
    again = await send(desk, key=key, **GIVEN)
    code = re.search(r"<code[^>]*>([^<]+)</code>", first.text)
    assert code is not None
    assert (again.status_code, code[1] in again.text) == (200, True)
    texts = await desk.query("SELECT body FROM tickets.content ORDER BY id")
    assert [row["body"] for row in texts] == [GIVEN["text"], "Отказали и в анализах"]


async def test_a_text_as_long_as_the_form_lets_it_be_is_kept_whole(desk: "Desk") -> None:
    """A browser counts a line end as one sign and sends two."""
    _, key = await fresh_key(desk)
    text = "\n".join(["Отказали"] * 2220) + "\nконец"
    assert len(text) <= form_page.LIMITS["text"] < len(text.replace("\n", "\r\n"))
    sent = await send(desk, key=key, **GIVEN | {"text": text.replace("\n", "\r\n")})
    assert sent.status_code == 201
    (kept,) = await desk.query("SELECT body FROM tickets.content")
    assert kept["body"] == text


async def test_what_is_wrong_is_said_and_what_was_given_kept(desk: "Desk") -> None:
    _, key = await fresh_key(desk)
    wrong = await send(desk, key=key, **GIVEN | {"phone": "12", "name": '"><script>x'})
    assert wrong.status_code == 422
    assert "Это не номер телефона" in wrong.text
    assert "Отказали в приёме</textarea>" in wrong.text
    assert "<script" not in wrong.text
    assert key in wrong.text
    assert (await send(desk, key=key, **GIVEN | {"text": " "})).status_code == 422
    assert (await send(desk, key=key, **GIVEN | {"kind": "poem"})).status_code == 422
    assert await desk.query("SELECT 1 FROM tickets.ticket") == []


async def test_no_key_a_guessed_one_or_a_filled_trap_registers_nothing(desk: "Desk") -> None:
    _, key = await fresh_key(desk)
    for fields in ({}, {"key": "1"}, {"key": key, "website": "http://spam"}):
        sent = await send(desk, **GIVEN, **fields)
        assert sent.status_code == 422
        assert "Отказали в приёме</textarea>" in sent.text
    assert await desk.query("SELECT 1 FROM tickets.ticket") == []


PDF = b"%PDF-1.7 "


def files(count: int, *, start: int = 0) -> list[tuple[str, tuple[str, bytes, str]]]:
    each = range(start, start + count)
    return [("files", (f"{n}.pdf", PDF + str(n).encode(), "application/pdf")) for n in each]


@pytest.mark.parametrize(("count", "status"), [(3, 201), (4, 422), (20, 422), (21, 413), (31, 413)])
async def test_more_files_than_the_form_takes_are_refused_in_the_form(
    desk: "Desk", count: int, status: int
) -> None:
    _, key = await fresh_key(desk)
    data = {"key": key, **GIVEN}
    sent = await desk.client.post("/v1/form", params={"lang": "en"}, data=data, files=files(count))
    assert sent.status_code == status
    if status != 201:
        assert "one too many" in sent.text
        assert await desk.query("SELECT 1 FROM tickets.ticket") == []


async def test_the_same_form_with_other_files_each_time_stops_at_what_an_appeal_takes(
    desk: "Desk",
) -> None:
    _, key = await fresh_key(desk)
    data = {"key": key, **GIVEN}
    statuses = []
    for start in range(0, 33, 3):
        desk.clock.advance(60)
        sent = await desk.client.post("/v1/form", data=data, files=files(3, start=start))
        statuses.append(sent.status_code)
    assert statuses == [201, *[200] * 9, 422]
    [row] = await desk.query("SELECT count(*) AS files FROM tickets.attachment")
    assert row["files"] == 30


async def test_an_address_sends_so_many_a_minute(desk: "Desk") -> None:
    _, key = await fresh_key(desk)
    statuses = [(await send(desk, key=key, **GIVEN)).status_code for _ in range(6)]
    assert statuses == [201, 200, 200, 200, 200, 429]
    desk.clock.advance(12)
    assert (await send(desk, key=key, **GIVEN)).status_code == 200
