"""The SMPP provider: keeps one session bound and hands messages over by submit_sm.

An error that says "not now" means that the message was not taken; silence after the PDU may have
left means that nobody knows, and what nobody knows is never sent again.
"""

import asyncio
import random
import struct
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import smpp34
import structlog

from careline_common.observability.errors import describe
from careline_surveys.adapters.pace import Pace
from careline_surveys.adapters.smpp import coding, parts, pdu
from careline_surveys.adapters.smpp.deliveries import Deliveries
from careline_surveys.adapters.smpp.link import Link, LinkLostError, NotSentError
from careline_surveys.adapters.smpp.parts import Body
from careline_surveys.adapters.smpp.pdu import Frame
from careline_surveys.adapters.smpp.receipts import canonical
from careline_surveys.adapters.smpp.session import Session, bound
from careline_surveys.config_sms import SmsEntry
from careline_surveys.ports import Found, Handover, Incoming, OutgoingSms, SentSms

log = structlog.get_logger(__name__)

NOT_TAKEN = frozenset({pdu.THROTTLED, pdu.QUEUE_FULL, pdu.TEMPORARY, pdu.BAD_BIND_STATE})
NOBODY_KNOWS = frozenset({pdu.SYSTEM_ERROR, pdu.UNKNOWN_ERROR})
"""Some SMSCs answer so after they have stored the message."""

