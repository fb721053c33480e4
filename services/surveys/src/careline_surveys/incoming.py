"""What providers with a connection of their own deliver: receipts, and replies whole or in parts.

SMPP gives a reply no name by which a repeat could be known. So its words, under the key of this
installation, are its name for as long as the SMSC may not know that we have it: until it has read
our acknowledgement, or six hours later. After that the same words are a new reply.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.observability.pii import PiiHasher
from careline_surveys.adapters.smpp.coding import UCS2, text_of
from careline_surveys.db import inbound
from careline_surveys.db.people import People
from careline_surveys.handover import Outcomes
from careline_surveys.ports import Handover, ReplyPart, SmsReceipt, Taken
from careline_surveys.receipting import Receipts
from careline_surveys.replying import Reply, Replying
from careline_surveys.senders import Senders

AGAIN_WITHIN = timedelta(hours=6)
"""How long after a delivery that we did not see acknowledged it may come again."""

GAP_AFTER = timedelta(hours=1)
"""How long the parts of a reply wait for those that are missing; then it is taken with the gap."""

PARTS_REMEMBERED = timedelta(days=1)
"""How long the parts of a reply that was taken are known when they come again."""

GAP = "[…]"
GAPS_AT_A_TIME = 100
LOOK_FOR_GAPS_EVERY_S = 60.0


class IncomingSms:
    def __init__(
        self,
        *,
        database: Database,
        people: People,
        senders: Senders,
        hasher: PiiHasher,
        receipts: Receipts,
        outcomes: Outcomes,
        replying: Replying,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._people = people
        self._senders = senders
        self._hasher = hasher
        self._receipts = receipts
        self._outcomes = outcomes
        self._replying = replying
        self.wake = wake

    async def take(
        self, provider: str, deliveries: Sequence[SmsReceipt | ReplyPart]
    ) -> Sequence[Taken]:
        """Keeps deliveries in one transaction; raises when nothing was kept."""
        taken: list[Taken] = []
        told = [each for each in deliveries if isinstance(each, SmsReceipt)]
        async with self._database.unit_of_work() as uow:
            if told:
                await self._receipts.take(uow, provider, told, uow.clock.now())
            for delivery in deliveries:
                if isinstance(delivery, SmsReceipt):
                    taken.append(Taken())
                elif delivery.total > 1:
                    taken.append(await self._take_part(uow, provider, delivery))
                else:
                    taken.append(await self._take_reply(uow, provider, delivery))
        return taken

    async def acknowledged(self, provider: str, taken: Sequence[Taken]) -> None:
        """These will surely not come again."""
        ids = [each.inbound_id for each in taken if each.inbound_id is not None]
        async with self._database.unit_of_work() as uow:
            await inbound.forget_name(uow.connection, ids)

    async def late(self, provider: str, message_id: str, handover: Handover) -> None:
        async with self._database.unit_of_work() as uow:
            await self._outcomes.record_late(uow, provider, message_id, handover)

    async def _take_reply(self, uow: UnitOfWork, provider: str, part: ReplyPart) -> Taken:
        name = self._name(part, part.content)
        before = uow.clock.now() - AGAIN_WITHIN
        await inbound.forget_old_name(uow.connection, provider, name, before)
        reply = Reply(
            provider=provider,
            external_id=name,
            sender=part.sender,
            text=text_of(part.charset, part.content),
        )
        await self._replying.take(uow, reply)
        return Taken(await inbound.id_of(uow.connection, provider, name))

    async def _take_part(self, uow: UnitOfWork, provider: str, part: ReplyPart) -> Taken:
        """Keeps a part, and takes the reply when it was the last; parts come in any order."""
        connection, now = uow.connection, uow.clock.now()
        await inbound.purge_parts(connection, now - PARTS_REMEMBERED)
        person_id = await self._person(uow, part.sender)  # locked: parts of one sender take turns
        place = f"parts:{part.sender}:{part.recipient}:{part.reference}:{part.total}"
        key = self._hasher.lookup(place)
        digest = self._hasher.lookup(self._name(part, part.content))
        here = await inbound.parts(connection, provider, key)
        same = next((each for each in here if each.number == part.number), None)
        if same is not None and same.digest == digest:
            return Taken()
        if same is not None:
            await self._make_room(uow, provider, key, here)
        await inbound.add_part(
            connection,
            provider=provider,
            key=key,
            number=part.number,
            total=part.total,
            charset=part.charset,
            digest=digest,
            content_id=await self._people.keep_text(connection, person_id, part.content.hex(), now),
            at=now,
        )
        here = await inbound.parts(connection, provider, key)
        if len(here) == part.total and not any(each.done for each in here):
            await self._take_whole(uow, provider, part, key, here)
        return Taken()

    async def _make_room(
        self, uow: UnitOfWork, provider: str, key: bytes, here: Sequence[inbound.Part]
    ) -> None:
        """A new reply comes under an old reference: what waits under it is taken as it is."""
        if not all(part.done for part in here):
            await self._take_with_gaps(uow, provider, key, here)
        await inbound.drop_parts(uow.connection, provider, key)

    async def look_for_gaps(self) -> None:
        """Every minute: replies that will not become whole any more, so that none is lost."""
        while True:
            while await self.take_gaps() == GAPS_AT_A_TIME:
                pass
            await asyncio.sleep(LOOK_FOR_GAPS_EVERY_S)

    async def take_gaps(self) -> int:
        """Takes replies whose missing parts are overdue; returns how many there were."""
        async with self._database.unit_of_work() as uow:
            before = uow.clock.now() - GAP_AFTER
            found = await inbound.with_gaps(uow.connection, before, GAPS_AT_A_TIME)
        for provider, key in found:
            async with self._database.unit_of_work() as uow:
                here = await inbound.parts(uow.connection, provider, key)
                sender = await self._sender_of(uow, here)
                known = await self._person(uow, sender)  # locked, as for every part of his
                here = await inbound.parts(uow.connection, provider, key, lock=known is None)
                if not all(part.done for part in here):
                    await self._take_with_gaps(uow, provider, key, here)
        return len(found)

    async def _sender_of(self, uow: UnitOfWork, here: Sequence[inbound.Part]) -> str:
        """The number that parts came from; empty when it was none, or the person is erased."""
        person_id = next((part.person_id for part in here if part.person_id is not None), None)
        if person_id is None:
            return ""
        return await self._people.number_of(uow.connection, person_id) or ""

    async def _take_with_gaps(
        self, uow: UnitOfWork, provider: str, key: bytes, here: Sequence[inbound.Part]
    ) -> None:
        """Takes what there is of a reply; only its unbroken beginning may be read as a score."""
        text, beginning = with_gaps([part for part in here if not part.done])
        reply = Reply(
            provider=provider,
            external_id=None,
            sender=await self._sender_of(uow, here),
            text=text,
            readable=beginning,
        )
        await self._replying.take(uow, reply)
        await inbound.finish_parts(uow.connection, provider, key)

    async def _take_whole(
        self,
        uow: UnitOfWork,
        provider: str,
        last: ReplyPart,
        key: bytes,
        parts: Sequence[inbound.Part],
    ) -> None:
        content = b"".join(bytes.fromhex(part.content or "") for part in parts)
        text = text_of(last.charset, content)
        reply = Reply(provider=provider, external_id=None, sender=last.sender, text=text)
        await self._replying.take(uow, reply)
        await inbound.finish_parts(uow.connection, provider, key)

    async def _person(self, uow: UnitOfWork, sender: str) -> str | None:
        number = await self._senders.number_of(uow.connection, sender)
        if number is None:
            return None
        return await self._people.locked(uow.connection, number.e164, uow.clock.now())

    def _name(self, part: ReplyPart, content: bytes) -> str:
        whole = (part.sender, part.recipient, part.charset, part.mark, content.hex())
        return self._hasher.lookup("\0".join(whole)).hex()


def with_gaps(parts: Sequence[inbound.Part]) -> tuple[str, str]:
    """(text, beginning) of a reply of which parts are missing, each gap shown as […].

    The beginning ends at the last whole word before the first gap: half a number is none.
    """
    pieces: list[str] = []
    beginning = ""
    following, run, charset = 1, b"", ""
    for part in [*parts, None]:
        if run and (part is None or part.number != following):
            piece = text_of(charset, run)
            if not pieces:
                beginning = piece.rpartition(" ")[0]
            pieces += [piece, GAP]
            run = b""
        if part is None:
            break
        if not run and part.number != 1 and not pieces:
            pieces.append(GAP)
        run += bytes.fromhex(part.content or "")
        following, charset = part.number + 1, part.charset or f"{UCS2}:gsm7"
    if parts and parts[-1].number == parts[-1].total:
        pieces.pop()
    return " ".join(pieces), beginning
