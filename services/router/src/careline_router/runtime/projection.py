"""A batch of the floor's events as rows: journal, read model, PBX commands, messages, outbox."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from careline_common.db.copying import driver_of
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.ids import Ids
from careline_router.db.batch import Added, BatchWriter, Changed
from careline_router.db.rows import (
    CommandRow,
    JournalRow,
    LookRow,
    MessageRow,
    OfferChange,
    OfferRow,
)
from careline_router.domain import effects
from careline_router.domain import events as ev
from careline_router.domain import transfer_events as tev
from careline_router.domain.decisions import Decision
from careline_router.domain.floor import Floor
from careline_router.domain.states import Agent, Call
from careline_router.domain.steps import Message, PbxStep
from careline_router.runtime.announce import announce_call, announce_state, team_of
from careline_router.runtime.as_rows import (
    agent_change,
    call_change,
    call_progress,
    call_row,
    decision_row,
    wire,
)
from careline_router.runtime.codec import encode, moment
from careline_router.runtime.contacts import Contacts
from careline_router.views import AgentMessage

OFFERED = "customer shown with the offer"
"""As `person_audit` has it."""
NO_CHANGE = (
    ev.OfferAccepted, ev.CallWrappedUp, ev.DigitsPressed, ev.ControlRequested, ev.CallerSilent,
    tev.TransferRequested, tev.TransferRefused, tev.ConsultBegun, tev.ConsultTalking, tev.ConsultJoined,
    tev.ConsultOver, ev.CallAnnounced, tev.AgentLeft, ev.WayOutOffered,
)  # fmt: skip
"""Events that leave a call's record as it is."""
PROGRESS = (ev.CallerAsked, ev.OfferMade, ev.CallConnected, ev.OfferClosed, ev.CallEnded)
"""Events that change no more of it than a `CallProgress` has; all others may change everything."""


@dataclass(slots=True)
class Numbers:
    """The last numbers given out: of the journal, and of each agent's messages."""

    journal: int = 0
    messages: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Numbers":
        return replace(self, messages=dict(self.messages))


