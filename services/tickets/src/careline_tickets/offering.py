"""An agent has accepted, on the floor, an appeal that nobody had: it is his in the journal."""

import structlog

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.router import WorkAccepted
from careline_tickets.domain.ticket import Command
from careline_tickets.domain.vocabulary import Action, Role
from careline_tickets.domain.workflow import Actor, NotNow
from careline_tickets.service import Journal

log = structlog.get_logger(__name__)


async def give_to(uow: UnitOfWork, journal: Journal, event: WorkAccepted) -> None:
    """He takes it, as if he had asked for it here. Whoever was quicker keeps it, and the floor hears of that by the
    journal's own events."""
    stored = await journal.repository.find(uow.connection, event.ticket_id, for_update=True)
    if stored is None:
        log.warning("work.of_no_appeal", ticket_id=event.ticket_id, work_id=event.work_id)
        return
    agent = Actor(id=event.agent, roles=frozenset({Role.AGENT}))
    try:
        await journal.act(uow, stored, Command(action=Action.TAKE), agent)
    except NotNow:
        log.info("work.too_late", ticket_id=event.ticket_id, work_id=event.work_id)
