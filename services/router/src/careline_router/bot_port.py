"""A bot as the floor sees it: an agent who talks with a caller by himself, or hands him over to a human.

The caller's voice goes from the PBX to the bot's endpoint, as to any agent's phone. What came of the talk comes
from here; `bot_runner.BotRunner` puts a `Bot` to work at a router.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCall:
    """A call that is connected to the bot; nothing personal."""

    id: str
    line: str
    queue: str | None
    payer: str
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """The caller needed nobody else, and the bot has hung up."""

    disposition: str
    resolved: bool = True
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """The caller is to talk to a human: of `queue`, or of the one he is in. `data` is what he was asked, by
    name: at most 50 texts of 500 signs."""

    data: Mapping[str, str] = field(default_factory=dict)
    queue: str | None = None
    reason: str | None = None


class Bot(Protocol):
    async def talk(self, call: BotCall) -> Contained | HandOver:
        """Returns when the bot is done with the caller; whatever it raises hands him over."""
        ...
