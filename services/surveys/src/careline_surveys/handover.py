"""What becomes of a message: the provider's answer, a crash in between, a receipt later."""

from datetime import datetime, timedelta

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.surveys import InvitationSent
from careline_surveys.db import invitations, messages
from careline_surveys.db.messages import Message
from careline_surveys.domain.invitations import (
    Invitation,
    after_receipt,
    after_sending,
    receipt_means,
)
from careline_surveys.domain.sending import retry_at
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.ports import Handover
from careline_surveys.versions import Versions

_CARRIED = {"accepted": "accepted", "delivered": "delivered", "unknown": "unknown"}


class Outcomes:
    """Writes outcomes; every method runs in the caller's transaction."""

    def __init__(self, versions: Versions, metrics: SurveysMetrics) -> None:
        self._versions = versions
        self._metrics = metrics

    async def record(
        self, uow: UnitOfWork, message_id: str, provider: str, handover: Handover
    ) -> None:
        """What a provider made of a message that was in hand.

        A message that was given up as unknown meanwhile may still turn out to be accepted, but is
        never queued again: `unknown` is the one state from which nothing is sent.
        """
        found = await messages.get(uow.connection, message_id)
        assert found is not None
        invitation = await invitations.get(uow.connection, found.invitation_id, lock=True)
        current = await messages.get(uow.connection, message_id)
        assert invitation is not None
        assert current is not None
        late = current.state == "unknown" and handover.outcome in {"accepted", "delivered"}
        if current.state != "sending" and not late:
            return
        uow.after_commit(lambda: self._metrics.sms.labels(provider, handover.outcome).inc())
        if handover.outcome == "refused":
            await self._queue_again(uow, current, handover)
        else:
            await self.settle(uow, current, invitation, provider, handover)

    async def _queue_again(self, uow: UnitOfWork, message: Message, handover: Handover) -> None:
        due_at = retry_at(uow.clock.now(), message.attempts, handover.retry_after_s)
        await messages.change(
            uow.connection, message.id, state="queued", due_at=due_at, claimed_at=None
        )

    async def settle(
        self,
        uow: UnitOfWork,
        message: Message,
        invitation: Invitation,
        provider: str,
        handover: Handover,
    ) -> None:
        """Brings a message to its end, and with the first message its invitation further."""
        now = uow.clock.now()
        await messages.change(
            uow.connection,
            message.id,
            state=_CARRIED[handover.outcome],
            provider=provider,
            provider_message_id=handover.provider_message_id,
            done_at=now,
        )
        if message.purpose == "invitation":
            invitation = await self._sent(uow, message, invitation, provider, handover)
        if handover.provider_message_id is None:
            return
        waiting = await messages.take_waiting_receipts(
            uow.connection, provider, handover.provider_message_id
        )
        for status, at in waiting:
            await self._apply(uow, message, invitation, status, at)

    async def _sent(
        self,
        uow: UnitOfWork,
        message: Message,
        invitation: Invitation,
        provider: str,
        handover: Handover,
    ) -> Invitation:
        now = uow.clock.now()
        definition = await self._versions.of(uow.connection, invitation)
        sent_at = invitation.sent_at or message.claimed_at or now
        delivered_at = now if handover.outcome == "delivered" else None
        changed = await invitations.change(
            uow.connection,
            invitation.id,
            status=after_sending(invitation.status, handover.outcome),
            reason=None,
            sent_at=sent_at,
            delivered_at=invitation.delivered_at or delivered_at,
            reply_until=sent_at + timedelta(seconds=definition.rules.expire_s),
        )
        self._count(uow, invitation, changed)
        if handover.outcome != "unknown":
            uow.emit(
                InvitationSent(
                    invitation_id=changed.id,
                    survey=changed.survey,
                    service=changed.service,
                    reference_type=changed.reference.type,
                    reference_id=changed.reference.id,
                    provider=provider,
                    sent_at=sent_at,
                ),
                subject=changed.id,
                sequence=changed.version,
            )
        return changed

    async def take_receipt(
        self, uow: UnitOfWork, *, provider: str, message_id: str, status: str, at: datetime
    ) -> None:
        """A delivery receipt; one for a message that is not known is kept, and used if it comes."""
        found = await messages.of_provider(uow.connection, provider, message_id)
        new = await messages.add_receipt(
            uow.connection,
            receipt_id=uow.ids.new(),
            provider=provider,
            message_id=message_id,
            status=status,
            at=at,
            matched=found is not None,
        )
        result = ("matched" if found else "unmatched") if new else "repeated"
        uow.after_commit(lambda: self._metrics.receipts.labels(provider, result).inc())
        if not new or found is None:
            return
        invitation = await invitations.get(uow.connection, found.invitation_id, lock=True)
        assert invitation is not None
        await self._apply(uow, found, invitation, status, at)

    async def _apply(
        self, uow: UnitOfWork, message: Message, invitation: Invitation, status: str, at: datetime
    ) -> None:
        delivered = receipt_means(status)
        if delivered is None or (not delivered and message.state == "delivered"):
            return
        await messages.change(
            uow.connection, message.id, state="delivered" if delivered else "failed"
        )
        if message.purpose != "invitation":
            return
        changed = await invitations.change(
            uow.connection,
            invitation.id,
            status=after_receipt(invitation.status, delivered=delivered),
            delivered_at=invitation.delivered_at or (at if delivered else None),
        )
        self._count(uow, invitation, changed)

    def _count(self, uow: UnitOfWork, before: Invitation, after: Invitation) -> None:
        if before.status != after.status:
            uow.after_commit(lambda: self._metrics.invitations.labels(after.status).inc())
