"""Messages of unknown outcome, asked for at providers that can tell. Nothing is ever sent again.

A provider that does not know a message proves nothing: it may be on its way there. So such a message
stays unknown, and after the last look only a receipt can still close it.
"""

import asyncio

from careline_common.db.engine import Database
from careline_surveys.adapters.providers import Providers
from careline_surveys.db import messages, outcomes
from careline_surveys.db.messages import Message
from careline_surveys.domain.invitations import receipt_means
from careline_surveys.handover import Outcomes
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.ports import Found, Handover, OutgoingSms, SentSms, SmsProvider, SmsReceipt

PAUSES_S = (20.0, 60.0, 300.0, 1800.0, 7200.0)
"""From the outcome to each look: quick for a lost answer, late for what was queued there."""
AT_ONCE = 20


class LookUps:
    def __init__(
        self,
        database: Database,
        providers: Providers,
        outcomes: Outcomes,
        metrics: SurveysMetrics,
    ) -> None:
        self._database = database
        self._providers = providers
        self._outcomes = outcomes
        self._metrics = metrics

    async def step(self) -> None:
        """Asks for the messages that are due, side by side; no transaction is open meanwhile."""
        providers = self._providers.looking_up()
        if not providers:
            return
        async with self._database.unit_of_work() as uow:
            due = await outcomes.to_look_up(
                uow.connection,
                providers.keys(),
                uow.clock.now(),
                pauses_s=PAUSES_S,
                limit=AT_ONCE,
            )
        await asyncio.gather(*(self._look(each, providers[each.provider or ""]) for each in due))

    async def _look(self, message: Message, provider: SmsProvider) -> None:
        assert message.number is not None
        assert message.claimed_at is not None
        sms = OutgoingSms(id=message.id, to=message.number, text=message.text)
        found = await provider.look_up(SentSms(sms=sms, at=message.claimed_at))
        if found is not None and not await self._close(message, provider.id, found):
            found = None
        result = "not_found" if found is None else "found"
        self._metrics.looked_up.labels(provider.id, result).inc()

    async def _close(self, message: Message, provider: str, found: Found) -> bool:
        """The message was taken after all; False when what was found is another one."""
        handover = Handover(outcome="accepted", provider_message_id=found.message_id)
        async with self._database.unit_of_work() as uow:
            if not found.own:
                known = await messages.named(uow.connection, provider, [found.message_id])
                if known.get(found.message_id, message.id) != message.id:
                    return False
            await self._outcomes.record_late(uow, provider, message.id, handover)
            if receipt_means(found.status) is not None:
                receipt = SmsReceipt(
                    message_id=found.message_id, status=found.status, reference=None, sender=None
                )
                await self._outcomes.told(uow, provider, receipt)
        return True
