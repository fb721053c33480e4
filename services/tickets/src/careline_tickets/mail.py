"""Puts mail together: what looks into mailboxes, and what sends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.ids import Ids
from careline_tickets.adapters.mail.imap import ImapMailbox
from careline_tickets.adapters.mail.smtp import SmtpSender
from careline_tickets.config import Rules
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.domain.ticket import Change, Ticket
from careline_tickets.mail_holding import HeldMailUpkeep, tending_held
from careline_tickets.mail_polling import MailPoller
from careline_tickets.mail_sending import MailSending
from careline_tickets.mail_taking import MailDesk
from careline_tickets.mail_writing import MailWriter
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import Mailbox, MailSender
from careline_tickets.service import Journal, Observer

Tasks = Sequence[tuple[str, Callable[[], Awaitable[None]]]]


class MailServers(Protocol):
    """The ways in and out of a mailbox; None where it has none."""

    def mailbox(self, box: MailboxEntry) -> Mailbox | None: ...
    def sender(self, box: MailboxEntry) -> MailSender | None: ...


class RealServers:
    """Those of the configuration, by IMAP and SMTP."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def mailbox(self, box: MailboxEntry) -> Mailbox | None:
        imap = box.imap
        if imap is None:
            return None
        return ImapMailbox(imap.mail_server, folder=imap.folder, done=imap.done)

    def sender(self, box: MailboxEntry) -> MailSender | None:
        return None if box.smtp is None else SmtpSender(box.smtp.mail_server, self._clock)


def answering(writer: MailWriter, rules: Callable[[], Rules]) -> Observer:
    """Writes to citizens what changes of their appeals tell them, as far as there are mailboxes."""

    async def observe(uow: UnitOfWork, ticket: Ticket, changes: Sequence[Change]) -> None:
        boxes = rules().mailboxes
        if boxes:
            await writer.changed(uow, boxes, ticket, changes)

    return observe


def mail_tasks(
    *,
    database: Database,
    journal: Journal,
    writer: MailWriter,
    desk: MailDesk,
    servers: MailServers,
    ids: Ids,
    metrics: TicketsMetrics,
    every_s: float,
) -> Tasks:
    """What runs in the background; without mailboxes it does nothing."""

    def boxes() -> Mapping[str, MailboxEntry]:
        return journal.rules().mailboxes

    poller = MailPoller(
        database=database,
        desk=desk,
        boxes=boxes,
        opened=servers.mailbox,
        ids=ids,
        metrics=metrics,
    )
    sending = MailSending(
        database=database,
        journal=journal,
        writer=writer,
        boxes=boxes,
        opened=servers.sender,
        metrics=metrics,
    )

    async def look() -> None:
        await poller.run(every_s)

    async def send() -> None:
        while True:
            if boxes():
                await sending.upkeep()
                await sending.send_all()
            await asyncio.sleep(every_s)

    return (
        ("look-into-mailboxes", look),
        ("send-mail", send),
        ("tend-held-mail", tending_held(HeldMailUpkeep(database, metrics))),
    )
