"""The fake SMSC itself: accepts binds, records submit_sm, delivers receipts and replies."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import smpp34

from careline_surveys.adapters.smpp import parts, pdu
from careline_surveys.adapters.smpp.coding import encode
from careline_surveys.adapters.smpp.link import Link, LinkLostError, NotSentError
from careline_surveys.adapters.smpp.pdu import Frame
from careline_surveys.adapters.smpp.receipts import STATES
from careline_surveys.fakes.smsc.behaviour import STATUS, Behaviour, Fault, written
from careline_surveys.fakes.smsc.record import Record, shown

BINDS = {pdu.BIND_RECEIVER: "receiver", pdu.BIND_TRANSMITTER: "transmitter",
         pdu.BIND_TRANSCEIVER: "transceiver"}  # fmt: skip
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A deliver_sm that is kept until the other side has acknowledged it."""

    source: str
    destination: str
    content: bytes
    data_coding: int = 0
    esm_class: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()

    def pdu(self, sequence: int) -> bytes:
        return smpp34.DeliverSm(
            self.source,
            self.destination,
            self.content,
            data_coding=self.data_coding,
            esm_class=self.esm_class,
            tlvs=[smpp34.Tlv(tag, value) for tag, value in self.tlvs],
            sequence_number=sequence,
        ).encode()


