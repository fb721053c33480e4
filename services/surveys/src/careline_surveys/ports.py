"""The outside world as the use cases see it."""

from dataclasses import dataclass
from typing import Protocol

from careline_surveys.domain.invitations import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingSms:
    """A message for a provider; `id` is ours and the same on every attempt."""

    id: str
    to: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a provider made of a message."""

    outcome: Outcome
    provider_message_id: str | None = None
    retry_after_s: float | None = None
    """How long a provider that refused wants to be left alone."""


class SmsProvider(Protocol):
    """One configured provider. `send` never raises: what it cannot tell is `unknown`."""

    @property
    def id(self) -> str: ...

    async def send(self, sms: OutgoingSms) -> Handover: ...

    async def close(self) -> None: ...
