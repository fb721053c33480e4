"""Files with appeals: checked by content, kept with the person's own words, given out when scanned.

That a file came stands in the appeal's history with its SHA-256, in a text that can be erased: the chain
proves the file as long as it is there, and holds when it is gone.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.adapters.vault import Vault
from careline_tickets.db import attachments
from careline_tickets.db.attachments import CLEAN, Attachment
from careline_tickets.domain.attachments import MOST_FILES, BadFileError, CheckedFile, checked
from careline_tickets.domain.mail import MailFile
from careline_tickets.domain.ticket import Command
from careline_tickets.domain.vocabulary import Action, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.ports import Chance
from careline_tickets.service import Journal

LIVES = timedelta(seconds=60)


class TooManyFilesError(Exception):
    """The appeal has as many files as it may have."""


class NotScannedError(Exception):
    """The file is not known to be clean; the text says what is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of files: those that are new, and why others were not taken, by name."""

    files: Sequence[Attachment]
    refused: Sequence[tuple[str, str]] = field(default=(), repr=False)


class AttachmentDesk:
    def __init__(self, journal: Journal, chance: Chance, vault: Vault, *, most_bytes: int) -> None:
        self._journal = journal
        self._chance = chance
        self._vault = vault
        self.most_bytes = most_bytes

    def check(self, file: MailFile) -> CheckedFile:
        """Raises `BadFileError`."""
        return checked(file.name, file.declared, file.content, most_bytes=self.most_bytes)

    def checked(self, files: Iterable[MailFile]) -> tuple[list[CheckedFile], list[tuple[str, str]]]:
        """Those that may be kept, and what is wrong with the others."""
        good: list[CheckedFile] = []
        refused: list[tuple[str, str]] = []
        for file in files:
            try:
                good.append(self.check(file))
            except BadFileError as error:
                refused.append((file.name or file.declared, str(error)))
        return good, refused

    async def keep(
        self,
        uow: UnitOfWork,
        ticket_id: str,
        files: Sequence[CheckedFile],
        actor: Actor,
        refused: Sequence[tuple[str, str]] = (),
    ) -> Kept:
        """Keeps files with an appeal and writes it into its history; raises `TooManyFilesError` and `SealError`.

        The same bytes again are no new file."""
        stored = await self._journal.repository.find(uow.connection, ticket_id, for_update=True)
        assert stored is not None, "whoever attaches has seen the appeal"
        before = await attachments.of(uow.connection, ticket_id)
        known = {each.sha256 for each in before}
        new = {_digest(file): file for file in files if _digest(file) not in known}
        if len(before) + len(new) > MOST_FILES:
            raise TooManyFilesError
        kept = []
        for file in new.values():
            added = await attachments.add(
                uow.connection,
                uow.ids.new(),
                ticket_id,
                file,
                kept=self._vault.sealed(file.content),
                author=actor.id,
                at=uow.clock.now(),
            )
            assert added is not None, "the appeal is locked, and these bytes were not there"
            kept.append(added)
        lines = [f"Attached: {each.name} ({each.media}, {each.size} bytes, SHA-256 {each.sha256.hex()})"
                 for each in kept]  # fmt: skip
        lines += [f"Not attached: {name} {reason}" for name, reason in refused]
        if lines:
            command = Command(action=Action.AMEND, note="\n".join(lines))
            system = Actor(id=actor.id, roles=frozenset({Role.SYSTEM}))
            await self._journal.act(uow, stored, command, system)
        return Kept(files=kept, refused=refused)

    async def link(self, uow: UnitOfWork, file: Attachment, who: str) -> tuple[str, datetime]:
        """A secret that opens the file, and until when; raises `NotScannedError`."""
        if file.state != CLEAN:
            raise NotScannedError(_why(file))
        now = uow.clock.now()
        secret = self._chance.salt().hex() + self._chance.salt().hex()
        expires_at = now + LIVES
        digest = hashlib.sha256(secret.encode()).digest()
        await attachments.add_link(
            uow.connection, digest, file.id, who=who, now=now, expires_at=expires_at
        )
        return secret, expires_at

    async def opened(self, uow: UnitOfWork, secret: str) -> tuple[Attachment, bytes, str] | None:
        """The file behind a secret, its content and to whom it is given; None once its minute is over. Raises
        `SealError`."""
        digest = hashlib.sha256(secret.encode()).digest()
        found = await attachments.behind_link(uow.connection, digest, uow.clock.now())
        if found is None or found[0].state != CLEAN:
            return None
        content = await self.content_of(uow.connection, found[0].id)
        return None if content is None else (found[0], content, found[1])

    async def content_of(self, connection: AsyncConnection, attachment_id: str) -> bytes | None:
        """What is in a file; None where it is gone. Raises `SealError`."""
        kept = await attachments.content_of(connection, attachment_id)
        return None if kept is None else self._vault.opened(kept)


def _digest(file: CheckedFile) -> bytes:
    return hashlib.sha256(file.content).digest()


def _why(file: Attachment) -> str:
    if file.verdict is not None:
        return f"the file carries {file.verdict} and was removed"
    return "the file is not scanned for viruses yet: it is given out when it is known to be clean"
