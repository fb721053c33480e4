"""The outside world as the use cases see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from careline_surveys.domain.invitations import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingSms:
    """A message for a provider; `id` is ours and the same on every attempt.

    `reference` (0 to 65535) is ours too, for networks that give no more room; it comes round again.
    """

    id: str
    to: str
    text: str
    reference: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a provider made of a message."""

    outcome: Outcome
    provider_message_id: str | None = None
    part_ids: tuple[str, ...] = ()
    """The provider's ids of the parts that it has taken, when the message went in several."""
    reason: str | None = None
    """Why it failed, in the provider's own word."""
    retry_after_s: float | None = None
    """How long a provider that refused wants to be left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSms:
    """A message that was handed over at `at`, and whose outcome nobody knows."""

    sms: OutgoingSms
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a provider says when it is asked for a message: it has it, under this id.

    `status` is in the words of receipts. `own` is False where the message was found by what it says
    and to whom, so that the id may be of another one.
    """

    message_id: str
    status: str
    own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsReceipt:
    """What the network tells of a message that was sent; `sender` is the patient's number."""

    message_id: str | None
    status: str
    reference: int | None
    sender: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardReply:
    """A message of a patient, told by a callback. Repeats are known by `external_id`."""

    external_id: str
    sender: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPart:
    """A message of a patient, or the `number`th of the `total` parts of one.

    `charset` says how the joined `content` of all parts is to be read. `mark` tells this message
    from others with the same words, where the network has something to tell them by.
    """

    sender: str
    recipient: str
    content: bytes
    charset: str
    reference: int = 0
    total: int = 1
    number: int = 1
    mark: str = ""


class SmsProvider(Protocol):
    """One configured provider. `send` never raises: what it cannot tell is `unknown`."""

    @property
    def id(self) -> str: ...

    def able(self) -> bool:
        """False while nothing can be sent, so that messages go by the next provider."""
        ...

    def well(self) -> bool:
        """False while another provider, if there is one, is the better choice."""
        ...

    def room(self) -> int | None:
        """How many messages it takes at a time; 0 while it takes none, None without a limit."""
        ...

    def parts(self, text: str) -> int:
        """In how many parts, each with a receipt of its own, the text goes out."""
        ...

    async def send(self, sms: OutgoingSms) -> Handover: ...

    @property
    def looks_up(self) -> bool:
        """Whether it can be asked for messages of unknown outcome."""
        ...

    async def look_up(self, sent: SentSms) -> Found | None:
        """Asks the provider for a message; None when it does not know it, or does not say."""
        ...

    async def close(self) -> None:
        """Lets what is in hand come to its end, and takes leave."""
        ...


class Incoming(Protocol):
    """What a provider with a connection of its own tells us. Nothing is lost once these return."""

    async def take(
        self, provider: str, deliveries: Sequence[SmsReceipt | ReplyPart]
    ) -> Sequence["Taken"]:
        """Keeps deliveries, in their order. Raises when nothing was kept: tell us again later."""
        ...

    async def acknowledged(self, provider: str, taken: Sequence["Taken"]) -> None:
        """The provider surely knows that these were kept, so it will not deliver them again."""
        ...

    async def late(self, provider: str, message_id: str, handover: Handover) -> None:
        """An answer to `send` that came after `send` had given up waiting."""
        ...

    def wake(self) -> None:
        """The provider has room again."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that was kept; `inbound_id` is set where it may come again."""

    inbound_id: str | None = None
