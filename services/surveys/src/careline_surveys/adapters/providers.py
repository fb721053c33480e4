"""The providers of the applied configuration, in its order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from careline_common.clock import Clock
from careline_surveys.adapters.generic import GenericProvider
from careline_surveys.adapters.smpp.provider import SmppProvider
from careline_surveys.book import Book
from careline_surveys.config_sms import SmsEntry
from careline_surveys.ports import SmsProvider

NewSmpp = Callable[[SmsEntry], SmppProvider]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """A provider that can take messages; `provider` is None for the console, which is a table."""

    id: str
    console: bool
    provider: SmsProvider | None = None

    @property
    def able(self) -> bool:
        return self.provider is None or self.provider.able()


class Providers:
    """Keeps one adapter for each configured provider, and a new one where it was changed."""

    def __init__(self, *, clock: Clock, deadline_s: float, new_smpp: NewSmpp) -> None:
        self._clock = clock
        self._deadline_s = deadline_s
        self._new_smpp = new_smpp
        self._adapters: dict[str, tuple[SmsEntry, SmsProvider]] = {}
        self._usable: list[Usable] = []
        self._closing: set[asyncio.Task[None]] = set()

    def configure(self, book: Book) -> None:
        """Follows a new configuration. Messages in hand finish with the adapter that has them."""
        self._usable = [
            Usable(id=entry.id, console=True)
            if entry.kind == "console"
            else Usable(id=entry.id, console=False, provider=self._adapter(entry))
            for entry in book.providers
        ]
        for gone in self._adapters.keys() - {entry.id for entry in book.providers}:
            self._close_later(self._adapters.pop(gone)[1])

    def first_usable(self) -> Usable | None:
        """The first configured provider that can send; None when there is none."""
        return next((each for each in self._usable if each.able), None)

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
        assert entry.url is not None
        assert entry.secret is not None
        return GenericProvider(
            entry.id,
            url=entry.url,
            secret=entry.secret,
            clock=self._clock,
            deadline_s=self._deadline_s,
        )

    def _close_later(self, provider: SmsProvider) -> None:
        task = asyncio.create_task(provider.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        closing = [provider.close() for _, provider in self._adapters.values()]
        await asyncio.gather(*self._closing, *closing)


def _same(one: SmsEntry, other: SmsEntry) -> bool:
    """Whether the connection is the same; its place in the file and its price do not matter."""
    apart = {"position": 0, "price": None}
    return one.model_copy(update=apart) == other.model_copy(update=apart)
