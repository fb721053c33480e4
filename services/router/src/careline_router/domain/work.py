"""Work that is no call: an appeal of the journal, which is offered to an agent as calls are.

It stands on the floor as a `Call` of kind `ticket` that no PBX knows (`control` is `desk`): nothing rings, who accepts the
offer has it in hand, and there is nothing to wrap up.
"""

from careline_router.domain.records import record
from careline_router.domain.words import Priority

JOURNAL = "@journal"
"""Stands for the PBX of an appeal; no configured one may be called so."""


@record
class OfferWork:
    """An appeal that nobody has is to be offered in this queue; `number` tells how many-th time it is.

    `due_at` is when it is due; `known-call` when it is on the floor already.
    """

    call_id: str
    ticket_id: str
    number: int
    queue: str
    skills: dict[str, int]
    priority: Priority
    due_at: float | None = None


@record
class EndWork:
    """The appeal is on the floor no more: nobody has to be found for it, or who had it in hand is done with it.

    `agent_id` is who asks when it must be the agent who has it; None for the journal.
    """

    call_id: str
    agent_id: str | None = None


def work_name(ticket_id: str, number: int) -> str:
    """How an appeal is called where calls have the PBX's own id: another name each time it is offered."""
    return f"{ticket_id}.{number}"


def appeal_of(pbx: str, pbx_call_id: str) -> str | None:
    """The id of the appeal that an item is; None for a call."""
    return pbx_call_id.rpartition(".")[0] if pbx == JOURNAL else None
