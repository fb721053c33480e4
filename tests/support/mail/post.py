"""A journal with a mailbox, over mail servers in memory and a real database."""

from collections.abc import Collection
from typing import Any

from careline_common.testing.waiting import eventually
from careline_tickets.adapters.mail.memory import MemoryMailbox, MemorySender
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.ports import OutgoingMail
from mail.letters import CENTRE

SERVER = {"host": "127.0.0.1", "user": "appeals", "password": "a secret"}
BOX: dict[str, Any] = {
    "id": "m1",
    "address": CENTRE,
    "imap": {**SERVER, "poll_s": 0.01},
    "smtp": {"host": "127.0.0.1"},
    "kind": "consultation",
    "subject": "refusal",
}


class Servers:
    """The mail servers of these tests."""

    def __init__(self) -> None:
        self.box = MemoryMailbox()
        self.out = MemorySender()

    def mailbox(self, box: MailboxEntry) -> MemoryMailbox:
        return self.box

    def sender(self, box: MailboxEntry) -> MemorySender:
        return self.out


class Post:
    """A journal with a mailbox."""

    def __init__(self, desk: Any, servers: Servers) -> None:
        self.desk = desk
        self.box = servers.box
        self.out = servers.out

    async def comes(self, raw: bytes, *, leaving: Collection[int] = ()) -> None:
        """A mail comes in, and is taken; `leaving` are others that stay where they are."""
        self.box.deliver(raw)
        await eventually(lambda: self.box.inbox.keys() <= set(leaving), what="the mail to be taken")

    async def written(self, count: int) -> list[OutgoingMail]:
        """The mails that went out, as soon as there are so many."""
        await eventually(lambda: len(self.out.taken) >= count, what=f"{count} mails")
        assert len(self.out.taken) == count
        return self.out.taken

    async def appeals(self) -> list[dict[str, Any]]:
        """By mail, the oldest first."""
        rows = await self.desk.query("SELECT id FROM tickets.ticket ORDER BY number")
        found = [await self.desk.boss.get(f"tickets/{row['id']}") for row in rows]
        return [one.json() for one in found]

    async def outcomes(self) -> list[str]:
        rows = await self.desk.query("SELECT outcome FROM tickets.mail_in ORDER BY id")
        return [row["outcome"] for row in rows]

    async def closed(self, ticket: dict[str, Any], answer: str = "Come tomorrow.") -> None:
        taken = await self.desk.boss.does(ticket, "take")
        await self.desk.boss.does(taken, "close", outcome="information", answer=answer)
