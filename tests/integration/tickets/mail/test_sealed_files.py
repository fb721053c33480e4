"""What citizens send lies sealed in the database, by keys that rotate, and is given out whole."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mail.letters import letter
from mail.post import BOX, Post, Servers

from careline_common.clock import ManualClock
from careline_common.sealed import KeyRing, SealError
from careline_tickets.adapters.vault import Vault
from careline_tickets.sealing_files import AT_A_TIME, seal_anew
from careline_tickets.settings import TicketsSettings

pytestmark = pytest.mark.integration

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 400


class Sealing:
    """A journal with a mailbox and keys."""

    def __init__(self, post: Post, keys: Path) -> None:
        self.post = post
        self.desk = post.desk
        self.keys = keys
        self._office = post.desk.service.app.state.office

    def rotate(self) -> None:
        KeyRing.rotated(KeyRing.load(self.keys)).save(self.keys)

    def drop(self, key: str) -> None:
        KeyRing.load(self.keys).without(key).save(self.keys)

    async def anew(self) -> int:
        return await seal_anew(self._office.database, self._office.vault)

    async def attached(self, content: bytes = PDF) -> tuple[dict[str, Any], dict[str, Any]]:
        """An appeal with a file that is known to be clean."""
        ticket = await self.desk.agent.register()
        token = self.desk.agent._headers
        sent = await self.desk.client.post(
            f"/v1/tickets/{ticket['id']}/attachments",
            content=content,
            headers={**token, "Content-Disposition": "attachment; filename=a.pdf"},
        )
        assert sent.status_code == 201, sent.text
        await self.desk.query("UPDATE tickets.attachment SET state = 'clean'")
        return ticket, sent.json()

    async def given(self, ticket: dict[str, Any], file: dict[str, Any]) -> Any:
        path = f"tickets/{ticket['id']}/attachments/{file['id']}/link"
        link = (await self.desk.agent.post(path, None)).json()
        return await self.desk.client.get(link["url"])

    async def rows(self) -> list[dict[str, Any]]:
        return await self.desk.query(
            "SELECT id, content, sealed_by FROM tickets.attachment ORDER BY id"
        )


@pytest_asyncio.fixture(loop_scope="session")
async def sealing(
    tickets_settings: TicketsSettings, manual_clock: ManualClock, run_desk: Any, tmp_path: Path
) -> AsyncIterator[Sealing]:
    keys = tmp_path / "keys.json"
    KeyRing.rotated(None).save(keys)
    servers = Servers()
    settings = tickets_settings.model_copy(update={"mail_look_s": 0.01, "keys_file": keys})
    async with run_desk(settings, manual_clock, mail_servers=servers) as desk:
        applied = await desk.person("admin").put("config", {"careline": 1, "mailboxes": [BOX]})
        assert applied.status_code == 200, applied.text
        yield Sealing(Post(desk, servers), keys)


async def test_a_file_lies_sealed_and_is_given_out_whole_whatever_key_seals_it(
    sealing: Sealing,
) -> None:
    ticket, file = await sealing.attached()
    [row] = await sealing.rows()
    assert (row["sealed_by"], b"%PDF" in row["content"]) == ("k1", False)
    assert (await sealing.given(ticket, file)).content == PDF
    sealing.rotate()
    assert (await sealing.anew(), await sealing.anew()) == (1, 0)
    sealing.drop("k1")
    [row] = await sealing.rows()
    assert row["sealed_by"] == "k2"
    assert (await sealing.given(ticket, file)).content == PDF


async def test_what_is_from_before_there_were_keys_is_sealed(sealing: Sealing) -> None:
    ticket, file = await sealing.attached()
    await sealing.desk.query("UPDATE tickets.attachment SET content = $1, sealed_by = NULL", PDF)
    assert (await sealing.given(ticket, file)).content == PDF
    assert await sealing.anew() == 1
    [row] = await sealing.rows()
    assert (row["sealed_by"], b"%PDF" in row["content"]) == ("k1", False)
    assert (await sealing.given(ticket, file)).content == PDF


async def test_what_cannot_be_opened_is_said_to_be_so_and_holds_nothing_up(
    sealing: Sealing,
) -> None:
    made = [await sealing.attached(PDF + bytes([number])) for number in range(AT_A_TIME + 1)]
    ids = [row["id"] for row in await sealing.rows()]
    await sealing.desk.query(
        "UPDATE tickets.attachment SET content = 'changed' WHERE id <> $1", ids[-1]
    )
    answer = await sealing.given(*made[0])
    assert (answer.status_code, answer.json()["type"]) == (503, "not-ready")
    sealing.rotate()
    assert await sealing.anew() == 1
    assert (await sealing.rows())[-1]["sealed_by"] == "k2"
    assert (await sealing.given(*made[-1])).content == PDF + bytes([AT_A_TIME])


async def test_no_file_is_taken_while_it_could_not_be_sealed(sealing: Sealing) -> None:
    ticket = await sealing.desk.agent.register()
    sealing.keys.write_text("{}")
    sent = await sealing.desk.client.post(
        f"/v1/tickets/{ticket['id']}/attachments",
        content=PDF,
        headers={
            **sealing.desk.agent._headers,
            "Content-Disposition": "attachment; filename=a.pdf",
        },
    )
    assert sent.status_code == 503
    assert await sealing.rows() == []


async def test_a_held_mail_lies_sealed_and_is_read(sealing: Sealing) -> None:
    await sealing.post.comes(letter("My secret", List_Id="<list.example>"))
    [row] = await sealing.desk.query("SELECT id, raw, sealed_by FROM tickets.mail_held")
    assert (row["sealed_by"], b"My secret" in row["raw"]) == ("k1", False)
    sealing.rotate()
    assert await sealing.anew() == 1
    read = await sealing.desk.agent.get(f"mail/held/{row['id']}")
    assert read.json()["text"] == "My secret"


def test_what_is_sealed_is_not_opened_without_keys(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    KeyRing.rotated(None).save(keys)
    kept = Vault(keys).sealed(PDF)
    assert Vault(keys).opened(kept) == PDF
    plain = Vault(None).sealed(PDF)
    assert (plain.key, Vault(keys).opened(plain)) == (None, PDF)
    with pytest.raises(SealError, match="CARELINE_KEYS_FILE"):
        Vault(None).opened(kept)
