"""A bound session: one transceiver, or a transmitter beside a receiver, kept alive and unbound."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from careline_surveys.adapters.smpp import pdu
from careline_surveys.adapters.smpp.link import Link, LinkLostError, NotSentError
from careline_surveys.adapters.smpp.pdu import Frame
from careline_surveys.config_sms import SmsEntry

log = structlog.get_logger(__name__)

CONNECT_S = 5.0
UNBIND_S = 2.0

OnRequest = Callable[[Link, Frame], None]
GONE = (OSError, TimeoutError, NotSentError, LinkLostError)
"""What tells that a session is over, or never came about."""


class BindError(Exception):
    """The SMSC does not let us in; the text is its command_status."""


class Session:
    """`transmitter` takes our messages, every link of `links` may bring us deliveries."""

    def __init__(self, links: Sequence[Link], enquire_link_s: float, patience_s: float) -> None:
        self.transmitter = links[0]
        self.links = links
        self._enquire_link_s = enquire_link_s
        self._patience_s = patience_s

    @property
    def open(self) -> bool:
        return all(link.open for link in self.links)

    async def over(self) -> None:
        """Returns when a connection is lost, or does not answer enquire_link any more."""
        watching = [asyncio.create_task(link.lost()) for link in self.links]
        watching += [asyncio.create_task(self._keep_alive(link)) for link in self.links]
        try:
            await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _keep_alive(self, link: Link) -> None:
        while True:
            await asyncio.sleep(self._enquire_link_s)
            if not await enquire(link, self._patience_s):
                log.warning("smpp.silent")
                return


async def enquire(link: Link, within_s: float) -> bool:
    """Asks whether the SMSC is there. Its answer also proves that it read all we wrote before."""
    try:
        await link.request(
            lambda sequence: pdu.encode(pdu.ENQUIRE_LINK, sequence), within_s=within_s
        )
    except GONE:
        return False
    return True


@asynccontextmanager
async def bound(entry: SmsEntry, on_request: OnRequest) -> AsyncIterator[Session]:
    """Connects and binds; at the end unbinds. Raises one of `GONE`, or `BindError`."""
    commands = (
        (pdu.BIND_TRANSCEIVER,)
        if entry.bind == "transceiver"
        else (pdu.BIND_TRANSMITTER, pdu.BIND_RECEIVER)
    )
    links: list[Link] = []
    try:
        for command in commands:
            link = await _bind(entry, command, on_request)
            links.append(link)
        yield Session(links, entry.enquire_link_s, entry.response_timeout_s)
    finally:
        await asyncio.gather(*(_leave(link) for link in links))


async def _bind(entry: SmsEntry, command: int, on_request: OnRequest) -> Link:
    async with asyncio.timeout(CONNECT_S):
        reader, writer = await asyncio.open_connection(entry.host, entry.port)
    link = Link(reader, writer, on_request)
    password = "" if entry.password is None else entry.password.get_secret_value()
    body = pdu.bind_body(entry.system_id or "", password, entry.system_type)
    try:
        answer = await link.request(
            lambda sequence: pdu.encode(command, sequence, body), within_s=entry.response_timeout_s
        )
    except BaseException:
        await link.close()
        raise
    if answer.status != pdu.OK:
        await link.close()
        raise BindError(pdu.name_of(answer.status))
    return link


async def _leave(link: Link) -> None:
    """Says goodbye where anybody still listens."""
    if link.open:
        with contextlib.suppress(*GONE):
            await link.request(lambda sequence: pdu.encode(pdu.UNBIND, sequence), within_s=UNBIND_S)
    await link.close()
