"""A large floor in a bad hour, and the rows that a router would have left of it in its database."""

from dataclasses import dataclass, field

from sqlalchemy import text

from careline_common.db.copying import copy_rows, driver_of
from careline_common.db.engine import Database
from careline_router.db import repository
from careline_router.db.rows import CallRow, JournalRow
from careline_router.db.tables import call_record, journal
from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.specs import AgentSpec, QueueSpec
from careline_router.domain.words import Priority
from careline_router.runtime.as_rows import call_row
from careline_router.runtime.codec import encode, moment, pack, snapshot_parts
from careline_router.runtime.floor_actor import FLOOR

QUEUES = ("adult", "child", "dental", "vip")
PRIORITIES: tuple[Priority, ...] = ("insured", "insured", "cash", "vip")
STARTS = 1_772_442_000.0
TALK_SHARE = 0.8
"""Of the agents; the phones of the others ring."""
CALLS_A_SECOND = 40.0

CONTACTS = text("""
    INSERT INTO call_contact (call_id, phone, attributes)
    SELECT id, '+7916' || lpad((row_number() OVER ())::text, 7, '0'), '{"ivr": {}}' FROM call_record""")
AGENTS = text("""
    INSERT INTO agent_session (agent, state, since, message_seq)
    SELECT 'a' || number, 'ready', now(), number % 100 FROM generate_series(0, :agents - 1) AS number""")


@dataclass(slots=True)
class LargeFloor:
    """The floor, and everything that has happened on it, in order."""

    floor: Floor = field(default_factory=Floor)
    events: list[ev.Event] = field(default_factory=list)
    now: float = STARTS

    def do(self, command: cmd.Command) -> None:
        self.events += self.floor.handle(command, self.now)
        self.floor.take_decisions()

    def open(self, agents: int) -> None:
        """All agents are at work and ready."""
        self.do(cmd.ConfigureQueues(queues=tuple(QueueSpec(id=name) for name in QUEUES)))
        specs = tuple(
            AgentSpec(
                id=f"a{number}",
                team=f"t{number % 100}",
                endpoint=f"PJSIP/a{number}",
                skills={QUEUES[number % 4]: 5, QUEUES[(number // 4) % 4]: 3 + number % 3},
            )
            for number in range(agents)
        )
        self.do(cmd.ConfigureAgents(agents=specs))
        for spec in specs:
            self.do(cmd.LogIn(agent_id=spec.id))
            self.do(cmd.SetReady(agent_id=spec.id))

    def call(self, number: int) -> None:
        """The next caller comes; if he is offered, the agent's phone rings or he is talked to."""
        self.now += 1 / CALLS_A_SECOND
        call_id, queue = f"call-{number:06d}", QUEUES[number % 4]
        self.do(
            cmd.RegisterCall(call_id=call_id, pbx="pbx1", pbx_call_id=call_id, line="+74950000001")
        )
        self.do(
            cmd.QueueCall(
                call_id=call_id, queue=queue, skills={queue: 1}, priority=PRIORITIES[number // 4 % 4],
                payer="insured", insurance="DMS-100", language="ru", flow="main", flow_version=3,
                crm={"status": "found", "payer": "insured", "policy_state": "active", "vip": False},
            )
        )  # fmt: skip
        offer = self.floor.offers.get(self.floor.calls[call_id].offer or "")
        if offer is not None and number % 10 < 10 * TALK_SHARE:
            self.do(cmd.AcceptOffer(agent_id=offer.agent, offer_id=offer.id))
            self.do(cmd.PhoneAnswered(offer_id=offer.id))

    def go_on(self, events: int) -> None:
        """A while longer: callers give up, and new ones come, until so much has happened."""
        until, number = len(self.events) + events, 0
        calls = len(self.floor.calls)
        while len(self.events) < until:
            self.do(cmd.HangUp(call_id=f"call-{number * 7 % calls:06d}", by="caller"))
            self.call(calls + number)
            number += 1


def large_floor(*, agents: int, waiting: int) -> LargeFloor:
    """So many agents who all have a call, and so many calls that wait."""
    made = LargeFloor()
    made.open(agents)
    for number in range(agents + waiting):
        made.call(number)
    return made


async def keep(database: Database, made: LargeFloor, *, snapshot: bool, first: int = 0) -> None:
    """Writes the journal from `first` on and, with `snapshot`, the floor as it is now; and what the
    read model has of it that is read when it is loaded."""
    rows = [
        JournalRow(FLOOR, number, moment(event.at), *encode(event))
        for number, event in enumerate(made.events[first:], first + 1)
    ]
    async with database.unit_of_work() as uow:
        await uow.connection.execute(text("TRUNCATE call_record, call_contact, agent_session"))
        driver = driver_of(uow.connection)
        await copy_rows(driver, journal, JournalRow._fields, rows)
        calls = [call_row(call, None) for call in made.floor.calls.values()]
        await copy_rows(driver, call_record, CallRow._fields, calls)
        await uow.connection.execute(CONTACTS)
        await uow.connection.execute(AGENTS, {"agents": len(made.floor.agents)})
        if snapshot:
            data = b"".join(pack(snapshot_parts(made.floor.snapshot())))
            seq, at = len(made.events), uow.clock.now()
            await repository.write_snapshot(uow.connection, FLOOR, seq=seq, at=at, data=data)
