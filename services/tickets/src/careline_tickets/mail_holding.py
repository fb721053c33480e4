"""Mails that look like a program's and belong to no appeal: nobody answers them, and a person sees them.

A list, an address that takes no answer or a mark of Outlook's does not prove that nobody has written; so each is
held until somebody opens it as an appeal, or discards it and says why, or its time is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import structlog

from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.adapters.mail.parsing import read_mail
from careline_tickets.adapters.vault import Vault
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.db import mail_held
from careline_tickets.db.mail_held import DISCARDED, EXPIRED, HELD, OPENED, Held
from careline_tickets.domain.mail import IncomingMail, takes_no_answer
from careline_tickets.domain.ticket import Ticket
from careline_tickets.domain.workflow import Actor
from careline_tickets.mail_taking import MailDesk
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import AtRest

log = structlog.get_logger(__name__)

HELD_FOR = timedelta(days=30)
DECISIONS_KEPT = timedelta(days=365)
"""So long it can be seen who discarded what, and why; what the mail said is gone at once."""
AT_A_TIME = 100
LOOK_EVERY_S = 60.0
NOBODY = "system"


class JudgedAlreadyError(Exception):
    """Somebody else has judged this mail otherwise, or its time is over; `held` says what was decided."""

    def __init__(self, held: Held) -> None:
        self.held = held
        super().__init__(held.state)


async def read_held(raw: AtRest, vault: Vault, own: Iterable[str]) -> IncomingMail:
    """The mail as a person's; opened and read beside the loop, as it may be large. Raises `SealError`."""
    addresses = frozenset(own)
    mail = await asyncio.to_thread(lambda: read_mail(vault.opened(raw), addresses))
    answered = mail.sender is not None and not takes_no_answer(mail.sender, addresses)
    return replace(mail, automatic=None, sender=mail.sender if answered else None)


async def open_held(
    uow: UnitOfWork,
    desk: MailDesk,
    held: Held,
    *,
    box: MailboxEntry,
    mail: IncomingMail,
    who: Actor,
) -> Ticket:
    """Registers a held mail, that is locked, as an appeal of the day on which it came.

    Raises `JudgedAlreadyError`."""
    if held.state != HELD:
        raise JudgedAlreadyError(held)
    ticket = await desk.register_held(uow, box, held, mail, who)
    await mail_held.decide(
        uow.connection, held.id, OPENED, who=who.id, at=uow.clock.now(), ticket_id=ticket.id
    )
    return ticket


async def discard_held(uow: UnitOfWork, held: Held, reason: str, who: Actor) -> None:
    """Discards a held mail, that is locked; again changes nothing. Raises `JudgedAlreadyError`."""
    if held.state == DISCARDED:
        return
    if held.state != HELD:
        raise JudgedAlreadyError(held)
    await mail_held.decide(
        uow.connection, held.id, DISCARDED, who=who.id, at=uow.clock.now(), reason=reason
    )


async def forget_held(uow: UnitOfWork, sender_key: bytes) -> int:
    """Lets go what is held from an address whose owner is erased; returns how many mails that were."""
    found = await mail_held.from_sender(uow.connection, sender_key)
    for held in found:
        await mail_held.decide(
            uow.connection, held.id, EXPIRED, who=NOBODY, at=uow.clock.now(), reason="erased"
        )
    return len(found)


class HeldMailUpkeep:
    """Any number of these may run."""

    def __init__(self, database: Database, metrics: TicketsMetrics) -> None:
        self._database = database
        self._metrics = metrics

    async def step(self) -> int:
        """Lets go what nobody has judged in `HELD_FOR`, and shows how much waits; returns how many went."""
        async with self._database.unit_of_work() as uow:
            now = uow.clock.now()
            over = await mail_held.overdue(uow.connection, now - HELD_FOR, AT_A_TIME)
            for mail_id in over:
                await mail_held.decide(uow.connection, mail_id, EXPIRED, who=NOBODY, at=now)
            await mail_held.forget_decided(uow.connection, now - DECISIONS_KEPT)
            count, waited_s = await mail_held.waiting(uow.connection, now)
        self._metrics.mail_held.set(count)
        self._metrics.mail_held_s.set(waited_s)
        if over:
            self._metrics.mail_judged.labels(EXPIRED).inc(len(over))
            log.warning("mail.held_expired", mails=len(over))
        return len(over)


def tending_held(upkeep: HeldMailUpkeep) -> Callable[[], Awaitable[None]]:
    async def tend() -> None:
        while True:
            while await upkeep.step() == AT_A_TIME:
                pass
            await asyncio.sleep(LOOK_EVERY_S)

    return tend
