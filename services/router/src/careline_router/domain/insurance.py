"""A policy of health insurance as its records tell of it, and which of several decides how a call is treated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

InsuranceKind = Literal["voluntary", "compulsory"]
ACTIVE, EXPIRED = "active", "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`state` is the records' own word (`active`, `lapsed`, …); `valid_until` is its last day.

    `number` and `birth_date` say whose it is: personal data, by which answers are checked.
    """

    state: str | None = None
    insurer: str | None = None
    kind: InsuranceKind | None = None
    valid_until: date | None = None
    clinic: str | None = None
    number: str | None = None
    birth_date: date | None = None

    def state_on(self, day: date) -> str | None:
        """How it stands on a day: records say `active` of what has run out long ago."""
        is_over = self.valid_until is not None and self.valid_until < day
        return EXPIRED if is_over and self.state in {None, ACTIVE} else self.state


def by_weight(policies: Sequence[Policy], day: date) -> list[Policy]:
    """The policies of one person, the one that counts first: in force before not, voluntary before compulsory, then
    the one that holds longest; the records' order where all that is the same."""

    def weight(policy: Policy) -> tuple[bool, bool, date]:
        in_force = policy.state_on(day) == ACTIVE
        return in_force, policy.kind == "voluntary", policy.valid_until or date.max

    return sorted(policies, key=weight, reverse=True)


def same_number(one: str, other: str) -> bool:
    """Whether two spellings of a policy's number mean the same one: `77-12 34` and `771234`."""
    return _plain(one) == _plain(other)


def _plain(number: str) -> str:
    return "".join(sign for sign in number if sign.isalnum()).casefold()
