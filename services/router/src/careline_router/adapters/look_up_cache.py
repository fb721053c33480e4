"""Answers that are known already: bounded in number and in time, by a key that tells of nobody."""

from collections import OrderedDict
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class LookUpCache(Generic[Kept]):
    """The least recently used goes first when there are more than `most`. Times are monotonic."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[float, Kept]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes, now: float) -> Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        expires, answer = kept
        if expires <= now:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return answer

    def put(self, key: bytes, answer: Kept, *, now: float, keep_s: float) -> None:
        """Keeps it for `keep_s` seconds; 0 keeps nothing."""
        if keep_s <= 0:
            return
        self._kept[key] = (now + keep_s, answer)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop_expired(self, now: float) -> None:
        for key in [key for key, (expires, _) in self._kept.items() if expires <= now]:
            del self._kept[key]

    def clear(self) -> None:
        self._kept.clear()
