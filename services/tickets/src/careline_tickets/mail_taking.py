"""A mail that came in, as an appeal or as news of one: taken once, whatever breaks on the way."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.observability.pii import PiiHasher
from careline_tickets import going_on
from careline_tickets.adapters import citizen_words as words
from careline_tickets.adapters.vault import Vault
from careline_tickets.attaching import AttachmentDesk, TooManyFilesError
from careline_tickets.config_mail import MIB, MailboxEntry
from careline_tickets.db import correspondents, mail_held, mail_in
from careline_tickets.db.correspondents import Correspondent
from careline_tickets.db.mail_held import HELD, Held
from careline_tickets.db.mail_in import Place
from careline_tickets.db.repository import Stored
from careline_tickets.domain.attachments import CheckedFile
from careline_tickets.domain.mail import IncomingMail, a_program_surely, tokens_in
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Command, Details, Ticket
from careline_tickets.domain.vocabulary import Action, Channel, Role, Status
from careline_tickets.domain.workflow import Actor
from careline_tickets.mail_writing import MailWriter
from careline_tickets.promising import registered
from careline_tickets.service import Journal, NewTicket

EMAIL = Actor(id="email", roles=frozenset({Role.SYSTEM, Role.AGENT}))
"""Under whose name stands what a citizen's mail does: it is an agent's right to go on with an appeal
that waited for him."""
MANY = 20
"""Mails an hour from one sender: what comes beyond is added to his newest appeal, so that no program can
open appeals without end, and nothing is lost."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Taking:
    """A mail on its way into the journal, in one transaction."""

    uow: UnitOfWork
    box: MailboxEntry
    mail: IncomingMail
    id: str
    sender_key: bytes | None
    raw: bytes
    """The mail as it came, or its header where it is too large."""
    actor: Actor = EMAIL
    came_at: datetime | None = None
    """When it came, where that was before."""


