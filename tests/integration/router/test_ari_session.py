"""What the ARI adapter asks of an Asterisk that answers as the test scripts it."""

import asyncio
import json
from typing import Any

import pytest
import websockets

from careline_common.testing.waiting import eventually
from careline_router.adapters.asterisk import AsteriskPbx, AsteriskTarget

pytestmark = pytest.mark.integration

CALLER = {"id": "c1", "caller": {"number": "+79161234567"}, "state": "Up"}
ENTERED = {**CALLER, "dialplan": {"app_name": "Stasis", "app_data": "careline,in,+74959999999"}}


class ScriptedAsterisk:
    """Says yes to everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket: Any = None

    async def serve(self, socket: Any) -> None:
        self._socket = socket
        async for message in socket:
            request = json.loads(message)
            asked = f"{request['method']} {request['uri'].partition('?')[0]}"
            self.asked.append(asked)
            body = {"GET channels": [ENTERED], "GET bridges": self.bridges()}.get(asked)
            answer = {
                "type": "RESTResponse",
                "request_id": request["request_id"],
                "status_code": 200,
                "message_body": None if body is None else json.dumps(body),
            }
            await socket.send(json.dumps(answer))

    def bridges(self) -> list[dict[str, Any]]:
        return [
            {"id": "hold-careline", "channels": []},
            {"id": "talk-old.1", "channels": []},
            {"id": "talk-other.1", "channels": ["x"]},
        ]

    async def tells(self, kind: str, **event: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **event}))


async def test_a_closed_line_s_announcement_is_heard_out_before_the_call_is_hung_up(
    router: Any,
) -> None:
    asterisk = ScriptedAsterisk()
    async with websockets.serve(asterisk.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        target = AsteriskTarget(
            id="ast1",
            url=f"http://127.0.0.1:{port}/ari",
            application="careline",
            user="u",
            password="p",
        )
        session = asyncio.create_task(AsteriskPbx(target, router.service).run())
        try:

            async def plays() -> bool:
                return "POST channels/c1/play" in asterisk.asked

            async def compared() -> bool:
                return "DELETE bridges/talk-old.1" in asterisk.asked

            await eventually(plays, what="the announcement")
            await eventually(compared, what="the comparison")
            assert "DELETE channels/c1" not in asterisk.asked
            await asterisk.tells(
                "PlaybackFinished", playback={"id": "p1", "target_uri": "channel:c1"}
            )

            async def hung_up() -> bool:
                return "DELETE channels/c1" in asterisk.asked

            await eventually(hung_up, what="the hang-up")
            assert "DELETE bridges/talk-other.1" not in asterisk.asked
            assert "DELETE bridges/hold-careline" not in asterisk.asked
        finally:
            session.cancel()
            await asyncio.gather(session, return_exceptions=True)
