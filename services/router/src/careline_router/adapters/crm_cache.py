"""Profiles that are known already: bounded in number and in time, by a key that is no number."""

from collections import OrderedDict

from careline_router.ports import CrmProfile


class ProfileCache:
    """The least recently used goes first when there are more than `most`. Times are monotonic."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[float, CrmProfile]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes, now: float) -> CrmProfile | None:
        expires, profile = self._kept.get(key, (now, None))
        if profile is None:
            return None
        if expires <= now:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return profile

    def put(self, key: bytes, profile: CrmProfile, *, now: float, keep_s: float) -> None:
        """Keeps it for `keep_s` seconds; 0 keeps nothing."""
        if keep_s <= 0:
            return
        self._kept[key] = (now + keep_s, profile)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop_expired(self, now: float) -> None:
        for key in [key for key, (expires, _) in self._kept.items() if expires <= now]:
            del self._kept[key]

    def clear(self) -> None:
        self._kept.clear()