class MailDesk:
    def __init__(
        self,
        journal: Journal,
        writer: MailWriter,
        files: AttachmentDesk,
        *,
        hasher: PiiHasher,
        vault: Vault,
    ) -> None:
        self._journal = journal
        self._vault = vault
        self._files = files
        self._writer = writer
        self._hasher = hasher

    async def take(
        self, uow: UnitOfWork, box: MailboxEntry, place: Place, mail: IncomingMail, raw: bytes
    ) -> str:
        """Marks a mail as taken and does what it asks for; returns what that was."""
        taking = self._taking(uow, box, mail, raw)
        if not await self._marked(taking, place):
            return "repeated"
        outcome, ticket_id = await self._done(taking)
        if ticket_id is not None and mail.files:
            await self._attach(taking, ticket_id)
        await mail_in.settle(uow.connection, taking.id, outcome, ticket_id)
        return outcome

    async def refuse(
        self, uow: UnitOfWork, box: MailboxEntry, place: Place, mail: IncomingMail, head: bytes
    ) -> str:
        """A mail that is too large, of which only the header is known: its sender is told, once. Where he is not,
        a person is to see that it came."""
        taking = self._taking(uow, box, mail, head)
        if not await self._marked(taking, place):
            return "repeated"
        outcome = "too_large"
        if not await self._told_too_large(taking):
            await self._hold(taking, mail.automatic or outcome, whole=False)
            outcome = HELD
        await mail_in.settle(uow.connection, taking.id, outcome, None)
        return outcome

    async def _told_too_large(self, taking: _Taking) -> bool:
        box, mail = taking.box, taking.mail
        if mail.sender is None or mail.automatic is not None:
            return False
        language = box.language or words.language_of(mail.subject, "en")
        return await self._writer.write(
            taking.uow,
            box,
            _correspondent(box, mail, mail.sender, language),
            key=f"too_large:{taking.id}",
            purpose="refusal",
            text=words.said("too_large", language, limit=str(box.max_bytes // MIB)),
            automatic=True,
            subject=f"Re: {mail.subject}",
        )

    async def register_held(
        self, uow: UnitOfWork, box: MailboxEntry, held: Held, mail: IncomingMail, who: Actor
    ) -> Ticket:
        """Registers what a person has judged to be an appeal, under his name, with its files."""
        key = self._sender_key(mail)
        taking = _Taking(uow, box, mail, held.id, key, b"", actor=who, came_at=held.at)
        ticket = await self._register(taking)
        if mail.files:
            await self._attach(taking, ticket.id)
        return ticket

    def _taking(
        self, uow: UnitOfWork, box: MailboxEntry, mail: IncomingMail, raw: bytes
    ) -> _Taking:
        return _Taking(uow, box, mail, uow.ids.new(), self._sender_key(mail), raw)

    def _sender_key(self, mail: IncomingMail) -> bytes | None:
        return None if mail.sender is None else self._writer.address_key(mail.sender)

    def _identity(self, mail: IncomingMail) -> bytes:
        """The same for the same mail, whichever way it came; another where the words are others."""
        sent = mail.date.isoformat() if mail.date is not None else ""
        files = (hashlib.sha256(each.content).hexdigest() for each in mail.files)
        said = ("mail", mail.message_id or sent, mail.sender or "", mail.subject, mail.text)
        return self._hasher.lookup("\0".join((*said, *files)))

    async def _marked(self, taking: _Taking, place: Place) -> bool:
        """Marks it as taken; False for the same mail by another way: a second mailbox, a copy, a folder that
        was made anew."""
        if await self._noted(taking, place, self._identity(taking.mail)):
            return True
        await self._noted(taking, place, None)
        return False

    async def _noted(self, taking: _Taking, place: Place, identity: bytes | None) -> bool:
        name = taking.mail.message_id
        return await mail_in.note(
            taking.uow.connection,
            taking.id,
            place,
            identity=identity,
            message_key=None if name is None else self._writer.message_key(name),
            sender_key=taking.sender_key,
            outcome="taken" if identity is not None else "repeated",
            at=taking.uow.clock.now(),
        )

    async def _done(self, taking: _Taking) -> tuple[str, str | None]:
        stored = await self._belongs_to(taking)
        mark = taking.mail.automatic
        if mark is not None:
            if stored is None:
                await self._hold(taking, mark)
                return HELD, None
            note = f"An automatic mail came ({mark}):\n\n{taking.mail.whole_text}"
            await self._amend(taking, stored, note)
            return "automatic", stored.ticket.id
        if stored is None and await self._too_many(taking):
            stored = await self._newest(taking)
        if stored is None:
            return "registered", (await self._register(taking)).id
        return await self._go_on(taking, stored)

    async def _belongs_to(self, taking: _Taking) -> Stored | None:
        """The appeal that a mail is a reply in, locked: by a token of ours, or by what it refers to."""
        connection = taking.uow.connection
        for token in tokens_in(taking.mail):
            ticket_id = await mail_in.by_number(connection, token.number)
            stored = None if ticket_id is None else await self._locked(taking, ticket_id)
            if stored is not None and self._writer.token(stored.ticket) == token:
                return stored
        keys = [self._writer.message_key(each) for each in taking.mail.references]
        ticket_id = None
        if keys:
            ticket_id = await mail_in.answered(connection, keys, taking.sender_key)
        return None if ticket_id is None else await self._locked(taking, ticket_id)

    async def _locked(self, taking: _Taking, ticket_id: str) -> Stored | None:
        repository = self._journal.repository
        return await repository.find(taking.uow.connection, ticket_id, for_update=True)

    async def _hold(self, taking: _Taking, mark: str, *, whole: bool = True) -> None:
        """A person is to see what looks like a program's and belongs to no appeal."""
        held = Held(
            id=taking.id,
            mailbox=taking.box.id,
            at=taking.uow.clock.now(),
            mark=mark,
            state=HELD,
            whole=whole,
            sender=taking.mail.sender,
            subject=taking.mail.subject,
        )
        raw = self._vault.sealed(taking.raw)
        await mail_held.hold(taking.uow.connection, held, raw=raw, sender_key=taking.sender_key)

    async def _attach(self, taking: _Taking, ticket_id: str) -> None:
        """Keeps what of the files may be kept; what is not, and why, stands in the appeal. With what a program
        alone writes comes our own mail again, or nothing that anybody has meant."""
        mark = taking.mail.automatic
        if mark is not None and a_program_surely(mark):
            why = "came with a program's mail"
            good: list[CheckedFile] = []
            refused = [(file.name or file.declared, why) for file in taking.mail.files]
        else:
            good, refused = self._files.checked(taking.mail.files)
        try:
            await self._files.keep(taking.uow, ticket_id, good, taking.actor, refused)
        except TooManyFilesError:
            why = "is one too many for this appeal"
            refused += [(file.name, why) for file in good]
            await self._files.keep(taking.uow, ticket_id, [], taking.actor, refused)

    async def _too_many(self, taking: _Taking) -> bool:
        if taking.sender_key is None:
            return False
        since = taking.uow.clock.now() - HOUR
        return await mail_in.count_from(taking.uow.connection, taking.sender_key, since) > MANY

    async def _newest(self, taking: _Taking) -> Stored | None:
        assert taking.sender_key is not None
        ticket_id = await mail_in.last_of(taking.uow.connection, taking.sender_key)
        return None if ticket_id is None else await self._locked(taking, ticket_id)

    async def _go_on(self, taking: _Taking, stored: Stored) -> tuple[str, str]:
        """Words of the citizen in an appeal that is there. Where it has ended they go to his own that stands for it
        or goes on from it, else to a new one: never to somebody else's, and somebody reads them."""
        stored = await going_on.place_for(
            taking.uow, self._journal, stored, address_key=taking.sender_key
        )
        if stored.ticket.ended:
            new = await self._register(taking, follows=stored.ticket)
            await going_on.link(taking.uow, self._journal, stored, new, EMAIL)
            return "followed", new.id
        await self._amend(taking, stored, await self._words(taking, stored.ticket))
        await self._remember(taking, stored.ticket)
        return "added", stored.ticket.id

    async def _amend(self, taking: _Taking, stored: Stored, note: str) -> None:
        ticket = await self._journal.act(
            taking.uow, stored, Command(action=Action.AMEND, note=note), EMAIL
        )
        if ticket.status is Status.WAITING and taking.mail.automatic is None:
            again = await self._locked(taking, ticket.id)
            assert again is not None
            await self._journal.act(taking.uow, again, Command(action=Action.RESUME), EMAIL)

    async def _words(self, taking: _Taking, ticket: Ticket) -> str:
        """The mail's words; whose they are stands above them where it is somebody else who writes."""
        known = await correspondents.of(taking.uow.connection, ticket.id)
        text = taking.mail.text or taking.mail.subject
        if known is None or known.address == taking.mail.sender:
            return text
        return f"{taking.mail.sender or 'unknown sender'}:\n\n{text}"

    async def _remember(self, taking: _Taking, ticket: Ticket) -> None:
        """The next mail of ours answers this one, if it is from the one we write to."""
        known = await correspondents.of(taking.uow.connection, ticket.id)
        if known is not None and known.address == taking.mail.sender:
            to = _correspondent(taking.box, taking.mail, known.address, known.language)
            await self._keep(taking, ticket, to)

    async def _keep(self, taking: _Taking, ticket: Ticket, to: Correspondent) -> None:
        key = self._writer.address_key(to.address)
        await correspondents.put(taking.uow.connection, ticket.id, to, key)

    async def _register(self, taking: _Taking, follows: Ticket | None = None) -> Ticket:
        box, mail = taking.box, taking.mail
        language = box.language or words.language_of(mail.whole_text)
        details = Details(
            channel=Channel.EMAIL,
            kind=box.kind,
            subject=box.subject,
            territory=box.territory,
            organisation=box.organisation,
            language=language,
        )
        new = NewTicket(
            details=details,
            person=Person(name=mail.sender_name),
            text=mail.whole_text,
            registered_at=taking.came_at or taking.uow.clock.now(),
            follows=None if follows is None else follows.id,
        )
        ticket = (await self._journal.register(taking.uow, new, taking.actor)).ticket
        if mail.sender is not None:
            to = _correspondent(box, mail, mail.sender, language)
            await self._keep(taking, ticket, to)
            await self._acknowledge(taking, ticket, to)
        return ticket

    async def _acknowledge(self, taking: _Taking, ticket: Ticket, to: Correspondent) -> None:
        if not taking.box.acknowledge:
            return
        await self._writer.write(
            taking.uow,
            taking.box,
            to,
            key=f"registered:{ticket.id}",
            purpose="registered",
            text=registered(ticket, to.language, self._journal.rules().zone),
            automatic=True,
            ticket=ticket,
        )


def _correspondent(
    box: MailboxEntry, mail: IncomingMail, address: str, language: str
) -> Correspondent:
    return Correspondent(
        mailbox=box.id,
        address=address,
        subject=mail.subject,
        message_id=mail.message_id,
        language=language,
    )
