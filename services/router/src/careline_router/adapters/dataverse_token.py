"""Access tokens by the OAuth 2.0 client-credentials grant (RFC 6749, 4.4).

A token is had at once and renewed ahead of its end, so that no call waits for a login; only one that
was refused before its time, or could not be renewed in time, is renewed by the call that needs it.
"""

import asyncio
from collections.abc import Mapping

import structlog

from careline_common.clock import Clock
from careline_router.adapters.crm_exchange import Exchange
from careline_router.ports import CrmFault

log = structlog.get_logger(__name__)

EARLY_S = 60.0
"""So long before its end a token is renewed; a short one at half its life."""
RETRY_S = 30.0
"""When the next try is made after one that failed."""
USUAL_LIFE_S = 300.0


class ClientCredentials:
    """Gives the token, one for everybody; the requests for a new one are one request."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        scope: str,
        clock: Clock,
    ) -> None:
        self._exchange = exchange
        self._token_url = token_url
        self._form: Mapping[str, str] = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "scope": scope,
        }
        self._clock = clock
        self._token = ""
        self._ends_at = clock.monotonic()
        self._renewal = asyncio.Lock()
        self._keeping = asyncio.create_task(self._keep())

    async def token(self, *, refused: str | None = None) -> str:
        """A token that holds, but not the one that was `refused`; raises `CrmFault`."""
        if not self._stands(refused):
            async with self._renewal:
                if not self._stands(refused):
                    await self._renew()
        return self._token

    async def _keep(self) -> None:
        while True:
            try:
                async with self._renewal:
                    life_s = await self._renew()
                await asyncio.sleep(max(life_s - EARLY_S, life_s / 2))
            except CrmFault as fault:
                log.warning("crm.no_token", reason=fault.reason, detail=fault.detail)
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await self._exchange.close()

    def _stands(self, refused: str | None) -> bool:
        holds = bool(self._token) and self._clock.monotonic() < self._ends_at
        return holds and self._token != refused

    async def _renew(self) -> float:
        """Logs in; gives the new token's life in seconds."""
        began = self._clock.monotonic()
        answer = await self._exchange.send("POST", self._token_url, form=self._form)
        if answer.status == 400:  # invalid_client and its like (RFC 6749, 5.2)
            raise CrmFault("auth", answer.error_code() or "status 400")
        answer.require_ok()
        granted = answer.document()
        token = granted.get("access_token") if isinstance(granted, dict) else None
        if (
            not isinstance(token, str)
            or not token.isascii()
            or not token.isprintable()
            or not token
        ):
            raise CrmFault("bad_answer", "no access token")
        life_s = _seconds(granted.get("expires_in"))
        self._token, self._ends_at = token, began + life_s
        return life_s


def _seconds(value: object) -> float:
    """`expires_in`, which some servers give as a text; a modest life when it is left out."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, int | float) and 0 < value < 10**9:
        return float(value)
    return USUAL_LIFE_S
