"""What an SMSC delivers: receipts and replies, acknowledged only once they are kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import smpp34
import structlog

from careline_common.observability.errors import describe
from careline_surveys.adapters.smpp import pdu
from careline_surveys.adapters.smpp.coding import charset_of
from careline_surveys.adapters.smpp.link import Link
from careline_surveys.adapters.smpp.parts import read
from careline_surveys.adapters.smpp.pdu import Frame
from careline_surveys.adapters.smpp.receipts import is_receipt, read_receipt
from careline_surveys.adapters.smpp.session import enquire
from careline_surveys.config_sms import SmsEntry
from careline_surveys.ports import Incoming, ReplyPart, SmsReceipt, Taken

log = structlog.get_logger(__name__)

MOST_WAITING = 1000
BATCH = 50

Delivery = SmsReceipt | ReplyPart


@dataclass(frozen=True, slots=True)
class _Waiting:
    link: Link
    frame: Frame
    delivery: Delivery


class Deliveries:
    """Takes deliveries in their order, many in one transaction when they come fast."""

    def __init__(self, entry: SmsEntry, incoming: Incoming) -> None:
        self._entry = entry
        self._incoming = incoming
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(MOST_WAITING)
        self._confirming: set[asyncio.Task[None]] = set()

    def hear(self, link: Link, frame: Frame) -> None:
        """Puts a deliver_sm in line; what cannot be taken now is to come again."""
        try:
            delivery = self._read(frame.deliver_sm())
        except (smpp34.SmppError, ValueError) as error:
            log.warning("smpp.unreadable_delivery", error=type(error).__name__)
            link.answer(frame, status=pdu.PERMANENT)
            return
        if delivery is None:
            link.answer(frame)
            return
        try:
            self._queue.put_nowait(_Waiting(link, frame, delivery))
        except asyncio.QueueFull:
            link.answer(frame, status=pdu.QUEUE_FULL)

    async def run(self) -> None:
        """Takes what is in line until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._take(batch)

    async def close(self) -> None:
        for task in self._confirming:
            task.cancel()
        await asyncio.gather(*self._confirming, return_exceptions=True)

    def _read(self, found: smpp34.DeliverSm) -> Delivery | None:
        if is_receipt(found):
            return read_receipt(found, self._entry.alphabet, self._entry.receipt_ids)
        content, place = read(found)
        tlvs = {tlv.tag: tlv.value for tlv in found.tlvs}
        return ReplyPart(
            sender=found.source_addr,
            recipient=found.destination_addr,
            content=content,
            charset=charset_of(found.data_coding, self._entry.alphabet),
            mark=tlvs.get(pdu.USER_MESSAGE_REFERENCE, b"").hex(),
            reference=0 if place is None else place.reference,
            total=1 if place is None else place.total,
            number=1 if place is None else place.number,
        )

    async def _take(self, batch: Sequence[_Waiting]) -> None:
        try:
            taken = await self._incoming.take(
                self._entry.id, [waiting.delivery for waiting in batch]
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the SMSC shall come again
            if len(batch) > 1:  # one of them must not keep the others out
                for waiting in batch:
                    await self._take([waiting])
                return
            log.warning("smpp.not_taken", error=describe(error))
            batch[0].link.answer(batch[0].frame, status=pdu.TEMPORARY)
            return
        for waiting in batch:
            waiting.link.answer(waiting.frame)
        for link in {waiting.link for waiting in batch}:
            again = [
                each
                for waiting, each in zip(batch, taken, strict=True)
                if waiting.link is link and each.inbound_id is not None
            ]
            if again:
                self._confirm_later(link, again)

    def _confirm_later(self, link: Link, taken: Sequence[Taken]) -> None:
        """An answer to enquire_link proves that the SMSC has read the acknowledgements before it."""

        async def confirm() -> None:
            if await enquire(link, self._entry.response_timeout_s):
                await self._incoming.acknowledged(self._entry.id, taken)

        task = asyncio.create_task(confirm(), name="smpp confirm")
        self._confirming.add(task)
        task.add_done_callback(self._confirmed)

    def _confirmed(self, task: asyncio.Task[None]) -> None:
        self._confirming.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("smpp.not_confirmed", error=describe(error))
