"""One socket to one Asterisk, and what outlives it."""

import asyncio
from dataclasses import dataclass, field

from careline_router.adapters.asterisk.connection import AriConnection
from careline_router.adapters.asterisk.target import AsteriskTarget
from careline_router.service import RouterService


@dataclass(slots=True)
class Legs:
    """The legs that we have made. `talks` are agents': offer → the call as the PBX knows it; `persons`
    are of those who are called back: offer → callback."""

    talks: dict[str, str] = field(default_factory=dict)
    persons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What everything needs that works over a socket; its `tasks` end with it."""

    ari: AriConnection
    target: AsteriskTarget
    service: RouterService
    legs: Legs
    tasks: asyncio.TaskGroup
