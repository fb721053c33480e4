"""The providers of the applied configuration, in its order, and which of them is to be used."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import structlog

from careline_common.clock import Clock
from careline_surveys.adapters.http.provider import HttpProvider
from careline_surveys.adapters.http.wire import Wire
from careline_surveys.adapters.smpp.provider import SmppProvider
from careline_surveys.adapters.wires import LOOK_UP, wire_of
from careline_surveys.book import Book
from careline_surveys.config_sms import SmsEntry
from careline_surveys.domain.health import Deliveries, DeliveryWatch
from careline_surveys.ports import SmsProvider

NewSmpp = Callable[[SmsEntry], SmppProvider]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """A provider that can take messages; `provider` is None for the console, which is a table."""

    id: str
    console: bool
    provider: SmsProvider | None = None
    watch: DeliveryWatch = field(default_factory=lambda: DeliveryWatch(0.0))
    receipts_within_s: float = 0.0

    @property
    def able(self) -> bool:
        return self.provider is None or self.provider.able()

    def preferred(self, now: float) -> bool:
        """Able, answering, and delivering what it takes."""
        well = self.provider is None or self.provider.well()
        return self.able and well and self.watch.takes(now)


class Providers:
    """Keeps one adapter for each configured provider, and a new one where it was changed."""

    def __init__(
        self, *, clock: Clock, deadline_s: float, window: int, public_url: str, new_smpp: NewSmpp
    ) -> None:
        self._clock = clock
        self._deadline_s = deadline_s
        self._window = window
        self._public_url = public_url.rstrip("/")
        self._new_smpp = new_smpp
        self._adapters: dict[str, tuple[SmsEntry, SmsProvider]] = {}
        self._watches: dict[str, DeliveryWatch] = {}
        self._usable: list[Usable] = []
        self._closing: set[asyncio.Task[None]] = set()

    def configure(self, book: Book) -> None:
        """Follows a new configuration. Messages in hand finish with the adapter that has them."""
        self._usable = [self._entry(entry) for entry in book.providers]
        for gone in self._adapters.keys() - {entry.id for entry in book.providers}:
            self._close_later(self._adapters.pop(gone)[1])
            self._watches.pop(gone, None)

    def _entry(self, entry: SmsEntry) -> Usable:
        if entry.kind == "console":
            return Usable(id=entry.id, console=True)
        watch = self._watches.get(entry.id)
        if watch is None or watch.least_pct != entry.least_delivered_pct:
            watch = self._watches[entry.id] = DeliveryWatch(entry.least_delivered_pct)
        return Usable(
            id=entry.id,
            console=False,
            provider=self._adapter(entry),
            watch=watch,
            receipts_within_s=entry.receipts_within_s,
        )

    def first_usable(self) -> Usable | None:
        """The first provider of the configuration that can send and does well.

        When none does well the first that can send at all; None when there is none.
        """
        now = self._clock.now().timestamp()
        able = [each for each in self._usable if each.able]
        return next((each for each in able if each.preferred(now)), able[0] if able else None)

    def measured(self) -> Iterator[Usable]:
        """Those whose deliveries are watched."""
        return (each for each in self._usable if each.watch.least_pct > 0)

    def judge(self, usable: Usable, deliveries: Deliveries) -> None:
        """What was delivered of a provider's last messages; tells when that turns messages away."""
        now = self._clock.now().timestamp()
        before = usable.watch.takes(now)
        usable.watch.judge(deliveries, now)
        after = usable.watch.takes(now)
        if before != after:
            log.warning(
                "sms.deliveries", provider=usable.id, well=after, share_pct=deliveries.share_pct
            )

    def wire(self, provider_id: str) -> Wire | None:
        """The formats of a provider that calls back in its own; None for all others."""
        entry, adapter = self._adapters.get(provider_id, (None, None))
        if entry is None or entry.kind == "generic" or not isinstance(adapter, HttpProvider):
            return None
        return adapter.wire

    def callback_url(self, provider_id: str) -> str:
        """Where a provider finds us, as it is told."""
        return f"{self._public_url}/v1/sms/{quote(provider_id, safe='')}"

    def looking_up(self) -> Mapping[str, SmsProvider]:
        """Those that can be asked for messages of unknown outcome."""
        return {
            name: provider for name, (_, provider) in self._adapters.items() if provider.looks_up
        }

    def _adapter(self, entry: SmsEntry) -> SmsProvider:
        known = self._adapters.get(entry.id)
        if known is not None and _same(known[0], entry):
            return known[1]
        if known is not None:
            self._close_later(known[1])
        provider = self._new(entry)
        self._adapters[entry.id] = (entry, provider)
        return provider

    def _new(self, entry: SmsEntry) -> SmsProvider:
        if entry.kind == "smpp":
            provider = self._new_smpp(entry)
            provider.start()
            return provider
        given = "window" in entry.model_fields_set
        return HttpProvider(
            entry.id,
            wire=wire_of(entry, self.callback_url(entry.id)),
            clock=self._clock,
            deadline_s=self._deadline_s,
            window=entry.window if given else self._window,
            per_second=entry.per_second,
            looks_up=entry.kind in LOOK_UP,
        )

    def _close_later(self, provider: SmsProvider) -> None:
        task = asyncio.create_task(provider.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        closing = [provider.close() for _, provider in self._adapters.values()]
        await asyncio.gather(*self._closing, *closing)


APART = {"position": 0, "price": None, "least_delivered_pct": 0.0, "receipts_within_s": 1.0}
"""What does not touch a connection."""


def _same(one: SmsEntry, other: SmsEntry) -> bool:
    """Whether the connection is the same; its place in the file and its price do not matter."""
    return one.model_copy(update=APART) == other.model_copy(update=APART)
