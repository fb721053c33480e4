"""Delivery receipts: in any order, more than once, and sometimes the only word of a message."""

from collections.abc import Sequence
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


class Receipts:
    """Finds the message of each receipt; every method runs in the caller's transaction."""

    def __init__(self, people: People, metrics: SurveysMetrics) -> None:
        self._people = people
        self._metrics = metrics

    async def take(
        self, uow: UnitOfWork, provider: str, told: Sequence[SmsReceipt], at: datetime
    ) -> None:
        """Receipts; one for a message that is not known, or in hand, is kept and used later."""
        new = [
            Receipt(
                id=uow.ids.new(),
                message_id=each.message_id or uow.ids.new(),
                status=each.status,
                at=at,
                reference=each.reference,
                person_id=await self._person(uow, each.sender),
            )
            for each in told
        ]
        names = [receipt.message_id for receipt in new]
        names += [receipt.person_id for receipt in new if receipt.person_id is not None]
        await receipts.take_turns(uow.connection, provider, names)
        if len(new) > 1:  # locks them all in one order before any is changed
            ids = [receipt.message_id for receipt in new]
            meant = await messages.named(uow.connection, provider, ids)
            await messages.locked(uow.connection, meant)
        for receipt in new:
            await self._take(uow, provider, receipt)

    async def _take(self, uow: UnitOfWork, provider: str, new: Receipt) -> None:
        found = await self._message_of(uow, provider, new)
        added = await receipts.add(uow.connection, provider, new, matched=found is not None)
        result = ("matched" if found else "unmatched") if added else "repeated"
        uow.after_commit(lambda: self._metrics.receipts.labels(provider, result).inc())
        if not added or found is None:
            return
        await self._apply(uow, *found, new)

    async def _person(self, uow: UnitOfWork, sender: str | None) -> str | None:
        if sender is None:
            return None
        try:
            number = read_sender(sender).e164
        except ValueError:
            return None
        return await self._people.find(uow.connection, number)

    async def _message_of(
        self, uow: UnitOfWork, provider: str, receipt: Receipt
    ) -> tuple[Message, Invitation] | None:
        """By the provider's id, or ours; else a message of unknown outcome that it must mean."""
        found = await messages.of_provider(uow.connection, provider, receipt.message_id)
        if found is None:
            since = receipt.at - MATCHED_WITHIN
            found = await receipts.unknown_meant(uow.connection, provider, receipt, since)
        if found is None:
            return None
        message, invitation = (await messages.locked(uow.connection, [found.id]))[found.id]
        return None if message.state == "sending" else (message, invitation)

    async def catch_up(
        self,
        uow: UnitOfWork,
        message: Message,
        invitation: Invitation,
        provider: str,
        handover: Handover,
    ) -> None:
        """Uses the receipts of a message that were quicker than the word of its provider."""
        if handover.part_ids:
            message, invitation = await self.add_parts(
                uow, message, invitation, provider, handover.part_ids
            )
        ids = [message.id, *filter(None, [handover.provider_message_id])]
        waiting = await receipts.take_waiting(uow.connection, provider, ids)
        if handover.outcome == "unknown":
            if message.person_id is not None:
                await receipts.take_turns(uow.connection, provider, [message.person_id])
            waiting = [*waiting, *await receipts.take_meant(uow.connection, provider, message)]
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
