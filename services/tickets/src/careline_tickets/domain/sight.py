"""Who sees what of an appeal."""

from dataclasses import dataclass
from enum import Enum

from careline_tickets.domain.ticket import Ticket

READS_ALL = frozenset({"agent", "specialist", "contact_admin", "auditor", "service"})
READS_FACTS = frozenset({"admin", "floor", "quality"})


class Sight(Enum):
    """NOTHING looks like an appeal that does not exist; FACTS leaves personal data out."""

    NOTHING = 0
    FACTS = 1
    ALL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks: a token's subject and roles, for an insurer's users also the insurer."""

    id: str
    roles: frozenset[str]
    insurer: str | None = None

    @property
    def reads_all(self) -> bool:
        return not self.roles.isdisjoint(READS_ALL)

    @property
    def reads_facts(self) -> bool:
        return self.reads_all or not self.roles.isdisjoint(READS_FACTS)

    @property
    def own_insurer(self) -> str | None:
        """The insurer whose appeals this viewer sees."""
        return self.insurer if "insurer" in self.roles else None


def sight(ticket: Ticket, viewer: Viewer) -> Sight:
    """What this viewer sees of this appeal.

    An expert sees all of the appeals he was invited to and the facts of the others.
    """
    expert = "expert" in viewer.roles
    own = viewer.own_insurer is not None and viewer.own_insurer == ticket.details.insurer
    if viewer.reads_all or own or (expert and viewer.id in ticket.experts):
        return Sight.ALL
    return Sight.FACTS if viewer.reads_facts or expert else Sight.NOTHING
