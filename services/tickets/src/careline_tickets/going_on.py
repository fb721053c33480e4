"""Where what a citizen says goes once his appeal has ended."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.db import joined
from careline_tickets.db.repository import Stored
from careline_tickets.domain.ticket import Command, Ticket
from careline_tickets.domain.vocabulary import Action
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import Journal


async def place_for(
    uow: UnitOfWork,
    journal: Journal,
    addressed: Stored,
    *,
    phone_key: bytes | None = None,
    address_key: bytes | None = None,
) -> Stored:
    """The appeal, locked, to which words about this one belong: itself while it is open; else the citizen's own that
    stands for it or goes on from it, an open one before one that has ended; else itself, and they are to open one.

    What was merged may be several people's: nobody's words come into an appeal of somebody else by that."""
    if not addressed.ticket.ended:
        return addressed
    own_id = await joined.his_newest(
        uow.connection, addressed.ticket.id, phone_key=phone_key, address_key=address_key
    )
    if own_id is None or own_id == addressed.ticket.id:
        return addressed
    own = await journal.repository.find(uow.connection, own_id, for_update=True)
    assert own is not None, "appeals are never deleted"
    return own


async def link(uow: UnitOfWork, journal: Journal, ended: Stored, new: Ticket, actor: Actor) -> None:
    """Has an appeal that has ended name the first that goes on from it; all of these name it themselves."""
    if ended.ticket.followed_by is None:
        command = Command(action=Action.FOLLOW_UP, followed_by=new.id)
        await journal.act(uow, ended, command, actor)
