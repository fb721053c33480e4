"""Delivery receipts: in any order, more than once, and sometimes the only word of a message."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.surveys import InvitationSent
from careline_surveys.adapters.phones import read_sender
from careline_surveys.db import invitations, messages, receipts
from careline_surveys.db.messages import Message
from careline_surveys.db.people import People
from careline_surveys.db.receipts import Receipt
from careline_surveys.domain.invitations import (
    Invitation,
    PartState,
    after_receipt,
    after_sending,
    of_parts,
    receipt_means,
)
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.ports import Handover, SmsReceipt

MATCHED_WITHIN = timedelta(days=3)
"""A receipt that comes later than this is not taken for one of a message of unknown outcome."""


def tell_sent(uow: UnitOfWork, invitation: Invitation, provider: str) -> None:
    """Tells that an invitation surely went out."""
    assert invitation.sent_at is not None
    uow.emit(
        InvitationSent(
            invitation_id=invitation.id,
            survey=invitation.survey,
            service=invitation.service,
            reference_type=invitation.reference.type,
            reference_id=invitation.reference.id,
            provider=provider,
            sent_at=invitation.sent_at,
        ),
        subject=invitation.id,
        sequence=invitation.version,
    )


def _receipt(
    uow: UnitOfWork, told: SmsReceipt, at: datetime, people: Mapping[str, str | None]
) -> Receipt:
    """What is kept of it. To a stranger we sent nothing, so his reference is not one of ours."""
    stranger = people.get(told.sender or "", "no number") is None
    return Receipt(
        id=uow.ids.new(),
        message_id=told.message_id or uow.ids.new(),
        status=told.status,
        at=at,
        reference=None if stranger else told.reference,
    )


def _plain(
    told: Sequence[tuple[Receipt, str]], found: Mapping[str, tuple[Message, Invitation]]
) -> Sequence[tuple[Receipt, str]]:
    """Those of whole messages that are out, each the only one here of its invitation."""
    of_invitation = Counter(found[meant][1].id for _, meant in told)
    return [
        (receipt, meant)
        for receipt, meant in told
        if found[meant][0].state in {"accepted", "delivered", "failed"}
        and found[meant][0].parts == 1
        and of_invitation[found[meant][1].id] == 1
    ]


class Receipts:
    """Finds the message of each receipt; every method runs in the caller's transaction."""

    def __init__(self, people: People, metrics: SurveysMetrics) -> None:
        self._people = people
        self._metrics = metrics

    async def take(
        self, uow: UnitOfWork, provider: str, told: Sequence[SmsReceipt], at: datetime
    ) -> None:
        """Receipts; one for a message that is not known, or in hand, is kept and used later."""
        people = await self._senders(uow, told)
        new = [_receipt(uow, each, at, people) for each in told]
        ids = {receipt.message_id for receipt in new}
        await receipts.take_turns(uow.connection, provider, ids)
        named = await messages.named(uow.connection, provider, ids)
        found = dict(await messages.locked(uow.connection, set(named.values())))
        of_known: list[tuple[Receipt, str]] = []
        strange: list[Receipt] = []
        for receipt, each in zip(new, told, strict=True):
            meant = named.get(receipt.message_id)
            person_id = people.get(each.sender or "")
            if meant is None or person_id not in {None, found[meant][0].person_id}:
                strange.append(replace(receipt, person_id=person_id))
            else:
                of_known.append((receipt, meant))
        plain = _plain(of_known, found)
        if plain:
            await self._take_plain(uow, provider, [(each, *found[meant]) for each, meant in plain])
        for receipt, meant in of_known:
            if (receipt, meant) not in plain:
                found[meant] = await self._take(uow, provider, receipt, *found[meant])
        for receipt in strange:
            await self._take_strange(uow, provider, receipt)

    async def _take_plain(
        self, uow: UnitOfWork, provider: str, taken: Sequence[tuple[Receipt, Message, Invitation]]
    ) -> None:
        """`_take` for many, with three statements for all."""
        added = await receipts.add_matched(uow.connection, provider, [each for each, _, _ in taken])
        repeated = len(taken) - len(added)
        count = self._metrics.receipts
        uow.after_commit(lambda: count.labels(provider, "matched").inc(len(added)))
        uow.after_commit(lambda: count.labels(provider, "repeated").inc(repeated))
        states: dict[str, PartState] = {}
        moved: list[Invitation] = []
        for receipt, message, invitation in taken:
            delivered = receipt_means(receipt.status)
            if receipt.id not in added or delivered is None or message.state == "delivered":
                continue
            state: PartState = "delivered" if delivered else "failed"
            if message.state == state:
                continue
            states[message.id] = state
            if message.purpose == "invitation":
                moved.append(self._moved(uow, invitation, delivered=delivered, at=receipt.at))
        if states:
            await messages.bring(uow.connection, states)
        if moved:
            await invitations.move(uow.connection, moved)

    def _moved(
        self, uow: UnitOfWork, invitation: Invitation, *, delivered: bool, at: datetime
    ) -> Invitation:
        moved = replace(
            invitation,
            status=after_receipt(invitation.status, delivered=delivered),
            delivered_at=invitation.delivered_at or (at if delivered else None),
            version=invitation.version + 1,
        )
        if moved.status != invitation.status:
            uow.after_commit(lambda: self._metrics.invitations.labels(moved.status).inc())
        return moved

    async def _take(
        self,
        uow: UnitOfWork,
        provider: str,
        new: Receipt,
        message: Message,
        invitation: Invitation,
    ) -> tuple[Message, Invitation]:
        in_hand = message.state == "sending"
        if not await self._add(uow, provider, new, matched=not in_hand) or in_hand:
            return message, invitation
        return await self._apply(uow, message, invitation, new)

    async def _take_strange(self, uow: UnitOfWork, provider: str, new: Receipt) -> None:
        """A receipt with an id that nobody knows: perhaps of a message of unknown outcome.

        An id that is of a message to somebody else is as strange: SMSCs count anew after a restart.
        """
        if new.person_id is not None:
            await receipts.take_turns(uow.connection, provider, [new.person_id])
        since = new.at - MATCHED_WITHIN
        found = await receipts.unknown_meant(uow.connection, provider, new, since)
        if found is None:
            await self._add(uow, provider, new, matched=False)
            return
        message, invitation = (await messages.locked(uow.connection, [found.id]))[found.id]
        await self._name(uow, found, provider, new)
        await self._take(uow, provider, new, message, invitation)

    async def _name(
        self, uow: UnitOfWork, message: Message, provider: str, receipt: Receipt
    ) -> None:
        """From now on the id is known, so that its next receipt finds no other message."""
        await receipts.set_part(
            uow.connection, message.id, provider, receipt.message_id, "accepted"
        )

    async def _add(self, uow: UnitOfWork, provider: str, new: Receipt, *, matched: bool) -> bool:
        added = await receipts.add(uow.connection, provider, new, matched=matched)
        result = ("matched" if matched else "unmatched") if added else "repeated"
        uow.after_commit(lambda: self._metrics.receipts.labels(provider, result).inc())
        return added

    async def _senders(self, uow: UnitOfWork, told: Sequence[SmsReceipt]) -> dict[str, str | None]:
        """The people behind the senders; None for a stranger. What is no number is left out."""
        numbers: dict[str, str] = {}
        for each in told:
            with contextlib.suppress(ValueError):
                numbers[each.sender or ""] = read_sender(each.sender or "").e164
        known = await self._people.several(uow.connection, set(numbers.values()))
        return {sender: known.get(number) for sender, number in numbers.items()}

    async def catch_up(
        self,
        uow: UnitOfWork,
        message: Message,
        invitation: Invitation,
        handover: Handover,
        early: Sequence[Receipt],
    ) -> None:
        """Uses the receipts of a message that were quicker than the word of its provider."""
        provider = message.provider or ""
        if handover.part_ids:
            message, invitation = await self.add_parts(
                uow, message, invitation, provider, handover.part_ids
            )
        waiting = [*early]
        if handover.outcome == "unknown":
            if message.person_id is not None:
                await receipts.take_turns(uow.connection, provider, [message.person_id])
            meant = await receipts.take_meant(uow.connection, provider, message)
            for receipt in meant:
                await self._name(uow, message, provider, receipt)
            waiting += meant
        for receipt in waiting:
            message, invitation = await self._apply(uow, message, invitation, receipt)

    async def add_parts(
        self,
        uow: UnitOfWork,
        message: Message,
        invitation: Invitation,
        provider: str,
        ids: Sequence[str],
    ) -> tuple[Message, Invitation]:
        """Notes which parts of a message its provider took, and uses their receipts."""
        for each in ids:
            await receipts.set_part(uow.connection, message.id, provider, each, "accepted")
        message, invitation = await self._conclude(uow, message, invitation, uow.clock.now())
        for receipt in await receipts.take_waiting(uow.connection, provider, ids):
            message, invitation = await self._apply(uow, message, invitation, receipt)
        return message, invitation

    async def _apply(
        self, uow: UnitOfWork, message: Message, invitation: Invitation, receipt: Receipt
    ) -> tuple[Message, Invitation]:
        delivered = receipt_means(receipt.status)
        if delivered is None:
            return message, invitation
        state: PartState = "delivered" if delivered else "failed"
        if message.parts == 1:
            return await self._bring(uow, message, invitation, state, receipt.at)
        assert message.provider is not None
        await receipts.set_part(
            uow.connection, message.id, message.provider, receipt.message_id, state
        )
        return await self._conclude(uow, message, invitation, receipt.at)

    async def _conclude(
        self, uow: UnitOfWork, message: Message, invitation: Invitation, at: datetime
    ) -> tuple[Message, Invitation]:
        """What the parts that are known make of their message."""
        state = of_parts(await receipts.parts_of(uow.connection, message.id), message.parts)
        if state is None or message.state == "sending":
            return message, invitation
        return await self._bring(uow, message, invitation, state, at)

    async def _bring(
        self,
        uow: UnitOfWork,
        message: Message,
        invitation: Invitation,
        state: PartState,
        at: datetime,
    ) -> tuple[Message, Invitation]:
        """Moves a message forward, closing an unknown outcome; a state never moves back."""
        was_unknown = message.state == "unknown"
        if message.state == "delivered" or (state == "accepted" and not was_unknown):
            return message, invitation
        if message.state == state:
            return message, invitation
        changed = await messages.change(uow.connection, message.id, state=state)
        if was_unknown:
            provider = message.provider or ""
            uow.after_commit(lambda: self._metrics.closed.labels(provider, state).inc())
        if message.purpose == "invitation":
            invitation = await self._move(uow, invitation, state, at)
            if was_unknown:
                tell_sent(uow, invitation, message.provider or "")
        return changed, invitation

    async def _move(
        self, uow: UnitOfWork, invitation: Invitation, state: PartState, at: datetime
    ) -> Invitation:
        if state == "accepted":
            status = after_sending(invitation.status, "accepted")
        else:
            status = after_receipt(invitation.status, delivered=state == "delivered")
        delivered_at = at if state == "delivered" else None
        changed = await invitations.change(
            uow.connection,
            invitation.id,
            status=status,
            delivered_at=invitation.delivered_at or delivered_at,
        )
        if invitation.status != changed.status:
            uow.after_commit(lambda: self._metrics.invitations.labels(changed.status).inc())
        return changed
