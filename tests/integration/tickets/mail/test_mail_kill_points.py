"""Whatever breaks while a mailbox is looked into, every mail is one appeal: none is lost, none doubled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mail.dovecot import PASSWORD, USER, Dovecot
from mail.letters import CENTRE, letter

from careline_common.ids import UuidIds
from careline_common.observability.pii import PiiHasher
from careline_tickets.adapters.chance import SystemChance
from careline_tickets.adapters.mail.imap import ImapMailbox, MailServer
from careline_tickets.adapters.mail.memory import MemoryMailbox
from careline_tickets.attaching import AttachmentDesk
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.mail_polling import MailPoller
from careline_tickets.mail_taking import MailDesk
from careline_tickets.mail_writing import MailWriter
from careline_tickets.ports import MailAwayError, Mailbox

pytestmark = pytest.mark.integration

BOX = MailboxEntry.model_validate(
    {
        "id": "m1",
        "address": CENTRE,
        "imap": {"host": "127.0.0.1", "user": USER, "password": PASSWORD, "poll_s": 0.001},
    }
)
MAILS = 3


class Killed(Exception):  # noqa: N818 - what happens to a process
    """The process has died here."""


class Breaking(MemoryMailbox):
    """Breaks at its nth exchange, before or after that had its effect."""

    def __init__(self, at: int, *, after: bool, error: Callable[[], Exception]) -> None:
        super().__init__()
        self._left = at
        self._after = after
        self._error = error

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Breaking"]:
        yield self

    def _breaks(self, *, after: bool) -> None:
        if after == self._after:
            self._left -= 1
            if self._left == 0:
                raise self._error()

    async def uids(self) -> Sequence[int]:
        self._breaks(after=False)
        uids = await super().uids()
        self._breaks(after=True)
        return uids

    async def fetch(self, uid: int, *, head_only: bool = False) -> bytes | None:
        self._breaks(after=False)
        raw = await super().fetch(uid, head_only=head_only)
        self._breaks(after=True)
        return raw

    async def set_aside(self, uid: int) -> None:
        self._breaks(after=False)
        await super().set_aside(uid)
        self._breaks(after=True)


class FailingDesk(MailDesk):
    """Fails at the nth mail, when all of it is written and before it is committed."""

    fails_at = 0

    async def take(self, *args: Any) -> str:
        outcome = await super().take(*args)
        self.fails_at -= 1
        if self.fails_at == 0:
            raise Killed
        return outcome


def poller(
    desk: Any, mailbox: Mailbox, taking: type[MailDesk] = MailDesk
) -> tuple[Any, MailPoller]:
    office = desk.service.app.state.office
    hasher = PiiHasher("a key of this test")
    writer = MailWriter(hasher, office.journal.repository)
    files = AttachmentDesk(office.journal, SystemChance(), office.vault, most_bytes=1000)
    mail_desk = taking(office.journal, writer, files, hasher=hasher, vault=office.vault)
    return mail_desk, MailPoller(
        database=office.database,
        desk=mail_desk,
        boxes=lambda: {"m1": BOX},
        opened=lambda _: mailbox,
        ids=UuidIds(),
        metrics=office.metrics,
    )


async def free(desk: Any) -> None:
    """As if the lease of a process that died were over, and the mailbox due."""
    await desk.query("UPDATE tickets.mailbox SET held_until = NULL, holder = NULL, due_at = now()")


async def registered(desk: Any) -> list[str]:
    rows = await desk.query("SELECT body FROM tickets.content WHERE kind = 'text' ORDER BY body")
    return [row["body"] for row in rows]


EXPECTED = [f"No drugs\n\nmail {number}" for number in range(MAILS)]


def fill(box: MemoryMailbox) -> None:
    for number in range(MAILS):
        box.deliver(letter(f"mail {number}", name=f"<{number}@home>"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [lambda: MailAwayError("gone"), Killed], ids=["away", "killed"])
async def test_no_broken_exchange_loses_or_doubles_a_mail(
    desk: Any, *, after: bool, error: Callable[[], Exception]
) -> None:
    for at in range(1, 2 + 2 * MAILS):
        box = Breaking(at, after=after, error=error)
        fill(box)
        _, polling = poller(desk, box)
        for _ in range(4):
            await free(desk)
            await asyncio.gather(polling.look(BOX), return_exceptions=True)
        assert not box.inbox
        assert len(box.done) == MAILS
        assert await registered(desk) == EXPECTED
        await desk.query("TRUNCATE tickets.ticket, tickets.mail_in CASCADE")


async def test_a_transaction_that_fails_leaves_the_mail_where_it_is_and_lets_the_others_pass(
    desk: Any,
) -> None:
    box = MemoryMailbox()
    fill(box)
    mail_desk, polling = poller(desk, box, FailingDesk)
    mail_desk.fails_at = 2
    assert await polling.look(BOX) == MAILS - 1
    assert len(box.inbox) == 1
    assert await registered(desk) == [EXPECTED[0], EXPECTED[2]]
    await free(desk)
    assert await polling.look(BOX) == 1
    assert await registered(desk) == EXPECTED


async def test_two_processes_look_one_after_the_other_and_one_that_lost_its_lease_takes_nothing(
    desk: Any,
) -> None:
    box = MemoryMailbox()
    fill(box)
    pollers = [poller(desk, box)[1] for _ in range(4)]
    counts = await asyncio.gather(*(each.look(BOX) for each in pollers))
    assert sorted(count is None for count in counts) == [False, True, True, True]
    assert await registered(desk) == EXPECTED

    class Slow(MemoryMailbox):
        async def fetch(self, uid: int, *, head_only: bool = False) -> bytes | None:
            await desk.query("UPDATE tickets.mailbox SET holder = 'another'")
            return await super().fetch(uid, head_only=head_only)

    slow = Slow()
    slow.validity = 2
    slow.deliver(letter("one more"))
    await free(desk)
    assert await poller(desk, slow)[1].look(BOX) is None
    assert await registered(desk) == EXPECTED


async def test_a_mailbox_that_is_away_is_looked_into_ever_more_seldom(desk: Any) -> None:
    box = MemoryMailbox()
    box.away = True
    _, polling = poller(desk, box)
    for failures in (1, 2, 3):
        await desk.query("UPDATE tickets.mailbox SET due_at = now()")
        assert await polling.look(BOX) is None
        [row] = await desk.query("SELECT failures, holder FROM tickets.mailbox")
        assert (row["failures"], row["holder"]) == (failures, None)


async def test_all_of_it_over_a_real_mailbox(desk: Any, dovecot: Dovecot) -> None:
    import imaplib

    def deliver() -> None:
        client = imaplib.IMAP4("127.0.0.1", dovecot.port)
        client.login(USER, PASSWORD)
        for number in range(MAILS):
            client.append("INBOX", "", "", letter(f"mail {number}", name=f"<{number}@home>"))
        client.logout()

    dovecot.empty()
    where = MailServer(
        host="127.0.0.1", port=dovecot.port, tls="none", user=USER, password=PASSWORD
    )
    mailbox = ImapMailbox(where, done="Careline")
    await asyncio.to_thread(deliver)
    mail_desk, polling = poller(desk, mailbox, FailingDesk)
    mail_desk.fails_at = 2
    assert await polling.look(BOX) == MAILS - 1
    await free(desk)
    assert await polling.look(BOX) == 1
    assert await registered(desk) == EXPECTED
    async with mailbox.session() as session:
        assert await session.uids() == []
