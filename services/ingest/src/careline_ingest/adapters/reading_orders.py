"""What a process that reads a file is told to do, by the one that started it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from careline_common.observability.pii import PiiHasher
from careline_ingest.domain.feed import FeedSpec


@dataclass(frozen=True, slots=True)
class Open:
    """The first order to a child: answered by nothing, or by why it cannot."""

    path: Path
    spec: FeedSpec
    hasher: PiiHasher
    size: int


@dataclass(frozen=True, slots=True)
class Next:
    """Answered by a `Batch`."""

    seen: int


@dataclass(frozen=True, slots=True)
class Take:
    """Answered by a `Taken`."""

    places: list[int]
    now: datetime
