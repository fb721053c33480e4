"""Numbers and names of the callers who are on the floor now. The engine never sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from careline_common.phones import parse_phone
from careline_router.ports import Appeals, CrmProfile, Surges

INPUTS, VERIFIED = "ivr", "verified"
"""Where `attributes` have what was learned of the caller, and there, that it is he."""
COLLECTED = "collected"
"""Where they have what a bot has asked of him before it handed him over."""
OF_HIS_POLICY = ("insurer", "policy_state")
"""What is told of a caller only once he has been verified, where callers are (`verify_callers`)."""


def customer(crm: Mapping[str, Any], name: str | None, *, known: bool) -> dict[str, Any]:
    """What the agent's screen shows of the caller: the CRM's facts and his name. Of whom nobody knows yet that it is
    he, what his policy is stays hidden."""
    facts = {**crm, "name": name}
    return facts if known else {**facts, **{each: None for each in OF_HIS_POLICY if each in crm}}


def is_verified(attributes: Mapping[str, Any]) -> bool:
    """Whether a caller has said what only he should know, to a machine or to his agent."""
    return bool(attributes.get(INPUTS, {}).get(VERIFIED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """`phone` as E.164, or as the PBX gave it where it is no number; None when withheld.

    `is_number` tells whether it is one; None: nobody has looked yet.
    """

    phone: str | None = None
    is_number: bool | None = None
    name: str | None = None
    profile: CrmProfile | None = None
    """What the CRM said of him, while he is being served; it is not kept."""
    appeals: Appeals | None = None
    """What is known of his appeals, where his flow asks; it is not kept here."""
    surges: Surges | None = None
    """Which surges of appeals are open, where his flow asks; it is not kept here."""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        return is_verified(self.attributes)

    @property
    def number(self) -> str | None:
        """The phone if it is a number at which somebody can be reached."""
        if self.is_number is not None:
            return self.phone if self.is_number else None
        try:
            return None if self.phone is None else parse_phone(self.phone, None)
        except ValueError:
            return None


NOBODY = Contact()


class Contacts:
    """By call. An entry goes when its call has been forgotten by the floor."""

    def __init__(self) -> None:
        self._contacts: dict[str, Contact] = {}

    def put(self, call_id: str, contact: Contact) -> None:
        self._contacts[call_id] = contact

    def of(self, call_id: str) -> Contact:
        return self._contacts.get(call_id, NOBODY)

    def forget(self, call_id: str) -> None:
        self._contacts.pop(call_id, None)

    def fill_in(self, contacts: Mapping[str, Contact]) -> None:
        """Adds what is not known yet: of a call that is being registered only this process knows."""
        self._contacts = {**contacts, **self._contacts}

    def forget_all(self) -> None:
        self._contacts.clear()
