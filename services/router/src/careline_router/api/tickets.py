"""Tickets into the agent socket: a browser cannot send a token with a WebSocket."""

import secrets
from dataclasses import dataclass

from careline_common.clock import Clock
from careline_common.http.auth import Principal

LIVES_S = 30.0


@dataclass(frozen=True, slots=True)
class _Ticket:
    caller: Principal
    until: float


class SocketTickets:
    """Single-use tickets, in memory: after a restart an agent asks for a new one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, _Ticket] = {}

    def issue(self, caller: Principal) -> str:
        """A new ticket for the bearer of a token; it lives 30 s."""
        now = self._clock.monotonic()
        self._open = {name: kept for name, kept in self._open.items() if kept.until > now}
        name = secrets.token_urlsafe(32)
        self._open[name] = _Ticket(caller, now + LIVES_S)
        return name

    def redeem(self, name: str) -> Principal | None:
        """Whose ticket it is; None when it is unknown, used or too old."""
        ticket = self._open.pop(name, None)
        if ticket is None or ticket.until <= self._clock.monotonic():
            return None
        return ticket.caller