class Projection:
    """Collects what a batch does; `write_added` and `write` put it into the transaction.

    Events must be taken command by command, right after the floor has handled each.
    """

    def __init__(
        self, *, floor_id: str, floor: Floor, contacts: Contacts, numbers: Numbers, ids: Ids
    ) -> None:
        self.numbers = numbers.copy()
        self.messages: list[tuple[str, AgentMessage]] = []
        self.pbxs: set[str] = set()
        self.events: list[ev.Event] = []
        self.work: set[str] = set()
        self._floor_id = floor_id
        self._floor = floor
        self._contacts = contacts
        self._ids = ids
        self._added = Added()
        self._writer: BatchWriter | None = None
        self._commands_of: dict[str, list[CommandRow]] = {}
        self._new_calls: dict[str, Call] = {}
        self._calls: dict[str, Call] = {}
        self._progress: dict[str, Call] = {}
        self._agents: set[str] = set()
        self._offers: dict[str, OfferChange] = {}

    # -- taking --------------------------------------------------------------------------------

    def take(
        self,
        uow: UnitOfWork,
        events: Sequence[ev.Event],
        decisions: Sequence[Decision],
        took_us: float,
    ) -> None:
        """Takes what one command has done; `took_us` is how long the engine took for it."""
        calls = [self._call_of(event) for event in events]
        states = [effects.state_told(event) for event in events]
        agents = [None if told is None else self._floor.agents[told[0]] for told in states]
        for event, call, state, of_call, of_agent in zip(
            events, calls, states, _versions(calls), _versions(agents), strict=True
        ):
            at = moment(event.at)
            self._journal(event, at)
            if call is not None:
                self._call_event(uow, event, at, call, of_call)
            self._offer_event(event, at)
            for message in effects.messages(event, call):
                self._message(message, at)
            if state is not None:
                announce_state(uow, state, at, version=of_agent)
            self._agent_event(event, at)
        self.events += events
        for decision in decisions:
            self._added.decisions.append(decision_row(decision, took_us / len(decisions)))

    def _call_of(self, event: ev.Event) -> Call | None:
        call_id: str | None = getattr(event, "call_id", None)
        return None if call_id is None else self._floor.calls.get(call_id)

    def _journal(self, event: ev.Event, at: datetime) -> None:
        self.numbers.journal += 1
        kind, data = encode(event)
        self._added.journal.append(
            JournalRow(self._floor_id, self.numbers.journal, at, kind=kind, data=data)
        )

    def _call_event(
        self, uow: UnitOfWork, event: ev.Event, at: datetime, call: Call, version: int
    ) -> None:
        self._mark(event, call, version)
        if call.kind == "ticket":
            self.work.add(call.id)
        announce_call(
            uow,
            event,
            at,
            call=call,
            version=version,
            agents=self._floor.agents,
            contacts=self._contacts,
        )
        overtaken = effects.overtaken_by(event)
        if overtaken is not None:
            self._overtake(overtaken, at)
        if call.control == "commands":
            for step in effects.pbx_steps(event, call):
                self._command(call, step, at)

    def _mark(self, event: ev.Event, call: Call, version: int) -> None:
        """How much of the call's record has to be written."""
        if version == 1:
            self._new_calls[call.id] = call
        elif isinstance(event, NO_CHANGE) or call.id in self._new_calls:
            return
        elif isinstance(event, PROGRESS):
            self._progress[call.id] = call
        else:
            self._calls[call.id] = call

    def _overtake(self, overtaken: effects.Overtaken, at: datetime) -> None:
        """Also commands of this very batch: they have not been sent to anybody yet."""
        self._added.overtaken.append(
            {
                "call_id": overtaken.call_id,
                "types": ",".join(overtaken.types) or None,
                "offer_id": overtaken.offer_id,
                "done_at": at,
            }
        )
        for row in self._commands_of.get(overtaken.call_id, ()):
            if (not overtaken.types or row.type in overtaken.types) and (
                overtaken.offer_id is None or row.offer_id == overtaken.offer_id
            ):
                self._added.commands.pop(row.id, None)

    def _command(self, call: Call, step: PbxStep, at: datetime) -> None:
        self.pbxs.add(call.pbx)
        row = CommandRow(
            id=self._ids.new(),
            pbx=call.pbx,
            call_id=call.id,
            pbx_call_id=call.pbx_call_id,
            offer_id=step.offer_id,
            type=step.type,
            body=to_json(step.body).decode(),
            created_at=at,
        )
        self._added.commands[row.id] = row
        self._commands_of.setdefault(call.id, []).append(row)

    def _offer_event(self, event: ev.Event, at: datetime) -> None:
        match event:
            case ev.OfferMade():
                self._added.offers[event.offer_id] = OfferRow(
                    id=event.offer_id,
                    call_id=event.call_id,
                    agent=event.agent_id,
                    state=event.state,
                    endpoint=event.endpoint,
                    made_at=at,
                    deadline=moment(event.deadline),
                    timeout_s=event.timeout_s,
                )
                self._look(event, at)
            case ev.OfferAccepted():
                self._change_offer(
                    event.offer_id,
                    state="ringing",
                    deadline=moment(event.deadline),
                    timeout_s=event.timeout_s,
                )
            case ev.CallConnected() | ev.DialRequested():
                self._change_offer(event.offer_id, state="connected", closed_at=at)
            case ev.OfferClosed():
                self._change_offer(event.offer_id, state=event.end, closed_at=at)

    def _look(self, event: ev.OfferMade, at: datetime) -> None:
        """An offer shows its agent who calls; of a caller who withholds his number there is nothing to see."""
        if self._contacts.of(event.call_id).phone is not None:
            look = LookRow(at, event.agent_id, ["agent"], what=OFFERED, call_ids=[event.call_id])
            self._added.looks.append(look)

    def _change_offer(self, offer_id: str, **values: Any) -> None:
        made = self._added.offers.get(offer_id)
        if made is not None:
            self._added.offers[offer_id] = made._replace(**values)
            return
        unchanged: OfferChange = {
            "id": offer_id, "state": "", "deadline": None, "timeout_s": None, "closed_at": None,
        }  # fmt: skip
        self._offers.setdefault(offer_id, unchanged).update(values)  # type: ignore[typeddict-item]

    def _agent_event(self, event: ev.Event, at: datetime) -> None:
        change = effects.state_message(event)
        if change is not None:
            self._message(change, at)
        elif isinstance(event, ev.AgentLoggedIn):
            self._agents.add(event.agent_id)

    def _message(self, message: Message, at: datetime) -> None:
        self._agents.add(message.agent_id)
        seq = self.numbers.messages.get(message.agent_id, 0) + 1
        self.numbers.messages[message.agent_id] = seq
        data = wire(message.data)
        kept = AgentMessage(seq=seq, type=message.type, at=at, data=data)
        self.messages.append((message.agent_id, kept))
        self._added.messages.append(
            MessageRow(message.agent_id, seq, at, type=message.type, data=to_json(data).decode())
        )

    # -- writing -------------------------------------------------------------------------------

    async def write_added(self, uow: UnitOfWork) -> None:
        """Writes the rows that were added so far; more may be taken while it does."""
        added, self._added = self._added, Added()
        self._commands_of = {}
        await (await self._writer_for(uow)).add(added)
        await uow.flush_events()

    async def _writer_for(self, uow: UnitOfWork) -> BatchWriter:
        if self._writer is None:
            self._writer = BatchWriter(driver_of(uow.connection))
        return self._writer

    async def write(self, uow: UnitOfWork) -> None:
        """Writes everything else that was taken."""
        await self.write_added(uow)
        agents = self._floor.agents
        await (await self._writer_for(uow)).change(
            Changed(
                new_calls=[
                    call_row(call, team_of(call, agents)) for call in self._new_calls.values()
                ],
                calls=[call_change(call, team_of(call, agents)) for call in self._calls.values()],
                progress=[
                    call_progress(call, team_of(call, agents))
                    for call in self._progress.values()
                    if call.id not in self._calls
                ],
                offers=list(self._offers.values()),
                agents=[
                    agent_change(agents[name], self.numbers.messages.get(name, 0))
                    for name in sorted(self._agents)
                ],
            ),
        )


def _versions(subjects: Sequence[Call | None] | Sequence[Agent | None]) -> list[int]:
    """The version that each event made of its subject, which is now at its last one; else 0."""
    if len(subjects) == 1:
        return [0 if subjects[0] is None else subjects[0].version]
    later: dict[str, int] = {}
    versions: list[int] = []
    for subject in reversed(subjects):
        if subject is None:
            versions.append(0)
        else:
            after = later.get(subject.id, 0)
            versions.append(subject.version - after)
            later[subject.id] = after + 1
    return versions[::-1]
