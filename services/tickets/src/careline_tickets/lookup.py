"""Persons as the journal looks for them: by keyed hashes, never by the number itself."""

from careline_common.observability.pii import PiiHasher
from careline_tickets.db.likeness import Likeness
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Details
from careline_tickets.domain.tracking import keyed


class Lookup:
    def __init__(self, hasher: PiiHasher) -> None:
        self._hasher = hasher

    def phone_key(self, person: Person) -> bytes | None:
        return self._hasher.lookup(person.phone) if person.phone else None

    def policy_key(self, person: Person) -> bytes | None:
        number = person.policy_key
        return self._hasher.lookup(number) if number else None

    def code_key(self, code: str) -> str:
        """A tracking code as callers key it, for other services."""
        return self._hasher.code_key(keyed(code))

    def likeness(
        self, person: Person, details: Details | None = None, text: str | None = None
    ) -> Likeness:
        """What an appeal of this person about these things may have in common with others."""
        external = details.external if details else None
        return Likeness(
            phone_key=self.phone_key(person),
            policy_key=self.policy_key(person),
            external=(external.source, external.id) if external else None,
            call_id=details.call_id if details else None,
            organisation=details.organisation if details else None,
            subject=details.subject if details else None,
            text=text,
        )
