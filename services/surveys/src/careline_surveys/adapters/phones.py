"""What a number tells of its owner, as far as asking him goes."""

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from careline_common.phones import is_landline, parse_phone, region_of, time_zones_of

IRAN = 98


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """`zone` is the IANA zone where the owner surely lives; None where the number does not tell."""

    e164: str
    country_code: int
    landline: bool
    zone: str | None

    @property
    def region(self) -> str | None:
        """Its country (`RU`); None where the number does not tell. Not cheap: looked up when asked."""
        return region_of(self.e164)


@lru_cache(maxsize=512)  # a message's number is read when it is made, sent and receipted
def read_number(text: str) -> Number:
    """Reads an international number in any usual spelling; raises ValueError."""
    e164 = parse_phone(text, None)
    zones = time_zones_of(e164)
    return Number(
        e164=e164,
        country_code=phonenumbers.parse(e164).country_code or 0,
        landline=is_landline(e164),
        zone=zones[0] if len(zones) == 1 else None,
    )


def read_sender(text: str) -> Number:
    """The sender of an SMS: many providers leave the `+` of the country code out."""
    bare = text.strip()
    return read_number(bare if bare.startswith("+") else f"+{bare.removeprefix('00')}")


def read_national(text: str, region: str) -> Number | None:
    """The sender of an SMS as it is written in his country; None when it is no number there."""
    try:
        return read_number(parse_phone(text, region))
    except ValueError:
        return None
