"""A batch of the floor's events as rows: journal, read model, PBX commands, messages, outbox."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from careline_common.clock import rfc3339
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.ids import Ids
from careline_router.db.repository import BatchRows, write_batch
from careline_router.domain import effects
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.states import Agent, Call, Decision
from careline_router.runtime.announce import announce_agent, announce_call
from careline_router.runtime.codec import encode, moment, moment_or_none
from careline_router.runtime.contacts import Contacts
from careline_router.views import AgentMessage


@dataclass(slots=True)
class Numbers:
    """The last numbers given out: of the journal, and of each agent's messages."""

    journal: int = 0
    messages: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Numbers":
        return replace(self, messages=dict(self.messages))


class Projection:
    """Collects what a batch does; `write` puts it into the transaction.

    Events must be taken command by command, right after the floor has handled each.
    """

    def __init__(
        self, *, floor_id: str, floor: Floor, contacts: Contacts, numbers: Numbers, ids: Ids
    ) -> None:
        self.numbers = numbers.copy()
        self.messages: list[tuple[str, AgentMessage]] = []
        self.pbxs: set[str] = set()
        self.events: list[ev.Event] = []
        self._floor_id = floor_id
        self._floor = floor
        self._contacts = contacts
        self._ids = ids
        self._rows = BatchRows()
        self._calls: set[str] = set()
        self._agents: set[str] = set()

    def take(
        self,
        uow: UnitOfWork,
        events: Sequence[ev.Event],
        decisions: Sequence[Decision],
        took_us: float,
    ) -> None:
        """Takes what one command has done; `took_us` is how long the engine took for it."""
        call_versions = _versions([self._call_of(event) for event in events], self._floor.calls)
        agent_versions = _versions([_agent_of(event) for event in events], self._floor.agents)
        for event, of_call, of_agent in zip(events, call_versions, agent_versions, strict=True):
            self._journal(event)
            self._call_event(uow, event, of_call)
            self._offer_event(event)
            self._agent_event(uow, event, of_agent)
        self.events += events
        for decision in decisions:
            self._rows.decisions.append(_decision_row(decision, took_us / len(decisions)))

    def _call_of(self, event: ev.Event) -> str | None:
        call_id: str | None = getattr(event, "call_id", None)
        return call_id if call_id in self._floor.calls else None

    def _journal(self, event: ev.Event) -> None:
        self.numbers.journal += 1
        kind, data = encode(event)
        self._rows.journal.append(
            {
                "floor": self._floor_id,
                "seq": self.numbers.journal,
                "at": moment(event.at),
                "kind": kind,
                "data": data,
            }
        )

    def _call_event(self, uow: UnitOfWork, event: ev.Event, version: int) -> None:
        call_id = self._call_of(event)
        if call_id is None:
            return
        call = self._floor.calls[call_id]
        self._calls.add(call.id)
        announce_call(
            uow,
            event,
            call=call,
            team=self._team_of(call),
            contact=self._contacts.of(call.id),
            version=version,
        )
        overtaken = effects.overtaken_by(event)
        if overtaken is not None:
            self._overtake(overtaken)
        if call.control == "commands":
            for step in effects.pbx_steps(event):
                self._command(call, step, event.at)

    def _overtake(self, overtaken: effects.Overtaken) -> None:
        """Also commands of this very batch: they have not been sent to anybody yet."""
        self._rows.overtaken.append(overtaken)
        self._rows.commands = [
            row
            for row in self._rows.commands
            if row["call_id"] != overtaken.call_id
            or (overtaken.types and row["type"] not in overtaken.types)
            or (overtaken.offer_id is not None and row["offer_id"] != overtaken.offer_id)
        ]

    def _command(self, call: Call, step: effects.PbxStep, at: float) -> None:
        self.pbxs.add(call.pbx)
        self._rows.commands.append(
            {
                "id": self._ids.new(),
                "pbx": call.pbx,
                "call_id": call.id,
                "pbx_call_id": call.pbx_call_id,
                "offer_id": step.offer_id,
                "type": step.type,
                "body": dict(step.body),
                "created_at": moment(at),
            }
        )

    def _offer_event(self, event: ev.Event) -> None:
        at = moment(event.at)
        match event:
            case ev.OfferMade():
                self._rows.offers_made[event.offer_id] = {
                    "id": event.offer_id,
                    "call_id": event.call_id,
                    "agent": event.agent_id,
                    "state": event.state,
                    "endpoint": event.endpoint,
                    "made_at": at,
                    "deadline": moment(event.deadline),
                    "timeout_s": event.timeout_s,
                    "closed_at": None,
                }
            case ev.OfferAccepted():
                self._change_offer(
                    event.offer_id,
                    state="ringing",
                    deadline=moment(event.deadline),
                    timeout_s=event.timeout_s,
                )
            case ev.CallConnected():
                self._change_offer(event.offer_id, state="connected", closed_at=at)
            case ev.OfferClosed():
                self._change_offer(event.offer_id, state=event.end, closed_at=at)

    def _change_offer(self, offer_id: str, **values: Any) -> None:
        made = self._rows.offers_made.get(offer_id)
        changed = self._rows.offers_changed.setdefault(offer_id, {}) if made is None else made
        changed.update(values)

    def _agent_event(self, uow: UnitOfWork, event: ev.Event, version: int) -> None:
        call = self._floor.calls.get(self._call_of(event) or "")
        for message in effects.messages(event, call):
            self._message(message, event.at)
        announce_agent(uow, event, version=version)
        change = effects.state_message(event)
        if change is not None:
            self._message(change, event.at)
        elif isinstance(event, ev.AgentLoggedIn):
            self._agents.add(event.agent_id)

    def _message(self, message: effects.Message, at: float) -> None:
        self._agents.add(message.agent_id)
        seq = self.numbers.messages.get(message.agent_id, 0) + 1
        self.numbers.messages[message.agent_id] = seq
        data = _wire(message.data)
        kept = AgentMessage(seq=seq, type=message.type, at=moment(at), data=data)
        self.messages.append((message.agent_id, kept))
        self._rows.messages.append(
            {
                "agent": message.agent_id,
                "seq": seq,
                "at": kept.at,
                "type": kept.type,
                "data": dict(data),
            }
        )

    def _team_of(self, call: Call) -> str | None:
        agent = self._floor.agents.get(call.agent or "")
        return None if agent is None else agent.spec.team

    async def write(self, uow: UnitOfWork) -> None:
        """Writes everything that was taken."""
        self._rows.calls = [self._call_row(self._floor.calls[name]) for name in sorted(self._calls)]
        self._rows.agents = [self._agent_row(name) for name in sorted(self._agents)]
        await write_batch(uow.connection, self._rows)

    def _call_row(self, call: Call) -> dict[str, Any]:
        return {
            "id": call.id,
            "pbx": call.pbx,
            "pbx_call_id": call.pbx_call_id,
            "line": call.line,
            "control": call.control,
            "queue": call.queue,
            "payer": call.payer,
            "insurance": call.insurance,
            "priority": call.priority,
            "language": call.language,
            "state": call.state,
            "arrived_at": moment(call.arrived_at),
            "queued_at": moment_or_none(call.queued_at),
            "answered_at": moment_or_none(call.answered_at),
            "ended_at": moment_or_none(call.ended_at),
            "agent": call.agent,
            "team": self._team_of(call),
            "outcome": call.outcome,
            "ended_by": call.ended_by,
            "crm": call.crm,
        }

    def _agent_row(self, agent_id: str) -> dict[str, Any]:
        agent = self._floor.agents[agent_id]
        return {
            "agent": agent.id,
            "state": agent.state,
            "reason": agent.reason,
            "since": moment(agent.since),
            "endpoint": agent.endpoint,
            "site": agent.site,
            "call_id": agent.call,
            "message_seq": self.numbers.messages.get(agent.id, 0),
        }


