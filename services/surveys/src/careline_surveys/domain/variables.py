"""What stands in a text for something that is known only of each invitation."""

import re
from collections.abc import Mapping
from datetime import date

LINK = "link"
DATE = "date"
LIMITED = ("agent", "organisation")
"""Names, which may be of any length: each is cut to the units that a survey allows it."""

NAMES = (LINK, DATE, *LIMITED)
DEFAULT_UNITS: Mapping[str, int] = {"agent": 20, "organisation": 30}
LONGEST_UNITS = 100

_VARIABLE = re.compile(r"\{(\w+)\}")


def names_in(text: str) -> tuple[str, ...]:
    """The variables of a text in their order, known or not."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with the values that there are; variables without one stay as they stand."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)


def cut(value: str, units: int) -> str:
    """The beginning of a value, at most so many UTF-16 units; a pair of them is never cut in two."""
    kept: list[str] = []
    for char in " ".join(value.split()):
        units -= 1 if char <= "\uffff" else 2
        if units < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip()


def shown_date(day: date) -> str:
    """Always as long: 07.03."""
    return f"{day.day:02}.{day.month:02}"


def extremes(text: str, limits: Mapping[str, int]) -> tuple[str, tuple[str, ...]]:
    """(shortest, longest ones) that a text can become; link and date are as long as they are.

    The longest are two: of letters that GSM-7 has not, and of pairs of units, which no part of a
    message may cut in two and so sometimes need one part more.
    """
    units = {name: limits.get(name, DEFAULT_UNITS[name]) for name in LIMITED}
    text = filled(text, {DATE: "00.00"})
    shortest = filled(text, dict.fromkeys(LIMITED, ""))
    wide = {name: "Ж" * count for name, count in units.items()}
    pairs = {name: "😀" * (count // 2) + "Ж" * (count % 2) for name, count in units.items()}
    return shortest, (filled(text, wide), filled(text, pairs))
