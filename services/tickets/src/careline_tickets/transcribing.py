"""What is said, typed while listening: every version is kept, and stands in the history."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.db.repository import Stored
from careline_tickets.domain.ticket import Command, TextKind, Ticket
from careline_tickets.domain.vocabulary import Action, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import Journal


async def transcribe(
    uow: UnitOfWork, journal: Journal, stored: Stored, text: str, who: str
) -> Ticket:
    """The appeal with this transcript, which takes the place of the one before; the same again changes nothing.

    Raises `NotNow` where it was merged into another one, `InvalidCommandError` for an empty text.
    """
    contents = await journal.repository.contents(uow.connection, stored.ticket.id)
    typed = [content.body for content in contents if content.kind == TextKind.TRANSCRIPT]
    if typed and typed[-1] == text:
        return stored.ticket
    command = Command(action=Action.TRANSCRIBE, text=text)
    return await journal.act(uow, stored, command, Actor(id=who, roles=frozenset({Role.SYSTEM})))
