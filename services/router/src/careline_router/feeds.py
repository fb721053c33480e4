"""Messages for the agents' sockets: numbered for each agent, kept an hour, resumed after a cut."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_router.db import reading
from careline_router.queries import Queries
from careline_router.runtime.contacts import Contacts, customer
from careline_router.runtime.projection import Projection
from careline_router.views import AgentMessage, AgentView

MOST_WAITING = 1000


class SlowReader(Exception):  # noqa: N818 - names the client, not our error
    """The client does not read: its messages have piled up. Close it; it may come again."""


class Feed:
    """One socket's messages, in order and without a gap, from its start on.

    Iterating yields missed messages first (those after `after`, if they are still kept) and then
    live ones; it raises `SlowReader` when more than 1,000 wait, and ends when a newer socket of
    the same agent has taken over (`superseded`).

    `snapshot` is the agent as he is now: send it first, as `resync {snapshot}` with number `seq`,
    which is the number of the last message that the snapshot takes in. `lost` is how many of those after
    `after` are not kept any more.
    """

    def __init__(self, contacts: Contacts, queries: Queries) -> None:
        self.snapshot: AgentView
        self.seq = 0
        self.superseded = False
        self.last = 0
        self.lost = 0
        self._contacts = contacts
        self._queries = queries
        self._missed: deque[AgentMessage] = deque()
        self._waiting: deque[AgentMessage] = deque()
        self._wake = asyncio.Event()

    def start(
        self, snapshot: AgentView, seq: int, missed: list[AgentMessage], lost: int = 0
    ) -> None:
        """Begins with what was missed; live messages that the snapshot takes in are dropped."""
        self.snapshot, self.seq, self.lost = snapshot, seq, lost
        self.last = max(self.last, seq)
        self._missed = deque(missed)
        self._waiting = deque(message for message in self._waiting if message.seq > seq)

    def put(self, message: AgentMessage) -> None:
        self.last = max(self.last, message.seq)
        self._waiting.append(message)
        self._wake.set()

    def supersede(self) -> None:
        self.superseded = True
        self._wake.set()

    async def __aiter__(self) -> AsyncIterator[AgentMessage]:
        while not self.superseded:
            if len(self._waiting) > MOST_WAITING:
                raise SlowReader
            if self._missed or self._waiting:
                yield self._dressed((self._missed or self._waiting).popleft())
                continue
            self._wake.clear()
            await self._wake.wait()

    def _dressed(self, message: AgentMessage) -> AgentMessage:
        """An offer with caller, customer and the desk's aids, which are not kept with the message."""
        if message.type != "offer":
            return message
        offer = dict(message.data["offer"])
        contact = self._contacts.of(offer["call_id"])
        crm = offer.pop("crm", {})
        shown = customer(crm, contact.name, known=self._queries.known(contact.attributes))
        offer |= {"caller": contact.phone, "customer": shown}
        offer["desk"] = self._queries.desk_aids(
            offer["call_id"], line=offer["line"], queue=offer["queue"]
        )
        return replace(message, data={**message.data, "offer": offer})


class Feeds:
    """The open sockets of all agents, one each."""

    def __init__(
        self, *, database: Database, queries: Queries, contacts: Contacts, clock: Clock
    ) -> None:
        self._database = database
        self._queries = queries
        self._contacts = contacts
        self._clock = clock
        self._open: dict[str, Feed] = {}

    @asynccontextmanager
    async def open(self, agent_id: str, *, after: int | None = None) -> AsyncIterator[Feed]:
        """A feed for a new socket; the socket that was open before ends."""
        before = self._open.get(agent_id)
        if before is not None:
            before.supersede()
        feed = Feed(self._contacts, self._queries)
        self._open[agent_id] = feed
        try:
            async with self._database.read() as connection:
                seq = await reading.message_number(connection, agent_id)
                missed = (
                    []
                    if after is None
                    else await reading.messages(connection, agent_id, after=after, upto=seq)
                )
                snapshot = await self._queries.agent_on(connection, agent_id)
            feed.start(snapshot, seq, missed, _lost(after, seq, missed))
            yield feed
        finally:
            if self._open.get(agent_id) is feed:
                del self._open[agent_id]

    def push(self, agent_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Tells an agent who is connected something that need not be kept; it takes no number."""
        feed = self._open.get(agent_id)
        if feed is not None:
            message = AgentMessage(seq=feed.last, type=kind, at=self._clock.now(), data=data)
            feed.put(message)

    def committed(self, projection: Projection) -> None:
        """Hands a batch's messages to the sockets."""
        for agent_id, message in projection.messages:
            feed = self._open.get(agent_id)
            if feed is not None:
                feed.put(message)

    @property
    def connected(self) -> frozenset[str]:
        """The agents with a socket."""
        return frozenset(self._open)


def _lost(after: int | None, seq: int, missed: list[AgentMessage]) -> int:
    """How many messages in (after, seq] are not among those that are still there."""
    return 0 if after is None or after > seq else seq - after - len(missed)
