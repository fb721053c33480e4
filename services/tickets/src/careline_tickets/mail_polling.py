"""Looking into mailboxes: one process at a time into each, and every mail taken exactly once.

A mail is taken and marked in one transaction, and moved out of the way after it. Whatever breaks in
between, the mark stands: the next look moves it and does nothing else. Who looks holds a lease, which
each of these transactions renews, so that a process that was stopped for long takes nothing more.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from careline_common.db.engine import Database, is_unavailable
from careline_common.ids import Ids
from careline_common.observability.errors import describe
from careline_tickets.adapters.mail.parsing import read_mail
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.db import mail_in
from careline_tickets.db.mail_in import Place
from careline_tickets.mail_taking import MailDesk
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import MailAwayError, Mailbox, MailboxSession

log = structlog.get_logger(__name__)

LEASE_S = 120.0
"""Longer than any one exchange with a server may last."""
LONGEST_PAUSE_S = 900.0

Boxes = Callable[[], Mapping[str, MailboxEntry]]


class LeaseLostError(Exception):
    """Another process looks into this mailbox now."""


class MailPoller:
    """Any number of these may run. `opened` makes the way into a mailbox from its entry."""

    def __init__(
        self,
        *,
        database: Database,
        desk: MailDesk,
        boxes: Boxes,
        opened: Callable[[MailboxEntry], Mailbox | None],
        ids: Ids,
        metrics: TicketsMetrics,
    ) -> None:
        self._database = database
        self._desk = desk
        self._boxes = boxes
        self._opened = opened
        self._ids = ids
        self._metrics = metrics

    async def run(self, every_s: float) -> None:
        """For ever. Each mailbox is looked into by a task of its own: one server may hang."""
        looking: dict[str, asyncio.Task[int | None]] = {}
        try:
            while True:
                for box in self._boxes().values():
                    before = looking.get(box.id)
                    if before is not None and before.done():
                        before.result()  # what went wrong in it ends this, and it is begun anew
                    if before is None or before.done():
                        looking[box.id] = asyncio.create_task(self.look(box), name=f"mail {box.id}")
                await asyncio.sleep(every_s)
        finally:
            for task in looking.values():
                task.cancel()
            await asyncio.gather(*looking.values(), return_exceptions=True)

    async def look(self, box: MailboxEntry) -> int | None:
        """Takes what has come into a mailbox; returns how many mails that were, None when it is not
        this process's turn or the mailbox cannot be had."""
        mailbox = self._opened(box)
        if mailbox is None or box.imap is None:
            return None
        holder = self._ids.new()
        async with self._database.unit_of_work() as uow:
            if not await mail_in.claim(uow.connection, box.id, holder, LEASE_S):
                return None
            failures = await mail_in.failures(uow.connection, box.id)
        pause, failed, count = box.imap.poll_s, True, None
        try:
            async with mailbox.session() as session:
                count = await self._take_all(box, holder, session)
            failed = False
        except LeaseLostError:
            log.warning("mail.lease_lost", mailbox=box.id)
        except MailAwayError as error:
            pause = min(pause * 2 ** min(failures, 10), LONGEST_PAUSE_S)
            log.warning("mail.away", mailbox=box.id, reason=str(error))
        finally:
            self._metrics.mail_away.labels(box.id).set(float(failed))
            async with self._database.unit_of_work() as uow:
                await mail_in.release(uow.connection, box.id, holder, pause, failed=failed)
        return count

    async def _take_all(self, box: MailboxEntry, holder: str, session: MailboxSession) -> int:
        uids = await session.uids()
        async with self._database.read() as connection:
            known = await mail_in.taken(connection, box.id, session.validity, uids)
        count = 0
        for uid in uids:
            try:
                if uid not in known:
                    if not await self._take(box, holder, session, uid):
                        continue  # it is gone, or its server gave nothing of it: the next look will tell
                    count += 1
                await session.set_aside(uid)
            except (MailAwayError, LeaseLostError):
                raise
            except Exception as error:
                if is_unavailable(error):
                    raise
                # the others pass; this one stays where it is and is tried again
                self._metrics.mail_in.labels("failed").inc()
                log.exception("mail.not_taken", mailbox=box.id, uid=uid, error=describe(error))
        return count

    async def _take(
        self, box: MailboxEntry, holder: str, session: MailboxSession, uid: int
    ) -> bool:
        size = await session.size(uid)
        large = size is not None and size > box.max_bytes
        raw = await session.fetch(uid, head_only=large)
        if raw is None:
            return False
        own = [each.address for each in self._boxes().values()]
        mail = await asyncio.to_thread(read_mail, raw, own)
        place = Place(mailbox=box.id, validity=session.validity, uid=uid)
        async with self._database.unit_of_work() as uow:
            if not await mail_in.renew(uow.connection, box.id, holder, LEASE_S):
                raise LeaseLostError(box.id)
            take = self._desk.refuse if large else self._desk.take
            outcome = await take(uow, box, place, mail, raw)
        self._metrics.mail_in.labels(outcome).inc()
        return True