HELD_S = 1.0
"""How long nothing goes out after the SMSC said that it is too much."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
STEP_S = 0.2


class Turn(Protocol):
    """Held by one process at a time, by whatever number of replicas."""

    async def lost(self) -> None:
        """Returns when the turn may have passed to somebody else."""
        ...


Turns = Callable[[str], AbstractAsyncContextManager[Turn]]


class SmppProvider:
    """One entry of kind `smpp`. `start` it in a running loop; `close` drains and unbinds."""

    def __init__(
        self,
        entry: SmsEntry,
        *,
        incoming: Incoming,
        turns: Turns,
        is_bound: Callable[[bool], None],
    ) -> None:
        self._entry = entry
        self._incoming = incoming
        self._turns = turns
        self._is_bound = is_bound
        self._deliveries = Deliveries(entry, incoming)
        self._session: Session | None = None
        self._standby = False
        self._unbound_since = asyncio.get_running_loop().time()
        self._held_until = 0.0
        self._pace = Pace(entry.per_second)
        self._sending: set[asyncio.Task[Handover]] = set()
        self._late: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for name, work in (("bind", self._keep_bound), ("deliveries", self._deliveries.run)):
            self._tasks.append(asyncio.create_task(work(), name=f"smpp {name}"))

    @property
    def id(self) -> str:
        return self._entry.id

    @property
    def connected(self) -> bool:
        return self._session is not None

    def able(self) -> bool:
        """Bound, or in reserve while another process is bound, or not for long unbound."""
        if self.connected or self._standby:
            return True
        away = asyncio.get_running_loop().time() - self._unbound_since
        return away < self._entry.failover_s

    def well(self) -> bool:
        return True

    @property
    def looks_up(self) -> bool:
        """query_sm asks by the SMSC's id, which an unknown outcome is without."""
        return False

    async def look_up(self, _sent: SentSms) -> Found | None:
        return None

    def room(self) -> int:
        if self._session is None or asyncio.get_running_loop().time() < self._held_until:
            return 0
        return self._pace.room(self._entry.window, len(self._sending))

    def parts(self, text: str) -> int:
        encoded = coding.encode(text, self._entry.alphabet, self._entry.long_messages)
        return len(encoded.parts)

    async def send(self, sms: OutgoingSms) -> Handover:
        sending = asyncio.create_task(self._send(sms))
        self._sending.add(sending)
        try:
            return await sending
        finally:
            self._sending.discard(sending)

    async def close(self) -> None:
        self._session = None
        await self._drained()
        for task in (*self._tasks, *self._late):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._late, return_exceptions=True)
        await self._deliveries.close()

    # Sending

    async def _send(self, sms: OutgoingSms) -> Handover:
        encoded = coding.encode(sms.text, self._entry.alphabet, self._entry.long_messages)
        session = self._session
        made: list[Handover] = []
        for body in parts.bodies(encoded, self._entry.long_messages, sms.reference):
            handover = await self._submit(session, sms, body)
            if made and handover.outcome == "refused":
                handover = await self._insist(sms, body)
            made.append(handover)
            if handover.outcome in {"refused", "failed"}:
                break
        return _together(made)

    async def _insist(self, sms: OutgoingSms, body: Body) -> Handover:
        """A later part that was surely not taken is tried again: the first one is on its way."""
        end = asyncio.get_running_loop().time() + 2 * self._entry.response_timeout_s
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(STEP_S)
            if self.room() == 0:
                continue
            handover = await self._submit(self._session, sms, body)
            if handover.outcome != "refused":
                return handover
        return Handover(outcome="failed", reason="incomplete")

    async def _submit(self, session: Session | None, sms: OutgoingSms, body: Body) -> Handover:
        await self._pace.wait()
        if session is None:
            return Handover(outcome="refused")
        try:
            answer = await session.transmitter.request(
                lambda sequence: self._pdu(sms, body, sequence),
                within_s=self._entry.response_timeout_s,
                late=lambda frame: self._heard_late(sms.id, frame),
            )
        except NotSentError:
            return Handover(outcome="refused")
        except (LinkLostError, TimeoutError) as error:
            log.warning("sms.no_answer", provider=self.id, error=type(error).__name__)
            return Handover(outcome="unknown")
        except ValueError as error:  # smpp34 cannot write it: an address, say, that is too long
            log.warning("sms.not_writable", provider=self.id, error=type(error).__name__)
            return Handover(outcome="failed", reason="not writable")
        return self._meaning(answer)

    def _meaning(self, answer: Frame) -> Handover:
        if answer.status == pdu.OK and answer.command != pdu.GENERIC_NACK:
            message_id = canonical(answer.text(), self._entry.response_ids)
            named = message_id if answer.text().strip() else None
            return Handover(outcome="accepted", provider_message_id=named)
        name = pdu.name_of(answer.status)
        log.warning("sms.refused", provider=self.id, status=name)
        if answer.status in NOT_TAKEN:
            self._hold()
            return Handover(outcome="refused", retry_after_s=HELD_S)
        if answer.status in NOBODY_KNOWS:
            return Handover(outcome="unknown")
        return Handover(outcome="failed", reason=name)

    def _pdu(self, sms: OutgoingSms, body: Body, sequence: int) -> bytes:
        entry = self._entry
        reference = smpp34.Tlv(pdu.USER_MESSAGE_REFERENCE, struct.pack(">H", sms.reference))
        return smpp34.SubmitSm(
            entry.source,
            sms.to.removeprefix("+"),
            body.short_message,
            source_addr_ton=entry.source_ton,
            source_addr_npi=entry.source_npi,
            dest_addr_ton=entry.destination_ton,
            dest_addr_npi=entry.destination_npi,
            esm_class=body.esm_class,
            validity_period=_relative(entry.validity_s),
            registered_delivery=1,
            data_coding=body.data_coding,
            tlvs=[reference, *(smpp34.Tlv(tag, value) for tag, value in body.tlvs)],
            sequence_number=sequence,
        ).encode()

    def _hold(self) -> None:
        loop = asyncio.get_running_loop()
        self._held_until = loop.time() + HELD_S
        loop.call_later(HELD_S, self._incoming.wake)

    def _heard_late(self, message_id: str, answer: Frame) -> None:
        handover = self._meaning(answer)
        if handover.outcome != "accepted":
            return
        task = asyncio.create_task(self._incoming.late(self.id, message_id, handover))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    # The session

    async def _keep_bound(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                self._standby = True
                since = asyncio.get_running_loop().time()
                async with self._turns(f"surveys smpp {self.id}") as turn:
                    self._standby = False
                    self._follow(since)
                    async with bound(self._entry, self._heard) as session:
                        pause = FIRST_PAUSE_S
                        await self._serve(session, turn)
            except Exception as error:  # noqa: BLE001 - whatever it is, binding again is the answer
                log.warning("smpp.not_bound", provider=self.id, error=describe(error))
            self._standby = False
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads replicas
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _follow(self, since: float) -> None:
        """Whoever had the turn for so long was bound: the SMSC has been away for a moment only."""
        now = asyncio.get_running_loop().time()
        if now - since >= self._entry.failover_s:
            self._unbound_since = now

    async def _serve(self, session: Session, turn: Turn) -> None:
        log.info("smpp.bound", provider=self.id)
        self._session = session
        self._is_bound(True)
        self._incoming.wake()
        over = asyncio.create_task(session.over())
        lost = asyncio.create_task(turn.lost())
        try:
            await asyncio.wait((over, lost), return_when=asyncio.FIRST_COMPLETED)
            self._session = None
            if lost.done():
                await self._drained()
        finally:
            self._session = None
            self._unbound_since = asyncio.get_running_loop().time()
            self._is_bound(False)
            log.info("smpp.unbound", provider=self.id)
            for task in (over, lost):
                task.cancel()
            await asyncio.gather(over, lost, return_exceptions=True)

    async def _drained(self) -> None:
        """Returns when every message in hand has come to its end, or should have."""
        end = asyncio.get_running_loop().time() + self._entry.response_timeout_s
        while self._sending and (left := end - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._sending, timeout=left)

    def _heard(self, link: Link, frame: Frame) -> None:
        if frame.command == pdu.DELIVER_SM:
            self._deliveries.hear(link, frame)
        elif frame.command == pdu.UNBIND:
            link.answer(frame)
            link.finish()
        elif frame.command not in {pdu.ALERT_NOTIFICATION, pdu.OUTBIND}:
            link.refuse(frame, status=pdu.BAD_COMMAND)


def _relative(seconds: int) -> str:
    """A validity_period from now (SMPP 3.4, 7.1.1); empty: the SMSC's own."""
    if not seconds:
        return ""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"


def _together(made: list[Handover]) -> Handover:
    """One outcome of all parts: what is worst of them, with the ids of what was taken."""
    if len(made) == 1:
        return made[0]
    ids = tuple(each.provider_message_id for each in made if each.provider_message_id is not None)
    for outcome in ("failed", "unknown"):
        worst = next((each for each in made if each.outcome == outcome), None)
        if worst is not None:
            return Handover(outcome=worst.outcome, reason=worst.reason, part_ids=ids)
    if len(made) > 1 and made[0].outcome == "accepted":
        return Handover(outcome="accepted", part_ids=ids)
    return made[0]
