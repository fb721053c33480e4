"""What the routes work with, and who is at the counter."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.http.auth import Caller, Principal
from careline_common.http.problem import Conflict, Forbidden, NotFound, NotReady, invalid
from careline_common.sealed import SealError
from careline_tickets.adapters.vault import Vault
from careline_tickets.attaching import AttachmentDesk
from careline_tickets.classifier import Classifier
from careline_tickets.config import Rules
from careline_tickets.db import audit
from careline_tickets.domain.sight import Viewer
from careline_tickets.domain.ticket import InvalidCommandError
from careline_tickets.domain.vocabulary import Role
from careline_tickets.domain.workflow import Actor, NotNow, NotPermitted
from careline_tickets.limiter import Limiter
from careline_tickets.mail_taking import MailDesk
from careline_tickets.mail_writing import MailWriter
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.ports import CallRecordings, Calls, PartnerRecordings
from careline_tickets.recordings import RecordingDesk
from careline_tickets.service import Journal
from careline_tickets.surging import SurgeDesk

ACTING = frozenset(Role) - {Role.SYSTEM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One service's collaborators, made in `app.py`."""

    database: Database
    journal: Journal
    clock: Clock
    region: str
    limiter: Limiter
    form_limiter: Limiter
    fresh_key: Callable[[], str]
    """A key for an empty form, which nobody can guess."""
    classifier: Classifier
    calls: Calls
    metrics: TicketsMetrics
    call_recordings: CallRecordings
    partner_recordings: PartnerRecordings
    recordings: RecordingDesk
    surges: SurgeDesk
    attachments: AttachmentDesk
    vault: Vault
    mail_writer: MailWriter
    mail_desk: MailDesk

    @property
    def rules(self) -> Rules:
        return self.journal.rules()


async def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


OfficeHere = Annotated[Office, Depends(_office)]


def viewer_of(caller: Principal, office: Office) -> Viewer:
    """The caller; an insurer's user whose token names no insurer has that of the configuration."""
    user = office.rules.users.get(caller.subject)
    insurer = caller.insurer or (user.insurer if user is not None else None)
    return Viewer(id=caller.subject, roles=caller.roles, insurer=insurer)


async def _viewer(caller: Caller, office: OfficeHere) -> Viewer:
    return viewer_of(caller, office)


ViewerHere = Annotated[Viewer, Depends(_viewer)]


def actor_of(viewer: Viewer) -> Actor:
    """The caller as one who acts; roles that do nothing to an appeal are left out."""
    roles = frozenset(role for role in ACTING if role in viewer.roles)
    return Actor(id=viewer.id, roles=roles, insurer=viewer.insurer)


@contextmanager
def sealing() -> Iterator[None]:
    """That the keys of files cannot be had is no fault of who asks: 503."""
    try:
        yield
    except SealError as error:
        raise NotReady(f"files cannot be sealed or opened now: {error}") from error


@contextmanager
def problems() -> Iterator[None]:
    """Refusals of the domain as answers: 403, 409 with what is allowed, 422 with the path."""
    try:
        yield
    except NotPermitted as refusal:
        raise Forbidden(str(refusal)) from refusal
    except NotNow as refusal:
        raise Conflict(str(refusal), allowed=refusal.allowed) from refusal
    except InvalidCommandError as error:
        raise invalid(error.path, error.reason) from error


@asynccontextmanager
async def watched(office: Office, viewer: Viewer, what: str, ticket_id: str) -> AsyncIterator[None]:
    """Audits that somebody asked for an appeal which is not there for him."""
    try:
        yield
    except NotFound:
        async with office.database.unit_of_work() as uow:
            await audit.note(
                uow,
                who=viewer.id,
                roles=viewer.roles,
                what=what,
                ticket_id=ticket_id[:100],
                refused=NotFound.status,
            )
        raise
