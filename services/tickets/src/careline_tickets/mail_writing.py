"""Mails to citizens: each is written once, in the transaction of what it tells."""

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.observability.pii import PiiHasher
from careline_tickets.adapters import citizen_words as words
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.db import correspondents, joined, mail_out
from careline_tickets.db.correspondents import Correspondent
from careline_tickets.db.repository import Repository
from careline_tickets.domain import mail as rules
from careline_tickets.domain.mail import Token
from careline_tickets.domain.ticket import ANSWERS, Change, TextKind, Ticket
from careline_tickets.domain.vocabulary import Action, Status

AUTOMATIC_A_DAY = 5
"""So many mails of a program one address gets in a day: whatever a loop is made of, it ends."""
DAY = timedelta(days=1)


class MailWriter:
    """Writes mails into the queue. `boxes` are the configured mailboxes as they are now."""

    def __init__(self, hasher: PiiHasher, repository: Repository) -> None:
        self._hasher = hasher
        self._repository = repository

    def token(self, ticket: Ticket) -> Token:
        """What proves a reply to belong to this appeal."""
        digest = self._hasher.lookup(f"mail-token:{ticket.id}")
        proof = base64.b32encode(digest).decode()[: rules.TOKEN_SIGNS]
        return Token(ticket.number, proof)

    def address_key(self, address: str) -> bytes:
        return self._hasher.lookup(f"mail-address:{address.lower()}")

    def message_key(self, message_id: str) -> bytes:
        return self._hasher.lookup(f"mail-id:{message_id}")

    async def write(
        self,
        uow: UnitOfWork,
        box: MailboxEntry,
        to: Correspondent,
        *,
        key: str,
        purpose: str,
        text: str,
        automatic: bool,
        ticket: Ticket | None = None,
        subject: str | None = None,
    ) -> bool:
        """Queues a mail; False when it was written before, or when a program has written to this address
        often enough."""
        if box.smtp is None:
            return False
        now, address_key = uow.clock.now(), self.address_key(to.address)
        if automatic:
            written = await mail_out.automatic_to(uow.connection, address_key, now - DAY)
            if written >= AUTOMATIC_A_DAY:
                return False
        mail_id = uow.ids.new()
        message_id = f"<{mail_id}@{box.address.rpartition('@')[2]}>"
        about = to.subject if subject is None else subject
        return await mail_out.queue(
            uow.connection,
            {
                "id": mail_id,
                "key": key,
                "ticket_id": None if ticket is None else ticket.id,
                "mailbox": box.id,
                "purpose": purpose,
                "automatic": automatic,
                "message_id": message_id,
                "message_key": self.message_key(message_id),
                "address_key": address_key,
                "address": to.address,
                "subject": about
                if ticket is None
                else rules.subject_with(self.token(ticket), about),
                "body": text,
                "answers": [] if to.message_id is None else [to.message_id],
                "due_at": now,
                "created_at": now,
            },
        )

    async def changed(
        self,
        uow: UnitOfWork,
        boxes: Mapping[str, MailboxEntry],
        ticket: Ticket,
        changes: Sequence[Change],
    ) -> None:
        """Sends what these changes of an appeal say to whoever wrote it by mail: an answer that stands, and what
        is waited for. Those whose appeals it stands for never see an answer that was given to somebody else: they
        are told that theirs is settled."""
        for change in changes:
            if not _tells(change):
                continue
            await self._answer(uow, boxes, ticket, change)
            if change.action != Action.WAIT:
                for other_id in await joined.of_others(uow.connection, ticket.id):
                    await self._settled(uow, boxes, other_id, f"{ticket.id}:{change.version}")

    async def _answer(
        self,
        uow: UnitOfWork,
        boxes: Mapping[str, MailboxEntry],
        ticket: Ticket,
        change: Change,
    ) -> None:
        to = await correspondents.of(uow.connection, ticket.id)
        box = None if to is None else _box_of(boxes, to.mailbox)
        if to is None or box is None:
            return
        text = await self._told(uow, ticket, change, to.language)
        if text is not None:
            await self.write(
                uow,
                box,
                to,
                key=f"{change.action}:{ticket.id}:{change.version}",
                purpose="answer",
                text=text,
                automatic=False,
                ticket=ticket,
                subject=to.subject
                or words.said("answer_subject", to.language, number=ticket.number),
            )

    async def _settled(
        self, uow: UnitOfWork, boxes: Mapping[str, MailboxEntry], ticket_id: str, by: str
    ) -> None:
        to = await correspondents.of(uow.connection, ticket_id)
        box = None if to is None else _box_of(boxes, to.mailbox)
        if to is None or box is None:
            return
        stored = await self._repository.find(uow.connection, ticket_id)
        assert stored is not None, "appeals are never deleted"
        text = words.said("settled", to.language, number=stored.ticket.number)
        await self.write(
            uow, box, to, key=f"settled:{ticket_id}:{by}", purpose="settled", text=text,
            automatic=True, ticket=stored.ticket,
        )  # fmt: skip

    async def _told(
        self, uow: UnitOfWork, ticket: Ticket, change: Change, language: str
    ) -> str | None:
        own = dict(change.texts)
        if change.action == Action.WAIT:
            asked = own.get(TextKind.WAITING_FOR)
            return asked and f"{words.said('waiting', language, number=ticket.number)}\n\n{asked}"
        if TextKind.ANSWER in own:
            return own[TextKind.ANSWER]
        texts = await self._repository.contents(uow.connection, ticket.id)
        return next((one.body for one in reversed(texts) if one.kind in ANSWERS), None)


def _box_of(boxes: Mapping[str, MailboxEntry], mailbox: str) -> MailboxEntry | None:
    """The mailbox that somebody wrote to; where it is gone, another that can send."""
    sending = (box for box in boxes.values() if box.smtp is not None)
    return boxes.get(mailbox) or next(sending, None)


def _tells(change: Change) -> bool:
    """An answer goes out when the appeal is closed with it, not while it is looked at."""
    closed = change.after.get("status") == Status.CLOSED and change.action != Action.WITHDRAW
    return closed or change.action == Action.WAIT
