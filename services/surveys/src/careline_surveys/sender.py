"""The sending loop: each message is handed to a provider once, or nobody can say.

A message is marked `sending` and that is committed before the provider is called. Whatever breaks
after that, the mark stands, and what carries it is never handed over again: it ends as accepted,
as surely not taken (and only then is it queued again), or as unknown.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_surveys.adapters.phones import read_number
from careline_surveys.adapters.providers import Providers, Usable
from careline_surveys.answering import suppress
from careline_surveys.book import Book
from careline_surveys.db import invitations, messages, outcomes
from careline_surveys.db.messages import Message
from careline_surveys.domain.invitations import Invitation
from careline_surveys.domain.sending import after_quiet
from careline_surveys.handover import Outcomes, Result
from careline_surveys.looking_up import LookUps
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.ports import Handover, OutgoingSms, SmsProvider
from careline_surveys.recording import Recorder
from careline_surveys.settings import SurveysSettings
from careline_surveys.versions import Versions

log = structlog.get_logger(__name__)

UPKEEP_EVERY_S = 5.0
UPKEEP_BATCH = 200
FAREWELL_S = 5.0
"""How long messages in hand may still take when the service stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A message in hand: its mark is committed, its provider not yet called."""

    sms: OutgoingSms
    provider: SmsProvider


class Sender:
    def __init__(
        self,
        *,
        database: Database,
        book: Callable[[], Book],
        providers: Providers,
        versions: Versions,
        outcomes: Outcomes,
        metrics: SurveysMetrics,
        clock: Clock,
        settings: SurveysSettings,
    ) -> None:
        self._database = database
        self._book = book
        self._providers = providers
        self._versions = versions
        self._outcomes = outcomes
        self._recorder = Recorder(database, outcomes)
        self._look_ups = LookUps(database, providers, outcomes, metrics)
        self._metrics = metrics
        self._clock = clock
        self._settings = settings
        self._woken = asyncio.Event()
        self._more = False
        self._full = False
        """Whether the last look was limited by what the provider takes, so that more may be due."""
        self._in_hand: dict[asyncio.Task[None], str] = {}
        self._complained = False

    def wake(self) -> None:
        """There may be something to send: look now."""
        self._woken.set()

    async def run(self) -> None:
        """Sends what is due until cancelled; then lets what is in hand come to its end."""
        try:
            while True:
                self._woken.clear()
                await self.step()
                if not self._more:
                    await self._pause()
        finally:
            if self._in_hand:
                await asyncio.wait(self._in_hand, timeout=FAREWELL_S)

    async def step(self) -> int:
        """Takes what is due and starts handing it over; returns how many messages it took."""
        self._more = False
        entry = self._providers.first_usable()
        if entry is None:
            await self._complain()
            return 0
        self._complained = False
        free = self._free(entry)
        self._full = free <= 0
        if self._full:
            return 0
        taken, claims = await self._claim(entry, free)
        self._more = self._full = taken == free
        for claim in claims:
            task = asyncio.create_task(self._hand_over(claim), name=f"sms {claim.sms.id}")
            self._in_hand[task] = entry.id
            task.add_done_callback(self._done)
        entry.watch.handed(len(claims))
        return taken

    async def settled(self) -> None:
        """Returns when nothing is in hand."""
        while self._in_hand:
            await asyncio.wait(self._in_hand)

    def _free(self, entry: Usable) -> int:
        room = None if entry.provider is None else entry.provider.room()
        limit = self._settings.sms_window if room is None else room
        free = limit - sum(provider == entry.id for provider in self._in_hand.values())
        most = entry.watch.most() if entry.watch.takes(self._clock.now().timestamp()) else None
        return free if most is None else min(free, most)

    async def _pause(self) -> None:
        # not wait_for, which in Python 3.11 can lose a cancellation
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.sms_poll_s):
                await self._woken.wait()

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._in_hand[task]
        if self._full:
            self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("sms.outcome_lost", error=type(task.exception()).__name__)

    async def _claim(self, entry: Usable, limit: int) -> tuple[int, list[Claim]]:
        async with self._database.unit_of_work() as uow:
            due = await messages.due(uow.connection, uow.clock.now(), limit)
            going = await self._asked(uow, due) if due else []
            if entry.provider is not None:
                return len(due), await self._mark(uow, [each for each, _ in going], entry.provider)
            for message, invitation in going:
                await self._print(uow, message, invitation, entry.id)
        return len(due), []

    async def _asked(
        self, uow: UnitOfWork, due: Sequence[Message]
    ) -> list[tuple[Message, Invitation]]:
        """Those that may go out now, with their invitations."""
        of = await invitations.several(uow.connection, {each.invitation_id for each in due})
        pairs = [(each, of[each.invitation_id]) for each in due]
        return [pair for pair in pairs if await self._may_go(uow, *pair)]

    async def _may_go(self, uow: UnitOfWork, message: Message, invitation: Invitation) -> bool:
        """Asks every rule once more: between the invitation and now much may have happened."""
        now = uow.clock.now()
        if message.number is None or message.opted_out:
            await self._give_up(uow, message, invitation, "opted_out")
            return False
        if message.purpose != "invitation":
            return True
        if invitation.send_until <= now:
            await self._give_up(uow, message, invitation, "expired")
            return False
        definition = await self._versions.of(uow.connection, invitation)
        zone = self._book().zone_for(read_number(message.number).zone, invitation.subject.line)
        send_at = after_quiet(now, definition.rules.quiet_hours, zone)
        if send_at > now:
            await messages.change(uow.connection, message.id, due_at=send_at)
            await invitations.change(uow.connection, invitation.id, send_at=send_at, reason="quiet")
            return False
        return True

    async def _give_up(
        self, uow: UnitOfWork, message: Message, invitation: Invitation, reason: str
    ) -> None:
        if message.purpose == "invitation":
            await suppress(uow, invitation, reason, self._metrics)
        else:
            await messages.change(uow.connection, message.id, state="cancelled")

    async def _print(
        self, uow: UnitOfWork, message: Message, invitation: Invitation, provider: str
    ) -> None:
        """The console "sends" in the same transaction, so that its outcome is never unknown."""
        now = uow.clock.now()
        await messages.change(
            uow.connection, message.id, attempts=message.attempts + 1, claimed_at=now
        )
        await messages.print_on_console(uow.connection, message, now)
        printed = Result(
            message_id=message.id, provider=provider, handover=Handover(outcome="delivered")
        )
        await self._outcomes.settle(uow, message, invitation, printed)
        uow.after_commit(lambda: self._metrics.sms.labels(provider, "delivered").inc())

    async def _mark(
        self, uow: UnitOfWork, going: Sequence[Message], provider: SmsProvider
    ) -> list[Claim]:
        by_parts: dict[int, list[Message]] = {}
        for message in going:
            by_parts.setdefault(provider.parts(message.text), []).append(message)
        claims: list[Claim] = []
        for parts, alike in by_parts.items():
            references = await messages.mark(
                uow.connection,
                [message.id for message in alike],
                provider=provider.id,
                parts=parts,
                at=uow.clock.now(),
            )
            claims += [_claimed(message, references[message.id], provider) for message in alike]
        return claims

    async def _hand_over(self, claim: Claim) -> None:
        handover = await claim.provider.send(claim.sms)
        await self._recorder.record(
            Result(message_id=claim.sms.id, provider=claim.provider.id, handover=handover)
        )

    async def _complain(self) -> None:
        """Nothing is lost while no provider can take messages: they stay scheduled and are counted."""
        if self._complained:
            return
        async with self._database.read() as connection:
            waiting, _ = await outcomes.figures(connection, self._clock.now())
        if waiting:
            self._complained = True
            log.error("sms.no_usable_provider", waiting=waiting)

    async def keep_up(self) -> None:
        """Every few seconds: what was left behind, what has expired, and the figures of both."""
        while True:
            await self.upkeep()
            await asyncio.sleep(UPKEEP_EVERY_S)

    async def upkeep(self) -> None:
        while await self._left_behind() == UPKEEP_BATCH:
            pass
        while await self._expire() == UPKEEP_BATCH:
            pass
        await self._look_ups.step()
        async with self._database.read() as connection:
            waiting, unknown = await outcomes.figures(connection, self._clock.now())
            await self._measure(connection)
        self._metrics.waiting.set(waiting)
        self._metrics.unknown.set(unknown)
        usable = self._providers.first_usable() is not None
        self._metrics.no_provider.set(float(waiting > 0 and not usable))

    async def _measure(self, connection: AsyncConnection) -> None:
        """Looks at what was delivered by each provider, and has those rest that do not deliver."""
        for each in self._providers.measured():
            seen = await outcomes.deliveries(
                connection,
                each.id,
                since=each.watch.since,
                before=self._clock.now() - timedelta(seconds=each.receipts_within_s),
            )
            self._providers.judge(each, seen)
            now = self._clock.now().timestamp()
            self._metrics.preferred.labels(each.id).set(float(each.preferred(now)))
            if seen.all:
                self._metrics.delivered_share.labels(each.id).set(seen.share_pct / 100)

    async def _left_behind(self) -> int:
        """What a crash left in hand may have been sent: it is unknown and never sent again."""
        lease = timedelta(seconds=self._settings.sms_lease_s)
        async with self._database.unit_of_work() as uow:
            left = await messages.left_behind(uow.connection, uow.clock.now() - lease, UPKEEP_BATCH)
            for message in left:
                await self._outcomes.give_to_unknown(uow, message)
        return len(left)

    async def _expire(self) -> int:
        async with self._database.unit_of_work() as uow:
            overdue = await invitations.overdue(uow.connection, uow.clock.now(), UPKEEP_BATCH)
            for invitation in overdue:
                if invitation.status == "scheduled":
                    await suppress(uow, invitation, "expired", self._metrics)
                else:
                    await invitations.change(uow.connection, invitation.id, status="expired")
                    await messages.cancel_queued(uow.connection, [invitation.id])
                    uow.after_commit(lambda: self._metrics.invitations.labels("expired").inc())
        return len(overdue)


def _claimed(message: Message, reference: int, provider: SmsProvider) -> Claim:
    assert message.number is not None
    sms = OutgoingSms(id=message.id, to=message.number, text=message.text, reference=reference)
    return Claim(sms=sms, provider=provider)
