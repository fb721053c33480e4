"""What stands on the floor, as rows of the read model."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from careline_router.db.rows import AgentChange, CallChange, CallProgress, CallRow, DecisionRow
from careline_router.domain.decisions import Decision
from careline_router.domain.states import Agent, Call
from careline_router.runtime.codec import moment, moment_or_none, stamp


def call_row(call: Call, team: str | None) -> CallRow:
    """A call that was not there before; `team` is its agent's."""
    return CallRow(
        id=call.id,
        pbx=call.pbx,
        pbx_call_id=call.pbx_call_id,
        line=call.line,
        control=call.control,
        queue=call.queue,
        payer=call.payer,
        insurance=call.insurance,
        priority=call.priority,
        language=call.language,
        state=call.state,
        arrived_at=moment(call.arrived_at),
        queued_at=moment_or_none(call.queued_at),
        answered_at=moment_or_none(call.answered_at),
        ended_at=moment_or_none(call.ended_at),
        agent=call.agent,
        team=team,
        outcome=call.outcome,
        ended_by=call.ended_by,
        crm=to_json(call.crm).decode(),
        target_s=call.terms.target_s,
        recording_refused_at=moment_or_none(call.recording_refused_at),
    )


def call_change(call: Call, team: str | None) -> CallChange:
    return {
        **call_progress(call, team),
        "queue": call.queue,
        "payer": call.payer,
        "insurance": call.insurance,
        "priority": call.priority,
        "language": call.language,
        "queued_at": moment_or_none(call.queued_at),
        "crm": call.crm,
        "target_s": call.terms.target_s,
        "recording_refused_at": moment_or_none(call.recording_refused_at),
    }


def call_progress(call: Call, team: str | None) -> CallProgress:
    return {
        "id": call.id,
        "state": call.state,
        "answered_at": moment_or_none(call.answered_at),
        "ended_at": moment_or_none(call.ended_at),
        "agent": call.agent,
        "team": team,
        "outcome": call.outcome,
        "ended_by": call.ended_by,
    }


def agent_change(agent: Agent, message_seq: int) -> AgentChange:
    return {
        "agent": agent.id,
        "state": agent.state,
        "reason": agent.reason,
        "since": moment(agent.since),
        "endpoint": agent.endpoint,
        "site": agent.site,
        "call_id": agent.call,
        "message_seq": message_seq,
    }


def decision_row(decision: Decision, took_us: float) -> DecisionRow:
    """`took_us` is how long the engine took for it, in microseconds."""
    groups = [
        {
            "signature": group.signature,
            "idle": group.idle,
            **({} if group.removed_by is None else {"removed_by": group.removed_by}),
            **({} if group.score is None else {"score": round(group.score, 3)}),
        }
        for group in decision.groups
    ]
    return DecisionRow(
        offer_id=decision.offer_id,
        call_id=decision.match.call_id,
        at=moment(decision.at),
        policy=decision.policy,
        groups=to_json(groups).decode(),
        agents=to_json(decision.agents).decode(),
        chosen=decision.match.agent_id,
        took_us=round(took_us, 1),
        flow_version=decision.flow_version,
        crm=to_json(decision.crm).decode(),
        rule=decision.match.rule,
        calls=to_json(decision.calls).decode(),
    )


def wire(data: Mapping[str, Any]) -> dict[str, Any]:
    """A message's data with its times (keys in `_at`, and `since`) as RFC 3339."""
    shown = dict(data)
    for key, value in data.items():
        kind = type(value)
        if kind is dict:
            shown[key] = wire(value)
        elif kind is float and (key.endswith("_at") or key == "since"):
            shown[key] = stamp(value)
    return shown
