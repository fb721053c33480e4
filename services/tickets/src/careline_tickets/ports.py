"""What the journal needs from outside."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol


class Chance(Protocol):
    """Randomness that nobody can foresee."""

    def code(self) -> str:
        """A new tracking code: 60 random bits, to be read out over the phone."""
        ...

    def salt(self) -> bytes:
        """16 random bytes."""
        ...


class Records(Protocol):
    """Where the records behind ingest's events are kept."""

    async def get(self, record_id: str) -> dict[str, Any] | None:
        """A record as it is now, None when it is gone. Raises while it cannot be asked."""
        ...

    async def several(self, record_ids: Collection[str]) -> Mapping[str, dict[str, Any]]:
        """Those of up to 100 records that are there, by id. Raises while they cannot be asked."""
        ...


class CallRecordings(Protocol):
    """Where recordings of calls are known."""

    async def of(self, call_id: str) -> str | None:
        """Where the recording of a call can be fetched, None when there is none. Raises while it
        cannot be asked."""
        ...


class PartnerRecordings(Protocol):
    """Where it is known which recordings partners keep."""

    async def of(self, source: str, external_id: str) -> str | None:
        """The record under which ingest fetches the recording of this appeal, None when there is none. Raises while
        it cannot be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What a patient wrote in answer to a question of a survey."""

    question: str
    text: str = field(repr=False)


class Comments(Protocol):
    """Where the words behind surveys' events are kept."""

    async def of(self, invitation_id: str) -> Sequence[Comment]:
        """What was written in answer to an invitation, none once it is erased. Raises while it
        cannot be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An SMS that answers no survey. `asks_status` says that it asks how an appeal stands."""

    sender: str = field(repr=False)
    """E.164."""
    text: str = field(repr=False)
    at: datetime
    asks_status: bool


class Messages(Protocol):
    """Where the SMS behind surveys' events are kept."""

    async def get(self, message_id: str) -> Message | None:
        """A message, None once its sender is erased. Raises while it cannot be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a call, and the CRM that was asked about its caller, say of a person."""

    phone: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    policy_number: str | None = field(default=None, repr=False)
    insurer: str | None = None
    language: str | None = None


class Calls(Protocol):
    """Where calls are known."""

    async def of(self, call_id: str, authorization: str) -> Call | None:
        """A call as whoever has this `Authorization` may see it; None when it is not there for him, or
        cannot be asked in time: an appeal is registered all the same."""
        ...


class MailAwayError(Exception):
    """A mail server cannot be reached or does not let us in; the text says why, and nobody's data."""


class MailboxSession(Protocol):
    """A folder of mail that is open. All of it raises `MailAwayError` when the connection is lost."""

    @property
    def validity(self) -> int:
        """UIDVALIDITY (RFC 9051 §2.3.1.1): uids are those of this number alone."""
        ...

    async def uids(self) -> Sequence[int]:
        """What lies in the folder, the oldest first."""
        ...

    async def size(self, uid: int) -> int | None:
        """Octets of a mail; None when it is gone."""
        ...

    async def fetch(self, uid: int, *, head_only: bool = False) -> bytes | None:
        """A mail, or its header alone; None when it is gone. It stays unread where it is."""
        ...

    async def set_aside(self, uid: int) -> None:
        """Moves a mail to the folder of those that were taken. Again does nothing."""
        ...


class Mailbox(Protocol):
    """Where mail comes in."""

    def session(self) -> AbstractAsyncContextManager[MailboxSession]:
        """Opens the folder; raises `MailAwayError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A mail of ours. `envelope_from` is where it comes back to, empty for what must not come back."""

    message_id: str
    sender: str
    envelope_from: str
    reply_to: str | None = None
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    references: tuple[str, ...] = field(default=(), repr=False)
    automatic: bool


MailOutcome = Literal["sent", "not_taken", "refused", "unknown"]
"""`not_taken` is for sure, and may be tried again; `refused` is for good; of `unknown` nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSent:
    """What became of a mail; `reason` is a code of the protocol, never the server's words."""

    outcome: MailOutcome
    reason: str | None = None


class MailSender(Protocol):
    """Where mail goes out."""

    async def send(self, mail: OutgoingMail) -> MailSent:
        """Hands a mail over, once. Never raises."""
        ...


class ScannerAwayError(Exception):
    """The scanner cannot be asked; the text says why."""


class Scanner(Protocol):
    """What knows viruses."""

    async def scan(self, content: bytes) -> str | None:
        """The name of what a file carries, None for a clean one. Raises `ScannerAwayError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRest:
    """Bytes as they lie in the database: sealed by the key of this name, or plain."""

    content: bytes = field(repr=False)
    key: str | None = None
