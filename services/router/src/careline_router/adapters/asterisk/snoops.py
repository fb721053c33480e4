"""Channels that hear another channel: a supervisor's, and those that are recorded."""

import asyncio
from http import HTTPStatus

from careline_router.adapters.asterisk.channels import SNOOP
from careline_router.adapters.asterisk.connection import Answer, AriConnection, part

ENTERS_S = 5.0


class Snoops:
    """Over the socket that is open now.

    Asterisk answers before a snoop channel has entered our application, and refuses until then (409, 422) what is asked
    of it: so whoever makes one waits for its StasisStart.
    """

    def __init__(self, ari: AriConnection, application: str) -> None:
        self._ari = ari
        self._application = application
        self._entering: dict[str, asyncio.Event] = {}

    async def make(self, channel: str, snoop: str, **how: str) -> Answer:
        """A channel `snoop` on `channel`, ready for use; refused when it is there already. `how`: `spy`, `whisper`."""
        entered = self._entering[snoop] = asyncio.Event()
        path = f"channels/{part(channel)}/snoop/{part(snoop)}"
        try:
            made = await self._ari.request(
                "POST", path, app=self._application, appArgs=SNOOP, **how
            )
            if made.ok:
                async with asyncio.timeout(ENTERS_S):
                    await entered.wait()
        except TimeoutError:
            return Answer(HTTPStatus.GATEWAY_TIMEOUT, {"message": "the snoop channel is not there"})
        finally:
            del self._entering[snoop]
        return made

    def entered(self, snoop: str) -> None:
        """It has entered our application."""
        waiting = self._entering.get(snoop)
        if waiting is not None:
            waiting.set()
