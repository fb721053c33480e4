"""Files with appeals: by API, form and mail; scanned before they are given out; erased with the person."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from mail.clamav import private_clamd

from careline_common.clock import ManualClock
from careline_common.testing.components import require
from careline_common.testing.waiting import eventually
from careline_tickets.adapters.clamd import ClamScanner
from careline_tickets.db.verify import verify_chain
from careline_tickets.fakes import clamd
from careline_tickets.fakes.clamd import EICAR, SIGNATURE
from careline_tickets.ports import ScannerAwayError
from careline_tickets.settings import TicketsSettings

pytestmark = pytest.mark.integration

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
BAD = b"%PDF-1.7\n" + EICAR


@pytest_asyncio.fixture(loop_scope="session", scope="session", params=["fake", "clamav"])
async def scanner(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a clamd: the one that is shipped, and the real one."""
    port: int = request.getfixturevalue("ports").take()
    if request.param == "fake":
        async with await clamd.serve(port):
            yield f"127.0.0.1:{port}"
        return
    project = request.getfixturevalue("project_folder")
    async with private_clamd(require("clamav", project), port) as address:
        yield address


async def test_a_scanner_finds_what_it_knows_and_nothing_else(scanner: str) -> None:
    asked = ClamScanner(scanner)
    assert await asked.scan(PDF * 30) is None
    found = await asked.scan(BAD)
    assert found is not None
    assert found.startswith(SIGNATURE)


async def test_a_scanner_that_is_away_or_does_not_judge_is_no_verdict(scanner: str) -> None:
    with pytest.raises(ScannerAwayError):
        await ClamScanner("127.0.0.1:9").scan(PDF)
    with pytest.raises(ScannerAwayError):
        await ClamScanner("/nowhere/clamd.sock").scan(PDF)
    with pytest.raises(ScannerAwayError):
        await ClamScanner(scanner).scan(bytes(26 << 20))  # over the limit of both


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"stream: " + b"x" * 1000 + b" FOUND\0", "x" * 200),
        (b"stream: a\nb FOUND\0", "a\nb"),
        (b"stream: " + b"x" * 5000 + b" FOUND\0", None),
        (b"stream: OK", None),
        (b"", None),
    ],
    ids=["long name", "two lines", "beyond the limit", "cut off", "nothing"],
)
async def test_however_much_a_scanner_says_it_is_a_verdict_or_none(
    ports: Any, answer: bytes, verdict: str | None
) -> None:
    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(PDF + bytes(4))
        writer.write(answer)
        writer.close()

    port = ports.take()
    async with await asyncio.start_server(says, "127.0.0.1", port):
        asked = ClamScanner(f"127.0.0.1:{port}").scan(PDF)
        if verdict is None:
            with pytest.raises(ScannerAwayError):
                await asked
        else:
            assert await asked == verdict


@pytest_asyncio.fixture(loop_scope="session")
async def desk(
    tickets_settings: TicketsSettings, manual_clock: ManualClock, run_desk: Any, ports: Any
) -> AsyncIterator[Any]:
    """A journal whose scanner can be switched on."""
    settings = tickets_settings.model_copy(
        update={"scanner": f"127.0.0.1:{ports.take()}", "attachment_max_bytes": 100_000}
    )
    async with run_desk(settings, manual_clock) as running:
        running.scanner_port = int(settings.scanner.rpartition(":")[2])
        yield running


async def send(
    who: Any, ticket: dict[str, Any], content: bytes = PDF, name: str = "report.pdf", **headers: str
) -> Any:
    head = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Type": "application/pdf",
    }
    return await who._client.post(
        f"/v1/tickets/{ticket['id']}/attachments",
        content=content,
        headers={**who._headers, **head, **headers},
    )


async def scanned(desk: Any, ticket: dict[str, Any], state: str) -> dict[str, Any]:
    async def judged() -> Any:
        items = (await desk.boss.get(f"tickets/{ticket['id']}/attachments")).json()["items"]
        desk.clock.advance(120)
        return items if items and all(item["state"] == state for item in items) else None

    async with await clamd.serve(desk.scanner_port):
        items: list[dict[str, Any]] = await eventually(judged)
    return items[0]


async def test_a_file_is_kept_scanned_and_given_out_by_a_link_for_a_minute(desk: Any) -> None:
    ticket = await desk.agent.register()
    sent = await send(desk.agent, ticket)
    assert sent.status_code == 201, sent.text
    file = sent.json()
    assert (file["name"], file["media"], file["state"]) == (
        "report.pdf",
        "application/pdf",
        "waiting",
    )
    assert file["sha256"] == hashlib.sha256(PDF).hexdigest()
    path = f"tickets/{ticket['id']}/attachments/{file['id']}/link"
    early = await desk.agent.post(path, None)
    assert (early.status_code, "not scanned" in early.text) == (409, True)
    await scanned(desk, ticket, "clean")
    link = (await desk.agent.post(path, None)).json()
    given = await desk.client.get(link["url"])
    assert given.content == PDF
    assert given.headers["content-disposition"] == "attachment; filename*=UTF-8''report.pdf"
    assert given.headers["x-content-type-options"] == "nosniff"
    desk.clock.advance(61)
    assert (await desk.client.get(link["url"])).status_code == 404
    rows = await desk.query("SELECT what, who FROM tickets.audit WHERE what LIKE 'attachment%'")
    assert {(row["what"], row["who"]) for row in rows} >= {
        ("attachment", "a1"), ("attachment given", "a1"), ("attachments", "boss"),
    }  # fmt: skip


