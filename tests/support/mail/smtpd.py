"""An SMTP server (aiosmtpd) that keeps what it takes, and misbehaves where it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Smtpd:
    """`refuse` answers with this at RCPT or at the end of DATA; `hang_up` says nothing at the end."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    at_rcpt: str | None = None
    at_data: str | None = None
    hang_up: bool = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_rcpt is not None:
            return self.at_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.at_data is not None:
            return self.at_data
        self.taken.append(envelope)
        if self.hang_up:
            server.transport.abort()
        return "250 taken"


@asynccontextmanager
async def private_smtpd(port: int) -> AsyncIterator[Smtpd]:
    handler = Smtpd(port=port)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mx.example", loop=loop), "127.0.0.1", port
    )
    try:
        yield handler
    finally:
        server.close()
        await server.wait_closed()