def _agent_of(event: ev.Event) -> str | None:
    """The agent whose version the event made."""
    told = effects.state_told(event)
    return None if told is None else told[0]


def _versions(
    subjects: Sequence[str | None], versioned: Mapping[str, Call] | Mapping[str, Agent]
) -> list[int]:
    """The version that each event made of its subject, which is now at its last one."""
    later: Counter[str] = Counter()
    versions: list[int] = []
    for subject in reversed(subjects):
        if subject is None:
            versions.append(0)
        else:
            versions.append(versioned[subject].version - later[subject])
            later[subject] += 1
    return versions[::-1]


def _wire(data: Mapping[str, Any]) -> dict[str, Any]:
    """The message with its times as RFC 3339."""
    shown: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            shown[key] = _wire(value)
        elif isinstance(value, float) and (key.endswith("_at") or key == "since"):
            shown[key] = rfc3339(moment(value))
        else:
            shown[key] = value
    return shown


def _decision_row(decision: Decision, took_us: float) -> dict[str, Any]:
    groups = [
        {
            "signature": group.signature,
            "idle": group.idle,
            **({} if group.removed_by is None else {"removed_by": group.removed_by}),
            **({} if group.score is None else {"score": round(group.score, 3)}),
        }
        for group in decision.groups
    ]
    return {
        "offer_id": decision.offer_id,
        "call_id": decision.call_id,
        "at": moment(decision.at),
        "policy": decision.policy,
        "groups": groups,
        "agents": list(decision.agents),
        "chosen": decision.chosen,
        "took_us": round(took_us, 1),
        "flow_version": decision.flow_version,
        "crm": dict(decision.crm),
    }
