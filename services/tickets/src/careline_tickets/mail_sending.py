"""Mail on its way out: each leaves once, or nobody can say, and then it is said.

A mail is marked `sending` and that is committed before the server is spoken to. What surely was not
taken is tried again for two days; what carries the mark and nobody knows of is settled as unknown.
What did not surely arrive is noted in its appeal, where people see it.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.db import mail_out
from careline_tickets.db.mail_out import Queued
from careline_tickets.domain import mail as rules
from careline_tickets.domain.ticket import Command
from careline_tickets.domain.vocabulary import Action
from careline_tickets.mail_taking import EMAIL
from careline_tickets.mail_writing import MailWriter
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import MailSender, MailSent, OutgoingMail
from careline_tickets.service import Journal

log = structlog.get_logger(__name__)

AT_A_TIME = 10
FAREWELL_S = 5.0
"""How long mails in hand may still take when the service stops."""
TRIED_FOR = timedelta(days=2)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
IN_HAND_AT_MOST = timedelta(minutes=15)
"""Longer than any exchange with a server lasts, its deadlines all used up."""

NOT_SURE = {
    "unknown": "The mail to the citizen ({purpose}) may have arrived or not: its server fell silent. "
    "It is not sent again by itself.",
    "refused": "The mail to the citizen ({purpose}) was not taken by its server ({reason}).",
    "expired": "The mail to the citizen ({purpose}) could not be handed over for two days ({reason}).",
}


class MailSending:
    def __init__(
        self,
        *,
        database: Database,
        journal: Journal,
        writer: MailWriter,
        boxes: Callable[[], Mapping[str, MailboxEntry]],
        opened: Callable[[MailboxEntry], MailSender | None],
        metrics: TicketsMetrics,
    ) -> None:
        self._database = database
        self._journal = journal
        self._writer = writer
        self._boxes = boxes
        self._opened = opened
        self._metrics = metrics

    async def send_all(self) -> None:
        """Sends what is due, until nothing is."""
        while await self.step() == AT_A_TIME:
            pass

    async def step(self) -> int:
        """Sends the mails of one batch side by side; returns how many there were. What is in hand when
        the service stops comes to its end first."""
        boxes = {box.id: box for box in self._boxes().values() if box.smtp is not None}
        if not boxes:
            return 0
        async with self._database.unit_of_work() as uow:
            now = uow.clock.now()
            claimed = await mail_out.claim(uow.connection, list(boxes), now, AT_A_TIME)
        tasks = [asyncio.create_task(self._send(boxes[each.mailbox], each)) for each in claimed]
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            if any(not task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=FAREWELL_S)
        for task in tasks:
            task.result()
        return len(tasks)

    async def upkeep(self) -> None:
        """Settles what a process that died has left in hand."""
        async with self._database.unit_of_work() as uow:
            before = uow.clock.now() - IN_HAND_AT_MOST
            left = await mail_out.left_behind(uow.connection, before, AT_A_TIME)
            for each in left:
                await self._settle(uow, each, "unknown", "left behind")
            waits = await mail_out.waiting_s(uow.connection, uow.clock.now())
        self._metrics.mail_waiting.set(waits)

    async def _send(self, box: MailboxEntry, queued: Queued) -> None:
        sender = self._opened(box)
        if sender is None:
            sent = MailSent(outcome="not_taken", reason="no server is configured")
        else:
            sent = await sender.send(await self._outgoing(box, queued))
        async with self._database.unit_of_work() as uow:
            now = uow.clock.now()
            if sent.outcome != "not_taken":
                await self._settle(uow, queued, sent.outcome, sent.reason)
            elif now - queued.created_at > TRIED_FOR:
                await self._settle(uow, queued, "expired", sent.reason)
            else:
                pause = min(FIRST_PAUSE * 2 ** min(queued.attempts - 1, 10), LONGEST_PAUSE)
                await mail_out.again(uow.connection, queued.id, now + pause, sent.reason)
                self._metrics.mail_out.labels("not_taken").inc()
                log.warning("mail.not_sent", mailbox=box.id, mail=queued.id, reason=sent.reason)

    async def _outgoing(self, box: MailboxEntry, queued: Queued) -> OutgoingMail:
        reply_to = None
        if box.tagged and queued.ticket_id is not None:
            async with self._database.read() as connection:
                stored = await self._journal.repository.find(connection, queued.ticket_id)
            assert stored is not None, "appeals are never deleted"
            reply_to = rules.tagged(box.address, self._writer.token(stored.ticket))
        return OutgoingMail(
            message_id=queued.message_id,
            sender=f'"{box.name}" <{box.address}>' if box.name else box.address,
            envelope_from="" if queued.automatic else box.address,
            reply_to=reply_to,
            to=queued.address,
            subject=queued.subject,
            text=queued.body,
            references=tuple(queued.answers),
            automatic=queued.automatic,
        )

    async def _settle(
        self, uow: UnitOfWork, queued: Queued, state: str, reason: str | None
    ) -> None:
        """Brings a mail to its end; that it did not surely arrive stands in its appeal."""
        now = uow.clock.now()
        if not await mail_out.settle(uow.connection, queued.id, state, reason, now):
            return
        uow.after_commit(self._metrics.mail_out.labels(state).inc)
        if state == "sent":
            return
        log.warning("mail.not_sure", mail=queued.id, state=state, reason=reason)
        if queued.ticket_id is None:
            return
        stored = await self._journal.repository.find(
            uow.connection, queued.ticket_id, for_update=True
        )
        assert stored is not None, "appeals are never deleted"
        note = NOT_SURE[state].format(purpose=queued.purpose, reason=reason)
        await self._journal.act(uow, stored, Command(action=Action.AMEND, note=note), EMAIL)
