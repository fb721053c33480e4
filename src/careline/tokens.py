"""Roles and lifetimes of tokens."""

import re

ROLES = frozenset(
    [
        "agent",
        "supervisor",
        "admin",
        "pbx",
        "insurer",
        "auditor",
        "specialist",
        "expert",
        "contact_admin",
        "quality",
        "floor",
        "service",
    ]
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """`90s`, `30m`, `12h` or `7d` in seconds."""
    match = re.fullmatch(r"([1-9]\d{0,6})([smhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is no duration; write 90s, 30m, 12h or 7d")
    return int(match[1]) * _UNITS[match[2]]
