"""One suite over the mail servers in memory and over real ones: Dovecot, and aiosmtpd."""

import asyncio
import imaplib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from mail.dovecot import PASSWORD, USER, Dovecot
from mail.letters import CENTRE, CITIZEN, letter
from mail.smtpd import Smtpd

from careline_common.clock import ManualClock
from careline_tickets.adapters.mail.imap import ImapMailbox, MailServer
from careline_tickets.adapters.mail.memory import MemoryMailbox, MemorySender
from careline_tickets.adapters.mail.parsing import read_mail
from careline_tickets.adapters.mail.smtp import SmtpSender
from careline_tickets.ports import MailAwayError, Mailbox, MailOutcome, MailSender, OutgoingMail

pytestmark = [pytest.mark.integration, pytest.mark.contract]


@dataclass
class Incoming:
    """A mailbox, and the world's side of it."""

    mailbox: Mailbox
    deliver: Callable[[bytes], Awaitable[None]]
    done: Callable[[], Awaitable[int]]
    renumber: Callable[[], Awaitable[None]]


def _in_memory() -> Incoming:
    box = MemoryMailbox()

    async def deliver(raw: bytes) -> None:
        box.deliver(raw)

    async def done() -> int:
        return len(box.done)

    async def renumber() -> None:
        box.renumber()

    return Incoming(box, deliver, done, renumber)


def _at_dovecot(server: Dovecot) -> Incoming:
    where = MailServer(host="127.0.0.1", port=server.port, tls="none", user=USER, password=PASSWORD)

    def with_client(act: Callable[[imaplib.IMAP4], int]) -> int:
        client = imaplib.IMAP4("127.0.0.1", server.port)
        client.login(USER, PASSWORD)
        try:
            return act(client)
        finally:
            client.logout()

    def appended(raw: bytes, client: imaplib.IMAP4) -> int:
        assert client.append("INBOX", "", "", raw)[0] == "OK"
        return 0

    def count(client: imaplib.IMAP4) -> int:
        data = client.select("Careline")[1]
        assert data[0] is not None
        return int(data[0])

    def recreate(client: imaplib.IMAP4) -> int:
        client.select("INBOX")
        kept = [client.fetch(str(n + 1), "(RFC822)")[1][0][1] for n in range(2)]  # type: ignore[index]
        server.empty()
        for raw in kept:
            assert isinstance(raw, bytes)
            with_client(lambda again, raw=raw: appended(raw, again))  # type: ignore[misc]
        return 0

    async def deliver(raw: bytes) -> None:
        await asyncio.to_thread(with_client, lambda client: appended(raw, client))

    async def done() -> int:
        return await asyncio.to_thread(with_client, count)

    async def renumber() -> None:
        await asyncio.sleep(1.01)  # Dovecot's UIDVALIDITY is the second in which a folder was made
        await asyncio.to_thread(with_client, recreate)

    return Incoming(ImapMailbox(where, done="Careline"), deliver, done, renumber)


@pytest.fixture(params=["memory", "dovecot"])
def incoming(request: pytest.FixtureRequest) -> Incoming:
    if request.param == "memory":
        return _in_memory()
    server: Dovecot = request.getfixturevalue("dovecot")
    server.empty()
    return _at_dovecot(server)


async def test_mail_is_listed_read_whole_or_by_its_header_and_moved_out_of_the_way(
    incoming: Incoming,
) -> None:
    first, second = letter("the first", name="<1@home>"), letter("the second", name="<2@home>")
    await incoming.deliver(first)
    await incoming.deliver(second)
    async with incoming.mailbox.session() as session:
        uids = await session.uids()
        assert uids == sorted(uids)
        assert len(uids) == 2
        assert await session.size(uids[0]) == len(first)
        assert await session.fetch(uids[0]) == first
        head = await session.fetch(uids[1], head_only=True)
        assert head is not None
        assert read_mail(head).message_id == "<2@home>"
        assert b"the second" not in head
        await session.set_aside(uids[0])
        await session.set_aside(uids[0])
        assert await session.uids() == [uids[1]]
        assert (await session.size(uids[0]), await session.fetch(uids[0])) == (None, None)
    assert await incoming.done() == 1


async def test_uids_are_those_of_their_validity(incoming: Incoming) -> None:
    await incoming.deliver(letter("one"))
    await incoming.deliver(letter("two"))
    async with incoming.mailbox.session() as session:
        before = session.validity
    async with incoming.mailbox.session() as session:
        assert session.validity == before
    await incoming.renumber()
    async with incoming.mailbox.session() as session:
        assert session.validity != before
        assert len(await session.uids()) == 2


