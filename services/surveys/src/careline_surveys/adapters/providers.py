"""The providers of the applied configuration, in its order."""

import asyncio
from dataclasses import dataclass

from careline_common.clock import Clock
from careline_surveys.adapters.generic import GenericProvider
from careline_surveys.book import Book
from careline_surveys.config import SmsEntry
from careline_surveys.ports import SmsProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """A provider that can take messages; `provider` is None for the console, which is a table."""

    id: str
    console: bool
    provider: SmsProvider | None = None


class Providers:
    """Keeps one adapter for each configured provider, and a new one where it was changed."""

    def __init__(self, *, clock: Clock, deadline_s: float) -> None:
        self._clock = clock
        self._deadline_s = deadline_s
        self._adapters: dict[str, tuple[SmsEntry, SmsProvider]] = {}
        self._usable: list[Usable] = []
        self._closing: set[asyncio.Task[None]] = set()

    def configure(self, book: Book) -> None:
        """Follows a new configuration. Messages in hand finish with the adapter that has them."""
        self._usable = []
        for entry in book.providers:
            if entry.kind == "console":
                self._usable.append(Usable(id=entry.id, console=True))
            elif entry.kind == "generic":
                provider = self._adapter(entry)
                self._usable.append(Usable(id=entry.id, console=False, provider=provider))

    def first_usable(self) -> Usable | None:
        """The first configured provider of a kind that can send; None when there is none."""
        return self._usable[0] if self._usable else None

    def _adapter(self, entry: SmsEntry) -> SmsProvider:
        known = self._adapters.get(entry.id)
        if known is not None and known[0] == entry:
            return known[1]
        assert entry.url is not None
        assert entry.secret is not None
        provider = GenericProvider(
            entry.id,
            url=entry.url,
            secret=entry.secret,
            clock=self._clock,
            deadline_s=self._deadline_s,
        )
        self._adapters[entry.id] = (entry, provider)
        if known is not None:
            self._close_later(known[1])
        return provider

    def _close_later(self, provider: SmsProvider) -> None:
        async def close() -> None:
            await asyncio.sleep(2 * self._deadline_s)
            await provider.close()

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        for task in self._closing:
            task.cancel()
        for _, provider in self._adapters.values():
            await provider.close()
