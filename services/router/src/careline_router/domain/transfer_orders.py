"""What can be asked of a floor about callers who are passed on, and about whoever is asked meanwhile.

`ConsultAnswered`, `ConsultGone` and `TransferEnded` are facts that a PBX tells, and cannot be refused.
"""

from collections.abc import Mapping

from careline_router.domain.records import record
from careline_router.domain.words import ConsultEnd


@record
class TransferOut:
    """The agent passes his caller on to an endpoint outside the floor, and is done with him (cold)."""

    agent_id: str
    call_id: str
    endpoint: str


@record
class TransferIn:
    """The agent passes his caller on to a queue (cold): first at his place there. With `to_agent` the call
    waits for him alone for `preferred_for_s` seconds."""

    agent_id: str
    call_id: str
    queue: str
    skills: Mapping[str, int]
    to_agent: str | None = None
    preferred_for_s: float = 0.0


@record
class Consult:
    """The caller is held while the agent asks somebody else (warm): an endpoint, an agent, or whoever of
    those who have `skills` is idle longest. Exactly one of the three is given."""

    agent_id: str
    call_id: str
    consult_id: str
    endpoint: str | None = None
    to_agent: str | None = None
    skills: Mapping[str, int] | None = None


@record
class EndConsult:
    """`complete`: who was asked takes the caller; `back`: the agent does; `join`: all three talk."""

    agent_id: str
    call_id: str
    how: ConsultEnd


@record
class ConsultAnswered:
    """Who is asked has answered (fact)."""

    call_id: str
    consult_id: str


@record
class ConsultGone:
    """Who is asked was not reached, or has hung up (fact)."""

    call_id: str
    consult_id: str
    cause: str


@record
class TransferEnded:
    """The PBX has passed the caller on, or could not (fact): from the leg `offer_id`, with `consult_id` to that one."""

    call_id: str
    ok: bool
    offer_id: str
    consult_id: str | None = None