async def test_an_infected_file_is_removed_and_that_stands_in_the_appeal(desk: Any) -> None:
    ticket = await desk.agent.register()
    file = (await send(desk.agent, ticket, BAD)).json()
    shown = await scanned(desk, ticket, "infected")
    assert shown["verdict"] == SIGNATURE
    link = await desk.agent.post(f"tickets/{ticket['id']}/attachments/{file['id']}/link", None)
    assert (link.status_code, SIGNATURE in link.text) == (409, True)
    [row] = await desk.query("SELECT content FROM tickets.attachment")
    assert row["content"] == b""
    whole = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    assert whole["contents"][-1]["text"] == f"Removed: report.pdf carries {SIGNATURE}"


async def test_the_same_bytes_again_are_no_second_file(desk: Any) -> None:
    ticket = await desk.agent.register()
    first = await send(desk.agent, ticket)
    again = await send(desk.agent, ticket, name="other name.pdf")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    whole = (await desk.boss.get(f"tickets/{ticket['id']}")).json()
    notes = [text["text"] for text in whole["contents"] if text["kind"] == "note"]
    assert len(notes) == 1
    assert hashlib.sha256(PDF).hexdigest() in notes[0]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"MZ\x90\0", {}, 422),
        (PDF, {"Content-Type": "image/png"}, 422),
        (PDF, {"Content-Disposition": 'attachment; filename="x.exe"'}, 422),
        (b"", {}, 422),
        (b"%PDF-" + b"x" * 100_000, {}, 413),
    ],
)
async def test_what_is_not_taken_is_said_and_leaves_nothing(
    desk: Any, content: bytes, headers: dict[str, str], status: int
) -> None:
    ticket = await desk.agent.register()
    answer = await send(desk.agent, ticket, content, **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await desk.query("SELECT * FROM tickets.attachment") == []


async def test_files_are_for_those_who_see_all_of_the_appeal(desk: Any) -> None:
    ticket = await desk.agent.register(insurer="ins8")
    file = (await send(desk.agent, ticket)).json()
    assert (await send(desk.insurer, ticket)).status_code == 404
    assert (await desk.insurer.get(f"tickets/{ticket['id']}/attachments")).status_code == 404
    quality = desk.person("quality")
    assert (await quality.get(f"tickets/{ticket['id']}/attachments")).status_code == 404
    assert (await send(desk.person("auditor"), ticket)).status_code == 403
    assert (await desk.nobody.get(f"tickets/{ticket['id']}/attachments")).status_code == 401
    other = await desk.agent.register()
    path = f"tickets/{other['id']}/attachments/{file['id']}/link"
    assert (await desk.agent.post(path, None)).status_code == 404


async def test_files_come_by_the_public_form_and_bad_ones_are_said_in_it(desk: Any) -> None:
    form = {"key": "0" * 32, "kind": "complaint", "text": "See the picture"}
    bad = await desk.client.post(
        "/v1/form?lang=ru", data=form, files={"files": ("a.exe", b"MZ\0\0")}
    )
    assert (bad.status_code, "Файл слишком большой" in bad.text) == (422, True)
    assert await desk.query("SELECT * FROM tickets.ticket") == []
    good = {"files": ("снимок.png", b"\x89PNG\r\n\x1a\n...", "image/png")}
    sent = await desk.client.post("/v1/form?lang=ru", data=form, files=good)
    assert sent.status_code == 201, sent.text
    again = await desk.client.post("/v1/form?lang=ru", data=form, files=good)
    assert again.status_code == 200
    [row] = await desk.query("SELECT name, author FROM tickets.attachment")
    assert (row["name"], row["author"]) == ("снимок.png", "form")


async def test_files_go_with_the_person_and_the_history_holds(desk: Any) -> None:
    ticket = await desk.agent.register(person={"phone": "+79001234567"})
    await send(desk.agent, ticket)
    taken = await desk.agent.does((await desk.boss.get(f"tickets/{ticket['id']}")).json(), "take")
    await desk.agent.does(taken, "close", outcome="information", answer="Yes")
    erased = await desk.person("admin").post("persons/erase", {"phone": "+79001234567"})
    assert erased.json()["erased"] is True
    assert await desk.query("SELECT * FROM tickets.attachment") == []
    assert (await verify_chain(desk.service.app.state.office.database)).holds
