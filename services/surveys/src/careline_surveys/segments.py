"""What a text costs to send: how many messages the network makes of it."""

from dataclasses import dataclass
from typing import Literal

import smsutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """`units` are GSM-7 septets (extension characters count two) or UTF-16 code units."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int

    def cost(self, price: float | None) -> float | None:
        """The price of all segments; None while the provider's price is not configured."""
        return None if price is None else round(self.segments * price, 4)


def count(text: str) -> Segments:
    """Counts by GSM 03.38: 160 or 153 septets, 70 or 67 UTF-16 units a message."""
    split = smsutil.split(text)
    if split.encoding == "utf_16_be":
        return Segments(encoding="UCS-2", units=split.total_bytes // 2, segments=len(split.parts))
    return Segments(encoding="GSM-7", units=split.total_bytes, segments=len(split.parts))
