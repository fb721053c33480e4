"""What an agent asks for over his socket: each message type, its data, and the use case behind it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from careline_common.http.json_body import read_json
from careline_common.http.problem import InvalidInput, Problem
from careline_router.api.schemas import (
    Body,
    ClientMessage,
    SocketAccept,
    SocketCall,
    SocketRecord,
    SocketReject,
    SocketTransfer,
    SocketWrapUp,
    StateChange,
    TokenRenewal,
    read,
)
from careline_router.api.wire import as_wrap_up
from careline_router.domain.words import ConsultEnd
from careline_router.service import RouterService
from careline_router.usecases.transfers import TransferTarget

Renew = Callable[[str], Awaitable[None]]


class Refused(Exception):  # noqa: N818 - the client's fault, told to him
    """A message that cannot be understood; `message_id` where it had one."""

    def __init__(self, message_id: str | None, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.message_id = message_id
        self.problem = problem.document()


def read_message(text: str) -> ClientMessage:
    """A message of a client; raises `Refused` with a problem that says what is wrong with it."""
    message_id: str | None = None
    try:
        document = read_json(text.encode("utf-8", "surrogatepass"))
        if isinstance(document, Mapping) and isinstance(document.get("id"), str):
            message_id = document["id"]
        return read(ClientMessage, document)
    except Problem as problem:
        raise Refused(message_id, problem) from problem


class Desk:
    """The use cases of one agent, by the type of his messages."""

    def __init__(self, service: RouterService, agent_id: str, *, renew: Renew) -> None:
        self._service = service
        self._agent_id = agent_id
        self._renew = renew
        self._handlers: dict[str, tuple[type[Body], Callable[[Any], Awaitable[Any]]]] = {
            "offer.accept": (SocketAccept, self._accept),
            "offer.reject": (SocketReject, self._reject),
            "state.set": (StateChange, self._set_state),
            "call.hold": (SocketCall, self._hold),
            "call.resume": (SocketCall, self._resume),
            "call.record": (SocketRecord, self._record),
            "call.transfer": (SocketTransfer, self._transfer),
            "call.transfer.complete": (SocketCall, partial(self._end_consult, "complete")),
            "call.transfer.cancel": (SocketCall, partial(self._end_consult, "back")),
            "call.conference": (SocketCall, partial(self._end_consult, "join")),
            "wrap_up.complete": (SocketWrapUp, self._wrap_up),
            "work.done": (SocketCall, self._work_done),
            "auth.renew": (TokenRenewal, self._renew_token),
            "heartbeat": (Body, self._heartbeat),
        }

    async def handle(self, message: ClientMessage) -> None:
        """Does what a message asks for; raises the `Problem` that its sender gets."""
        known = self._handlers.get(message.type)
        if known is None:
            raise InvalidInput(
                f"no message is called {message.type!r}",
                allowed=sorted(self._handlers),
                errors=[{"path": "type", "reason": "unknown message type"}],
            )
        model, handler = known
        await handler(read(model, message.data, "data"))

    async def _accept(self, data: SocketAccept) -> None:
        await self._service.take_offer(self._agent_id, data.offer_id)

    async def _reject(self, data: SocketReject) -> None:
        await self._service.refuse_offer(self._agent_id, data.offer_id, data.reason)

    async def _set_state(self, data: StateChange) -> None:
        await self._service.change_state(self._agent_id, data.state, data.reason)

    async def _hold(self, data: SocketCall) -> None:
        await self._service.hold(self._agent_id, data.call_id)

    async def _resume(self, data: SocketCall) -> None:
        await self._service.resume(self._agent_id, data.call_id)

    async def _record(self, data: SocketRecord) -> None:
        await self._service.record(self._agent_id, data.call_id, data.action)

    async def _transfer(self, data: SocketTransfer) -> None:
        target = TransferTarget(endpoint=data.endpoint, queue=data.queue, agent=data.agent)
        await self._service.transfer(self._agent_id, data.call_id, target, data.mode)

    async def _end_consult(self, how: ConsultEnd, data: SocketCall) -> None:
        await self._service.end_consult(self._agent_id, data.call_id, how)

    async def _wrap_up(self, data: SocketWrapUp) -> None:
        await self._service.wrap_up(self._agent_id, data.call_id, as_wrap_up(data))

    async def _work_done(self, data: SocketCall) -> None:
        await self._service.work_done(self._agent_id, data.call_id)

    async def _renew_token(self, data: TokenRenewal) -> None:
        await self._renew(data.token)

    async def _heartbeat(self, _data: Body) -> None:
        """For clients that cannot ping, as in browsers: the `ack` tells that the connection stands."""
