"""Mail servers in memory, for trying out and for tests; they keep to the same promises as real ones."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from careline_tickets.ports import MailAwayError, MailOutcome, MailSent, OutgoingMail


class MemoryMailbox:
    """A folder of mail. `away` makes it one that cannot be reached; of `withheld` mails it gives nothing."""

    def __init__(self) -> None:
        self.validity = 1
        self.inbox: dict[int, bytes] = {}
        self.done: list[bytes] = []
        self.away = False
        self.withheld: set[int] = set()
        self._next = 1

    def deliver(self, raw: bytes) -> int:
        """A mail comes in; returns its uid."""
        uid, self._next = self._next, self._next + 1
        self.inbox[uid] = raw
        return uid

    def renumber(self) -> None:
        """The folder is made anew, as after a restore: other uids under another UIDVALIDITY."""
        self.validity += 1
        mails, self.inbox, self._next = list(self.inbox.values()), {}, 1
        for raw in mails:
            self.deliver(raw)

    @asynccontextmanager
    async def session(self) -> AsyncIterator["MemoryMailbox"]:
        self._check()
        yield self

    async def uids(self) -> Sequence[int]:
        self._check()
        return sorted(self.inbox)

    async def size(self, uid: int) -> int | None:
        self._check()
        return len(self.inbox[uid]) if uid in self.inbox else None

    async def fetch(self, uid: int, *, head_only: bool = False) -> bytes | None:
        self._check()
        raw = None if uid in self.withheld else self.inbox.get(uid)
        if raw is None or not head_only:
            return raw
        head, separator, _ = raw.partition(b"\r\n\r\n")
        return head + separator

    async def set_aside(self, uid: int) -> None:
        self._check()
        if uid in self.inbox:
            self.done.append(self.inbox.pop(uid))

    def _check(self) -> None:
        if self.away:
            raise MailAwayError("ConnectionRefusedError")


class MemorySender:
    """Takes every mail, or does with the next ones what `plan` says."""

    def __init__(self) -> None:
        self.taken: list[OutgoingMail] = []
        self.plan: list[MailOutcome] = []

    async def send(self, mail: OutgoingMail) -> MailSent:
        outcome = self.plan.pop(0) if self.plan else "sent"
        if outcome in {"sent", "unknown"}:
            self.taken.append(mail)
        return MailSent(outcome=outcome, reason=None if outcome == "sent" else "plan")