class _Session(Link):
    """A session that can lose an answer: it breaks before anything after that answer is read, so that
    no enquire_link can tell the other side that we have heard it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_request: Callable[[Link, Frame], None],
        loses: Callable[[], bool],
    ) -> None:
        super().__init__(reader, writer, on_request)
        self._loses = loses

    def _sort(self, frame: Frame) -> None:
        if frame.command == pdu.DELIVER_SM | pdu.RESPONSE and self._loses():
            self.abort()
        else:
            super()._sort(frame)


class FakeSmsc:
    """Listens on `port` of `host` (0: any) between `open` and `close`."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        record: Record | None = None,
        *,
        system_id: str = "careline",
        password: str = "secret",  # noqa: S107 - a fake's
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.record = record or Record()
        self.host = host
        self.port = port
        self._account = (system_id, password)
        self._server: asyncio.Server | None = None
        self._bound: dict[Link, str] = {}
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = itertools.count(time.time_ns() // 1_000_000)
        self._lost_answers = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in list(self._links)))

    def drop(self) -> None:
        """Drops every connection."""
        for link in list(self._links):
            link.abort()

    def unbind(self) -> None:
        """Takes leave of everybody, as an SMSC does before its maintenance."""
        for link in list(self._bound):
            self._run(self._send_away(link))

    def lose_answers(self, count: int) -> None:
        """The next so many deliver_sm_resp are not heard; the connection drops after each."""
        self._lost_answers += count

    def reply(
        self,
        source: str,
        destination: str,
        text: str,
        *,
        order: Sequence[int] = (),
        reference: int = 7,
    ) -> None:
        """A patient writes; what is too long goes in parts, in this order (counted from one)."""
        encoded = encode(text, "gsm7", "udh")
        bodies = parts.bodies(encoded, "udh", reference)
        for number in order or range(1, len(bodies) + 1):
            body = bodies[number - 1]
            self.deliver(
                Delivery(
                    source=source,
                    destination=destination,
                    content=body.short_message,
                    data_coding=body.data_coding,
                    esm_class=body.esm_class,
                )
            )

    def deliver(self, delivery: Delivery) -> None:
        """Delivers until it is acknowledged, also over sessions to come."""
        self._run(self._deliver(delivery))

    def _loses(self) -> bool:
        """Whether the deliver_sm_resp that has just come in is lost."""
        if self._lost_answers == 0:
            return False
        self._lost_answers -= 1
        self.record.note("answer_lost")
        return True

    def _run(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Session(reader, writer, self._heard, self._loses)
        self._links.add(link)
        await link.lost()
        if self._bound.pop(link, None) is not None:
            self.record.note("unbound")
        self._links.discard(link)
        await link.close()

    def _heard(self, link: Link, frame: Frame) -> None:
        if frame.command in BINDS:
            self._bind(link, frame)
        elif frame.command == pdu.UNBIND:
            link.answer(frame)
            link.finish()
        elif self._bound.get(link, "receiver") == "receiver":
            link.answer(frame, status=pdu.BAD_BIND_STATE)
        elif frame.command == pdu.SUBMIT_SM:
            self._run(self._submitted(link, frame))
        else:
            link.refuse(frame, status=pdu.BAD_COMMAND)

    def _bind(self, link: Link, frame: Frame) -> None:
        system_id, password = frame.data[pdu.HEADER.size :].split(b"\0")[:2]
        if (system_id.decode("latin-1"), password.decode("latin-1")) != self._account:
            self.record.note("bind_refused", mode=BINDS[frame.command])
            link.answer(frame, status=pdu.BIND_FAILED)
            return
        self._bound[link] = BINDS[frame.command]
        self.record.note("bound", mode=BINDS[frame.command])
        link.answer(frame, body=pdu.c_string("FAKE"))

    async def _submitted(self, link: Link, frame: Frame) -> None:
        fault = self.behaviour.next_fault()
        found = frame.submit_sm()
        content, place = parts.read(found)
        number = next(self._ids)
        message_id = written(number, self.behaviour.response_ids)
        entry = shown(found, content, place, fault=fault, message_id=message_id)
        if fault in STATUS:
            self.record.note("refused", **entry)
            link.answer(frame, status=STATUS[fault])
        elif fault in {"lose", "drop_before"}:
            self.record.note("lost", **entry)
        else:
            self.record.note("submit_sm", **entry)
            await self._answer(link, frame, fault, found, number)
        if fault in {"drop_before", "drop_after"}:
            link.abort()

    async def _answer(
        self, link: Link, frame: Frame, fault: Fault, found: smpp34.SubmitSm, number: int
    ) -> None:
        receipt = self._receipt(found, number)
        receipts = self.behaviour.receipts if found.registered_delivery & 3 else "none"
        if receipts == "before":
            await self._deliver(receipt)
        if fault == "slow":
            await asyncio.sleep(self.behaviour.slow_s)
        if fault in {"ok", "slow"}:
            message_id = written(number, self.behaviour.response_ids)
            link.answer(frame, body=pdu.c_string(message_id))
        if receipts == "after":
            self._run(self._deliver_later(receipt))

    def _receipt(self, found: smpp34.SubmitSm, number: int) -> Delivery:
        how = self.behaviour
        message_id = written(number, how.receipt_ids)
        text = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:2611240800 done date:2611240801"
            f" stat:{how.stat} err:000 text:"
        )
        tlvs: list[tuple[int, bytes]] = []
        if how.tlvs:
            state = next((code for code, word in STATES.items() if word == how.stat), 7)
            tlvs = [
                (pdu.RECEIPTED_MESSAGE_ID, pdu.c_string(message_id)),
                (pdu.MESSAGE_STATE, bytes([state])),
            ]
        if how.echo_reference:
            tlvs += [(t.tag, t.value) for t in found.tlvs if t.tag == pdu.USER_MESSAGE_REFERENCE]
        return Delivery(
            source=found.destination_addr,
            destination=found.source_addr,
            content=text.encode() if how.text else b"",
            esm_class=0x04,
            tlvs=tuple(tlvs),
        )

    async def _deliver_later(self, delivery: Delivery) -> None:
        await asyncio.sleep(self.behaviour.receipt_pause_s())
        await self._deliver(delivery)

    async def _deliver(self, delivery: Delivery) -> None:
        while True:
            link = next((link for link, mode in self._bound.items() if mode != "transmitter"), None)
            if link is not None and await self._acknowledged(link, delivery):
                return
            await asyncio.sleep(self.behaviour.redeliver_after_s)

    async def _acknowledged(self, link: Link, delivery: Delivery) -> bool:
        try:
            answer = await link.request(delivery.pdu, within_s=PATIENCE_S)
        except (NotSentError, LinkLostError, TimeoutError):
            return False
        self.record.note("delivered", to=delivery.source, status=answer.status)
        return answer.status == pdu.OK

    async def _send_away(self, link: Link) -> None:
        await link.request(lambda n: pdu.encode(pdu.UNBIND, n), within_s=PATIENCE_S)
        link.finish()


def delivery_of(values: Mapping[str, Any]) -> Delivery:
    """A raw deliver_sm from JSON: from, to, hex, data_coding, esm_class, tlvs {"0424": "hex"}."""
    return Delivery(
        source=values["from"],
        destination=values["to"],
        content=bytes.fromhex(values.get("hex", "")),
        data_coding=values.get("data_coding", 0),
        esm_class=values.get("esm_class", 0),
        tlvs=tuple(
            (int(tag, 16), bytes.fromhex(value)) for tag, value in values.get("tlvs", {}).items()
        ),
    )
