"""One TCP connection with an SMSC: requests and their answers, and what the SMSC asks of us.

The rule that everything here serves: `NotSentError` is raised only while no octet of the request
can have left this process. After that, silence is `LinkLostError` or `TimeoutError`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from careline_surveys.adapters.smpp import pdu
from careline_surveys.adapters.smpp.pdu import Frame, ProtocolError

log = structlog.get_logger(__name__)

LAST_SEQUENCE = 0x7FFF_FFFF
LATE_ANSWERS = 10_000
"""Requests that are remembered after their time-out, in case an answer still comes."""


class NotSentError(Exception):
    """The connection was gone before the request was written."""


class LinkLostError(Exception):
    """The connection went while the request was on its way: the SMSC may have it."""


@dataclass(slots=True)
class _Waiting:
    answer: asyncio.Future[Frame]
    late: Callable[[Frame], None] | None = None


class Link:
    """`on_request` hears every PDU that is no answer, except enquire_link, answered here."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_request: Callable[["Link", Frame], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_request = on_request
        self._waiting: dict[int, _Waiting] = {}
        self._sequence = 0
        self._lost = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name="smpp link")

    async def lost(self) -> None:
        """Returns when the connection is gone."""
        await self._lost.wait()

    @property
    def open(self) -> bool:
        return not self._lost.is_set() and not self._writer.is_closing()

    async def request(
        self,
        build: Callable[[int], bytes],
        *,
        within_s: float,
        late: Callable[[Frame], None] | None = None,
    ) -> Frame:
        """Writes the PDU that `build` makes for a sequence number; returns the answer to it.

        Raises `NotSentError`, `LinkLostError`, or `TimeoutError` after `within_s`; an answer that
        comes after that goes to `late`.
        """
        if not self.open:
            raise NotSentError
        sequence = self._next_sequence()
        data = build(sequence)
        waiting = _Waiting(asyncio.get_running_loop().create_future())
        self._waiting[sequence] = waiting
        self._writer.write(data)
        try:
            async with asyncio.timeout(within_s):
                return await waiting.answer
        finally:
            if waiting.answer.cancelled() and late is not None and self.open:
                self._remember(sequence, late)
            else:
                self._waiting.pop(sequence, None)

    def answer(self, to: Frame, *, status: int = pdu.OK, body: bytes | None = None) -> None:
        """Answers a request; of deliver_sm_resp the message_id is always empty."""
        if body is None:
            body = b"\0" if to.command == pdu.DELIVER_SM else b""
        if self.open:
            self._writer.write(pdu.encode(to.command | pdu.RESPONSE, to.sequence, body, status))

    def refuse(self, frame: Frame, *, status: int) -> None:
        """Says that we do not know such a PDU."""
        if self.open:
            self._writer.write(pdu.encode(pdu.GENERIC_NACK, frame.sequence, status=status))

    async def close(self) -> None:
        """Drops the connection; whoever waits for an answer gets `LinkLostError`."""
        self._end()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    def finish(self) -> None:
        """Closes the connection once all that was written has left; `lost` returns."""
        self._writer.close()
        self._end()

    def abort(self) -> None:
        """Resets the connection; `lost` returns."""
        self._writer.transport.abort()
        self._end()

    def _next_sequence(self) -> int:
        while True:
            self._sequence = self._sequence % LAST_SEQUENCE + 1
            if self._sequence not in self._waiting:
                return self._sequence

    def _remember(self, sequence: int, late: Callable[[Frame], None]) -> None:
        self._waiting[sequence].late = late
        if len(self._waiting) > LATE_ANSWERS:
            oldest = next(key for key, waiting in self._waiting.items() if waiting.late is not None)
            del self._waiting[oldest]

    async def _read(self) -> None:
        try:
            while True:
                self._sort(await pdu.read_frame(self._reader))
        except (OSError, asyncio.IncompleteReadError):
            pass  # how connections end
        except ProtocolError as error:
            log.warning("smpp.unreadable", reason=str(error))
        finally:
            self.abort()

    def _sort(self, frame: Frame) -> None:
        if frame.command & pdu.RESPONSE:
            self._answered(frame)
        elif frame.command == pdu.ENQUIRE_LINK:
            self.answer(frame)
        else:
            self._on_request(self, frame)

    def _answered(self, frame: Frame) -> None:
        waiting = self._waiting.get(frame.sequence)
        if waiting is None:
            return
        if waiting.late is not None:
            del self._waiting[frame.sequence]
            waiting.late(frame)
        elif not waiting.answer.done():
            waiting.answer.set_result(frame)

    def _end(self) -> None:
        self._lost.set()
        for waiting in list(self._waiting.values()):
            if not waiting.answer.done():
                waiting.answer.set_exception(LinkLostError())
