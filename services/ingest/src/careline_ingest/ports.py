"""Partners' servers as the use cases see them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from careline_ingest.domain import paging


class FetchError(Exception):
    """The partner's server could not be read. The text says why, has no secrets, and is the same
    for the same cause; `retry_after_s` is how long the server wants to be left alone."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class NotTrustedError(FetchError):
    """Somebody else answers in the partner's place, or the partner has another key or certificate:
    nothing is fetched until a person has looked at it."""


class FileRefusedError(Exception):
    """One file cannot be taken; the others may. `lasting`: not before the file has changed."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class NotFinishedError(Exception):
    """The file has changed since it was listed, or is gone: another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A file that lies there finished. `mark` is what it looked like, the same while it is the same
    file; empty where only reading it tells."""

    name: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is there to be had, oldest first, and the names of everything that is there."""

    offers: Sequence[Offer]
    present: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A file that has come whole: its mark, the name its sender gives it, and the SHA-256 that he
    says it has."""

    mark: str
    name: str | None = None
    sha256: bytes | None = None
    trouble: FetchError | None = None
    """Why there is not more of it: what came is taken, and the visit counts as failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of the past: from `begin` to before `end`, moments in RFC 3339."""

    begin: str
    end: str

    def holds(self, time: object) -> bool:
        """Whether a moment, as the partner writes it, is in it; one that cannot be read is."""
        if not isinstance(time, str | int):
            return True
        begin, end = paging.order(self.begin), paging.order(self.end)
        found = paging.order(str(time))
        return found[0] != begin[0] or begin <= found < end

    def __str__(self) -> str:
        return f"{self.begin}--{self.end}"


class Sink(Protocol):
    """Where a file goes while it is being fetched."""

    @property
    def size(self) -> int:
        """Bytes so far."""
        ...

    async def write(self, block: bytes) -> None:
        """Raises `FileRefusedError` when the file gets too large."""
        ...

    async def restart(self) -> None:
        """Forgets what has come."""
        ...


class Session(Protocol):
    """An open way to a partner's server. All raise `FetchError` when it is lost."""

    async def look(self, known: Mapping[str, str]) -> Listing:
        """What is there; `known` has the mark of every file that has been taken."""
        ...

    async def read(self, offer: Offer, sink: Sink) -> Delivered | None:
        """Brings a whole file into the sink; None when there is nothing new. Raises
        `FileRefusedError` and `NotFinishedError`."""
        ...

    async def put_away(self, offer: Offer, sha256: bytes) -> None:
        """What the source wants done with a file that was taken; may be repeated."""
        ...

    async def answer(self, name: str, content: bytes) -> None:
        """Puts an answer where the sender finds it, whole or not at all; may be repeated."""
        ...


class Source(Protocol):
    """A configured source that is fetched."""

    def session(self) -> AbstractAsyncContextManager[Session]: ...
