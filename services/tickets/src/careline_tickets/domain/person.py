"""Who an appeal is about."""

from dataclasses import dataclass, field
from datetime import date

EARLIEST_BIRTH = date(1900, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """All of it personal data; none of it shows when the object is printed."""

    phone: str | None = field(default=None, repr=False)
    """E.164."""
    name: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)
    policy_number: str | None = field(default=None, repr=False)

    @property
    def empty(self) -> bool:
        return not (self.phone or self.name or self.birth_date or self.policy_number)

    def completed(self, by: "Person") -> "Person":
        """This person, with what is not known of him as somebody else has told it."""
        return Person(
            phone=self.phone or by.phone,
            name=self.name or by.name,
            birth_date=self.birth_date or by.birth_date,
            policy_number=self.policy_number or by.policy_number,
        )

    @property
    def policy_key(self) -> str | None:
        """The policy number as it is compared: without spaces and dashes, in capitals."""
        if self.policy_number is None:
            return None
        return "".join(sign for sign in self.policy_number if sign.isalnum()).upper() or None


def birth_date_fault(born: date, today: date) -> str | None:
    """What is wrong with a birth date, None when nothing is."""
    if born < EARLIEST_BIRTH:
        return f"must not lie before {EARLIEST_BIRTH.year}"
    return "must not lie in the future" if born > today else None
