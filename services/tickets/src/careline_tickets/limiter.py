"""How often one address may ask without a token."""

import ipaddress
from collections import OrderedDict

from careline_common.clock import Clock

REMEMBERED = 10_000
IPV6_PREFIX = 64


class Limiter:
    """A bucket an address: `per_minute` questions at once, and as many again each minute.

    Bounded: the addresses that were silent longest are forgotten first. Each process counts for
    itself.
    """

    def __init__(self, *, per_minute: int, clock: Clock) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Takes one question; returns 0 when it may be asked, else the seconds to wait."""
        key, now = _network(address), self._clock.monotonic()
        left, since = self._buckets.pop(key, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._buckets[key] = (left if wait else left - 1, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return wait


def _network(address: str) -> str:
    """An IPv6 subscriber has a whole network of addresses and counts as one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False))
