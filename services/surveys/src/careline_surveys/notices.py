"""Messages that other services have patients sent: by the same providers, with the same care.

A notice goes out as a message of its own purpose. It hangs on a row like an invitation's, so that what
providers and receipts say finds it as it finds the others; but it asks nothing, so it is neither sent
nor open as far as surveys go: no rest between surveys, no reply and no score counts it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.tickets import TicketNoticeIssued
from careline_surveys.adapters.phones import Number, read_number
from careline_surveys.book import Book, definition_from_body
from careline_surveys.config import parse_quiet
from careline_surveys.db import invitations, messages
from careline_surveys.db.invitations import NOTICE
from careline_surveys.db.people import People
from careline_surveys.domain.invitations import Invitation, Reference, Subject
from careline_surveys.domain.sending import after_quiet
from careline_surveys.metrics import SurveysMetrics

log = structlog.get_logger(__name__)

PURPOSE = "notice"
NIGHT = parse_quiet("21:00-09:00")
VERSION = 1
BODY: dict[str, Any] = {
    "key": "notice",
    "questions": [{"id": "none", "kind": "text"}],
    "texts": {"en": "-"},
}
"""What stands where a survey's definition does; nobody is ever asked it."""


class Notices:
    def __init__(self, people: People, metrics: SurveysMetrics, book: Callable[[], Book]) -> None:
        self._people = people
        self._book = book
        self._metrics = metrics

    async def queue(self, uow: UnitOfWork, notice: TicketNoticeIssued) -> str:
        """Queues a notice unless it was before; returns what became of it.

        Who wants no messages of ours gets none: neither when he says so now nor while it waits."""
        outcome = await self._queued(uow, notice)
        uow.after_commit(self._metrics.notices.labels(notice.kind, outcome).inc)
        return outcome

    async def _queued(self, uow: UnitOfWork, notice: TicketNoticeIssued) -> str:
        number = _number(notice.contact)
        if number is None or number.landline:
            return "no_mobile"
        now = uow.clock.now()
        person_id = await self._people.locked(uow.connection, number.e164, now)
        if await self._people.opted_out(uow.connection, number.e164):
            return "opted_out"
        row = Invitation(
            id=uow.ids.new(),
            survey=NOTICE,
            survey_version=VERSION,
            service="remote",
            person_id=person_id,
            language=notice.language,
            reference=Reference(type="notice", id=notice.notice_id),
            subject=Subject(),
            status="completed",
            reason=None,
            created_at=now,
            send_at=None,
            send_until=now,
        )
        await invitations.keep_version(uow.connection, NOTICE, VERSION, BODY)
        if not await invitations.add(uow.connection, row, _DEFINITION):
            return "repeated"
        await messages.queue(
            uow.connection,
            message_id=uow.ids.new(),
            invitation_id=row.id,
            person_id=person_id,
            purpose=PURPOSE,
            text=notice.message,
            due_at=now if notice.at_once else self._decent(now, number),
            at=now,
        )
        return "queued"

    def _decent(self, now: datetime, number: Number) -> datetime:
        """By day where the person lives."""
        return after_quiet(now, [NIGHT], self._book().zone_for(number.zone, None))


def _number(contact: str) -> Number | None:
    try:
        return read_number(contact)
    except ValueError:
        log.info("notice.no_number")
        return None


_DEFINITION = definition_from_body(BODY)
