"""Talks that are recorded: a snoop channel on the caller, and what it hears in a file at Asterisk.

It hears what the caller hears and says. So it goes with him from one agent to the next, hears nothing of what agents say to
each other about him, and ends with him; one call is one recording. Its name is Careline's id of the call.
"""

from http import HTTPStatus
from typing import Any

import structlog

from careline_router.adapters.asterisk.channels import call_of_recording, record_leg, recording_of
from careline_router.adapters.asterisk.connection import Answer, part
from careline_router.adapters.asterisk.session import Session
from careline_router.adapters.asterisk.snoops import Snoops
from careline_router.views import PbxCommand

log = structlog.get_logger(__name__)

FORMAT = "wav"
DONE = "done"


class Recordings:
    """Over the socket that is open now."""

    def __init__(self, session: Session, snoops: Snoops) -> None:
        self._ari = session.ari
        self._target = session.target
        self._service = session.service
        self._snoops = snoops

    async def do(self, command: PbxCommand, party: str) -> Answer:
        """Carries `record` out; `party` is the caller's channel."""
        name = part(recording_of(command.call_id))
        match command.body["action"]:
            case "start":
                return await self._start(command.call_id, party)
            case "stop":  # he refuses: what there is of it is thrown away
                await self._ari.request("DELETE", f"recordings/live/{name}")
                await self.end(command.call_id)
                return Answer(HTTPStatus.OK, None)
            case "pause":
                return await self._ari.request("POST", f"recordings/live/{name}/pause")
            case "resume":
                return await self._ari.request("DELETE", f"recordings/live/{name}/pause")
            case action:
                return Answer(HTTPStatus.NOT_IMPLEMENTED, {"message": f"no record {action}"})

    async def _start(self, call_id: str, caller: str) -> Answer:
        """What runs since an earlier talk of his goes on, also when an agent had paused it."""
        snoop, name = record_leg(call_id), recording_of(call_id)
        heard = await self._ari.request("GET", f"channels/{part(snoop)}")
        if not heard.ok:  # asked before: Asterisk refuses a second one by a 500
            heard = await self._snoops.make(caller, snoop, spy="both")
        if not heard.ok:
            return heard
        begun = await self._ari.request(
            "POST", f"channels/{part(snoop)}/record", name=name, format=FORMAT, ifExists="fail"
        )
        if begun.status == HTTPStatus.CONFLICT:
            goes_on = await self._ari.request("DELETE", f"recordings/live/{part(name)}/pause")
            begun = goes_on if goes_on.ok else begun
        return begun

    async def end(self, call_id: str) -> None:
        """Nothing more is recorded of this call, if it was; what there is is kept."""
        await self._ari.request("DELETE", f"channels/{part(record_leg(call_id))}")

    async def finished(self, told: dict[str, Any]) -> None:
        """Asterisk has closed a file: of a caller who has refused nothing is kept."""
        call_id = call_of_recording(str(told["name"]))
        if call_id is None or told.get("state") != DONE:
            return
        await self._keep(call_id, float(told.get("duration", 0)))

    async def failed(self, told: dict[str, Any]) -> None:
        log.warning("asterisk.recording_failed", pbx=self._target.id, reason=told.get("cause"))

    async def compare(self) -> None:
        """Files that were closed while nobody listened; how long they are is not told any more, so as the talk was."""
        for call_id, talked_s in await self._service.recordings_missed(self._target.id):
            path = f"recordings/stored/{part(recording_of(call_id))}"
            if (await self._ari.request("GET", path)).ok:
                await self._keep(call_id, talked_s)

    async def _keep(self, call_id: str, duration_s: float) -> None:
        name = recording_of(call_id)
        url = self._target.recording_url.replace("{name}", name)
        if not await self._service.recorded(self._target.id, call_id, url, duration_s):
            await self._ari.request("DELETE", f"recordings/stored/{part(name)}")
