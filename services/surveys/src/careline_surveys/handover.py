"""What becomes of a message when its provider has answered, or never will."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from careline_common.db.unit_of_work import UnitOfWork
from careline_surveys.db import invitations, messages, receipts
from careline_surveys.db.messages import Message
from careline_surveys.db.receipts import Receipt
from careline_surveys.domain.invitations import Invitation, after_sending
from careline_surveys.domain.sending import retry_at
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.ports import Handover, SmsReceipt
from careline_surveys.receipting import Receipts, tell_sent
from careline_surveys.versions import Versions

LATE = frozenset({"accepted", "delivered"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a provider made of a message that was in hand."""

    message_id: str
    provider: str
    handover: Handover


class Outcomes:
    """Writes outcomes; every method runs in the caller's transaction."""

    def __init__(self, versions: Versions, known: Receipts, metrics: SurveysMetrics) -> None:
        self._versions = versions
        self._receipts = known
        self._metrics = metrics

    async def record(self, uow: UnitOfWork, results: Sequence[Result]) -> None:
        """Writes what became of messages, each in turn.

        A message that was given up as unknown meanwhile may still turn out to be accepted, but is
        never queued again: `unknown` is the one state from which nothing is sent.
        """
        early = await self._early(uow, results)
        found = await messages.locked(uow.connection, [result.message_id for result in results])
        plain = _plain(results, found, early)
        if plain:
            await self._accept(uow, [(*found[each.message_id], each) for each in plain])
        for result in results:
            if result in plain:
                continue
            message, invitation = found[result.message_id]
            late = message.state == "unknown" and result.handover.outcome in LATE
            if message.state != "sending" and not late:
                continue
            self._count(uow, result.provider, result.handover.outcome)
            if result.handover.outcome == "refused":
                await self._queue_again(uow, message, result.handover)
            else:
                await self.settle(uow, message, invitation, result, early)

    async def _accept(
        self, uow: UnitOfWork, taken: Sequence[tuple[Message, Invitation, Result]]
    ) -> None:
        """`settle` for many messages that were plainly accepted, with two statements for all."""
        now = uow.clock.now()
        await messages.accepted(
            uow.connection,
            [(m.id, r.provider, r.handover.provider_message_id) for m, _, r in taken],
            now,
        )
        moved: list[tuple[Invitation, Invitation, str]] = []
        for message, invitation, result in taken:
            self._count(uow, result.provider, "accepted")
            if message.purpose != "invitation":
                continue
            definition = await self._versions.of(uow.connection, invitation)
            sent_at = invitation.sent_at or message.claimed_at or now
            sent = replace(
                invitation,
                status=after_sending(invitation.status, "accepted"),
                reason=None,
                sent_at=sent_at,
                reply_until=sent_at + timedelta(seconds=definition.rules.expire_s),
                version=invitation.version + 1,
            )
            moved.append((invitation, sent, result.provider))
        if not moved:
            return
        await invitations.move(uow.connection, [sent for _, sent, _ in moved])
        for before, sent, provider in moved:
            tell_sent(uow, sent, provider)
            if before.status != sent.status:
                self._count_status(uow, sent.status)

    def _count_status(self, uow: UnitOfWork, status: str) -> None:
        uow.after_commit(lambda: self._metrics.invitations.labels(status).inc())

    async def _early(self, uow: UnitOfWork, results: Sequence[Result]) -> Sequence[Receipt]:
        """Receipts that came before these results, by the provider's ids or by ours."""
        ids: dict[str, list[str]] = {}
        for result in results:
            own = [] if result.handover.outcome == "refused" else [result.message_id]
            ids.setdefault(result.provider, []).extend([*own, *_ids(result.handover)])
        early: list[Receipt] = []
        for provider in sorted(ids):
            await receipts.take_turns(uow.connection, provider, ids[provider])
            early += await receipts.take_waiting(uow.connection, provider, ids[provider])
        return early

    async def record_late(
        self, uow: UnitOfWork, provider: str, message_id: str, handover: Handover
    ) -> None:
        """An answer for a message, or one part of it, whose outcome was unknown by then."""
        await receipts.take_turns(uow.connection, provider, _ids(handover))
        message, invitation = (await messages.locked(uow.connection, [message_id]))[message_id]
        if message.parts == 1:
            result = Result(message_id=message_id, provider=provider, handover=handover)
            await self.record(uow, [result])
        elif handover.provider_message_id is not None:
            await self._receipts.add_parts(
                uow, message, invitation, provider, [handover.provider_message_id]
            )

    async def told(self, uow: UnitOfWork, provider: str, receipt: SmsReceipt) -> None:
        """What a provider said of a message when it was asked, as if it had sent a receipt."""
        await self._receipts.take(uow, provider, [receipt], uow.clock.now())

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
        result: Result,
        early: Sequence[Receipt] = (),
    ) -> None:
        """Brings a message to its end, and with the first message its invitation further."""
        handover = result.handover
        settled = await messages.change(
            uow.connection,
            message.id,
            state=handover.outcome,
            provider=result.provider,
            provider_message_id=handover.provider_message_id,
            done_at=uow.clock.now(),
        )
        if message.purpose == "invitation":
            invitation = await self._moved(uow, message, invitation, result.provider, handover)
        names = {message.id, *_ids(handover)}
        own = [receipt for receipt in early if receipt.message_id in names]
        await self._receipts.catch_up(uow, settled, invitation, handover, own)

    async def _moved(
        self,
        uow: UnitOfWork,
        message: Message,
        invitation: Invitation,
        provider: str,
        handover: Handover,
    ) -> Invitation:
        now = uow.clock.now()
        status = after_sending(invitation.status, handover.outcome)
        changes: dict[str, Any] = {"status": status, "reason": handover.reason}
        if handover.outcome != "failed":
            definition = await self._versions.of(uow.connection, invitation)
            sent_at = invitation.sent_at or message.claimed_at or now
            changes["sent_at"] = sent_at
            changes["reply_until"] = sent_at + timedelta(seconds=definition.rules.expire_s)
        if handover.outcome == "delivered":
            changes["delivered_at"] = invitation.delivered_at or now
        changed = await invitations.change(uow.connection, invitation.id, **changes)
        if invitation.status != changed.status:
            uow.after_commit(lambda: self._metrics.invitations.labels(changed.status).inc())
        if handover.outcome in LATE:
            tell_sent(uow, changed, provider)
        return changed

    def _count(self, uow: UnitOfWork, provider: str, outcome: str) -> None:
        uow.after_commit(lambda: self._metrics.sms.labels(provider, outcome).inc())

    async def give_to_unknown(self, uow: UnitOfWork, message: Message) -> None:
        """What a crash left in hand may have been sent; the caller has locked it."""
        invitation = await invitations.get(uow.connection, message.invitation_id)
        assert invitation is not None
        provider = message.provider or ""
        self._count(uow, provider, "unknown")
        unknown = Result(
            message_id=message.id, provider=provider, handover=Handover(outcome="unknown")
        )
        early = await receipts.take_waiting(uow.connection, provider, [message.id])
        await self.settle(uow, message, invitation, unknown, early)


def _plain(
    results: Sequence[Result],
    found: Mapping[str, tuple[Message, Invitation]],
    early: Sequence[Receipt],
) -> Sequence[Result]:
    """Those that were accepted whole, of which nothing else is known, and alone of their invitation."""
    told = {receipt.message_id for receipt in early}
    of_invitation = Counter(found[each.message_id][1].id for each in results)
    return [
        each
        for each in results
        if each.handover.outcome == "accepted"
        and found[each.message_id][0].state == "sending"
        and found[each.message_id][0].parts == 1
        and not each.handover.part_ids
        and not told.intersection((each.message_id, *_ids(each.handover)))
        and of_invitation[found[each.message_id][1].id] == 1
    ]


def _ids(handover: Handover) -> list[str]:
    return [*filter(None, [handover.provider_message_id]), *handover.part_ids]