async def test_a_server_that_is_away_or_does_not_let_us_in_is_said_to_be(
    dovecot: Dovecot,
) -> None:
    memory = MemoryMailbox()
    memory.away = True
    closed = MailServer(host="127.0.0.1", port=9, tls="none", user=USER, password=PASSWORD)
    wrong = MailServer(host="127.0.0.1", port=dovecot.port, tls="none", user=USER, password="no")
    mailboxes: list[Mailbox] = [memory]
    mailboxes += [ImapMailbox(server, done="Careline") for server in (closed, wrong)]
    for mailbox in mailboxes:
        with pytest.raises(MailAwayError) as caught:
            async with mailbox.session():
                pass
        assert USER not in str(caught.value)


@dataclass
class Outgoing:
    sender: MailSender
    plan: Callable[[MailOutcome], None]
    taken: Callable[[], int]


@pytest.fixture(params=["memory", "smtpd"])
def outgoing(request: pytest.FixtureRequest, manual_clock: ManualClock) -> Outgoing:
    if request.param == "memory":
        memory = MemorySender()
        return Outgoing(memory, memory.plan.append, lambda: len(memory.taken))
    server: Smtpd = request.getfixturevalue("smtpd")

    def plan(outcome: MailOutcome) -> None:
        server.at_rcpt = "550 no such user" if outcome == "refused" else None
        server.at_data = "451 later" if outcome == "not_taken" else None
        server.hang_up = outcome == "unknown"

    where = MailServer(host="127.0.0.1", port=server.port, tls="none")
    return Outgoing(SmtpSender(where, manual_clock), plan, lambda: len(server.taken))


MAIL = OutgoingMail(
    message_id="<m1@fund.example>",
    sender=f'"Fund" <{CENTRE}>',
    envelope_from=CENTRE,
    to=CITIZEN,
    subject="Re: Лекарства [T-2026-000001-ABCDEFGHIJ]",
    text="Здравствуйте!\n.\nОтвет.\n",
    references=("<1@home>",),
    automatic=False,
)


@pytest.mark.parametrize(
    ("outcome", "arrived"), [("sent", 1), ("not_taken", 0), ("refused", 0), ("unknown", 1)]
)
async def test_what_became_of_a_mail_is_told_as_it_is(
    outgoing: Outgoing, outcome: MailOutcome, arrived: int
) -> None:
    outgoing.plan(outcome)
    assert (await outgoing.sender.send(MAIL)).outcome == outcome
    assert outgoing.taken() == arrived


async def test_a_mail_arrives_as_it_was_written(smtpd: Smtpd, manual_clock: ManualClock) -> None:
    where = MailServer(host="127.0.0.1", port=smtpd.port, tls="none")
    sender = SmtpSender(where, manual_clock)
    assert (await sender.send(MAIL)).outcome == "sent"
    envelope = smtpd.taken[0]
    content = envelope.content
    assert isinstance(content, bytes)
    read = read_mail(content)
    assert (read.sender, read.subject, read.text) == (CENTRE, MAIL.subject, MAIL.text.strip())
    assert (read.message_id, read.references, read.automatic) == (
        MAIL.message_id,
        ("<1@home>",),
        None,
    )
    assert (envelope.mail_from, envelope.rcpt_tos) == (CENTRE, [CITIZEN])


async def test_a_program_s_mail_says_so_and_never_comes_back(
    smtpd: Smtpd, manual_clock: ManualClock
) -> None:
    from dataclasses import replace

    where = MailServer(host="127.0.0.1", port=smtpd.port, tls="none")
    mail = replace(MAIL, automatic=True, envelope_from="")
    assert (await SmtpSender(where, manual_clock).send(mail)).outcome == "sent"
    content = smtpd.taken[0].content
    assert isinstance(content, bytes)
    assert read_mail(content).automatic == "auto-submitted"
    assert smtpd.taken[0].mail_from in {"", "<>"}


async def test_an_address_that_cannot_be_written_is_refused_and_not_tried(
    smtpd: Smtpd, manual_clock: ManualClock
) -> None:
    from dataclasses import replace

    where = MailServer(host="127.0.0.1", port=smtpd.port, tls="none")
    sent = await SmtpSender(where, manual_clock).send(replace(MAIL, to="иван@home.example"))
    assert (sent.outcome, smtpd.taken) == ("refused", [])


async def test_a_server_that_is_not_there_has_not_taken_a_mail(manual_clock: ManualClock) -> None:
    where = MailServer(host="127.0.0.1", port=9, tls="none")
    assert (await SmtpSender(where, manual_clock).send(MAIL)).outcome == "not_taken"
