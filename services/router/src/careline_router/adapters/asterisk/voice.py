"""The survey by voice: between the end of a talk and the hang-up, at Asterisk alone.

The call is over for the floor by then, and its agent is free. Whatever goes wrong here, the hang-up that
waits behind it follows; when this process dies meanwhile, its successor finds the mark on the channel
and hangs up without asking again.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from careline_common.observability.errors import describe
from careline_router.adapters.asterisk.connection import AsteriskGoneError, part
from careline_router.adapters.asterisk.requests import media_of
from careline_router.adapters.asterisk.session import Session
from careline_router.usecases.voice import SpokenQuestion, SpokenSurvey
from careline_router.views import PbxCommand

log = structlog.get_logger(__name__)

AGENT_GONE = "agent_hung_up"
"""Why a caller is hung up who is still there after his talk."""

MARK = "CARELINE_ASKED"
END = "#"
LONGEST_MEDIA_S = 60.0
LONGEST_S = 240.0


@dataclass(slots=True)
class _Heard:
    """What comes from one caller: keys, ids of playbacks that ended, None when he has gone."""

    things: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    gone: bool = False


class VoiceSurvey:
    """Of one socket."""

    def __init__(self, session: Session) -> None:
        self._ari = session.ari
        self._target = session.target
        self._service = session.service
        self._heard: dict[str, _Heard] = {}

    def key(self, channel: str, digit: str) -> bool:
        """A key was pressed; whether it belongs to a survey."""
        return self._tell(channel, digit)

    def played(self, channel: str, playback: str) -> None:
        self._tell(channel, playback)

    def gone(self, channel: str) -> None:
        self._tell(channel, None)

    def _tell(self, channel: str, what: str | None) -> bool:
        heard = self._heard.get(channel)
        if heard is not None:
            heard.things.put_nowait(what)
        return heard is not None

    async def before_hangup(self, command: PbxCommand) -> None:
        """Asks who is to be asked; returns when he has answered, is silent, or has gone.

        Raises `AsteriskGoneError` alone: no other fault of a survey may keep a caller on the line.
        """
        if command.body.get("reason") != AGENT_GONE or command.begun_here:
            return
        try:
            async with asyncio.timeout(LONGEST_S):
                await self._asked(command)
        except AsteriskGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            log.warning("voice_survey.cut_short", pbx=self._target.id, error=describe(error))

    async def _asked(self, command: PbxCommand) -> None:
        survey = self._service.voice_survey(command.call_id)
        if survey is None or not await self._first_time(command.pbx_call_id):
            return
        self._heard[command.pbx_call_id] = _Heard()
        try:
            await self._ask(command, survey)
        finally:
            del self._heard[command.pbx_call_id]

    async def _first_time(self, channel: str) -> bool:
        path = f"channels/{part(channel)}/variable"
        marked = await self._ari.request("GET", path, variable=MARK)
        if marked.ok and marked.body.get("value"):
            return False
        return (await self._ari.request("POST", path, variable=MARK, value="1")).ok

    async def _ask(self, command: PbxCommand, survey: SpokenSurvey) -> None:
        """Each answer is told with those before it: an event that is late or lost takes none along."""
        keys: list[str] = []
        for number, question in enumerate(survey.questions):
            playback = f"{command.id}-{number}"
            pressed = await self._pressed(command.pbx_call_id, playback, question, survey.wait_s)
            if not pressed:
                return
            keys.append(pressed)
            await self._service.digits(self._target.id, command.pbx_call_id, END.join(keys))
        if survey.thanks is not None and not self._heard[command.pbx_call_id].gone:
            await self._thank(command, survey.thanks)

    async def _pressed(
        self, channel: str, playback: str, question: SpokenQuestion, wait_s: float
    ) -> str:
        """The keys that answer a question; the first one ends what is being played."""
        if not await self._play(channel, playback, question.media):
            return ""
        pressed, patience_s = "", LONGEST_MEDIA_S
        while len(pressed) < question.digits:
            told = await self._next(channel, patience_s)
            if told is None or told == END:
                break
            if told == playback:
                patience_s = wait_s
            elif len(told) == 1 and told.isdecimal():
                if not pressed:
                    await self._ari.request("DELETE", f"playbacks/{part(playback)}")
                pressed, patience_s = pressed + told, wait_s
        return pressed

    async def _play(self, channel: str, playback: str, media: str) -> bool:
        path = f"channels/{part(channel)}/play/{part(playback)}"
        return (await self._ari.request("POST", path, media=media_of({"media": media}))).ok

    async def _next(self, channel: str, patience_s: float) -> str | None:
        """What comes next; None when nothing did, or the caller has gone."""
        heard = self._heard[channel]
        try:
            async with asyncio.timeout(patience_s):
                told = await heard.things.get()
        except TimeoutError:
            return None
        heard.gone = told is None
        return told

    async def _thank(self, command: PbxCommand, media: str) -> None:
        playback = f"{command.id}-thanks"
        if await self._play(command.pbx_call_id, playback, media):
            while await self._next(command.pbx_call_id, LONGEST_MEDIA_S) not in {None, playback}:
                pass
