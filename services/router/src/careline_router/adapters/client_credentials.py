"""Access tokens by the OAuth 2.0 client-credentials grant (RFC 6749, 4.4).

A token is had at once and renewed ahead of its end, so that no call waits for a login; only one that
was refused before its time, or could not be renewed in time, is renewed by the call that needs it.
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote_plus

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
ClientAuth = Literal["header", "body"]
"""How the client says who it is: HTTP Basic, which every server must take, or in the form (RFC 6749, 2.3.1)."""


class ClientCredentials:
    """Gives the token, one for everybody; the requests for a new one are one request.

    `name` is how the log calls the system that the token is for.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        scope: str | None,
        clock: Clock,
        client_auth: ClientAuth = "body",
        name: str = "crm",
    ) -> None:
        self._exchange = exchange
        self._token_url = token_url
        self._form = {"grant_type": "client_credentials"}
        self._headers: Mapping[str, str] = {}
        if client_auth == "header":
            self._headers = {"Authorization": _basic(client_id, client_secret)}
        else:
            self._form |= {"client_id": client_id, "client_secret": client_secret}
        if scope is not None:
            self._form["scope"] = scope
        self._event = f"{name}.no_token"
        self._clock = clock
        self._token = ""
        self._renew_at = self._ends_at = clock.monotonic()
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
        renewed = ""
        while True:
            try:
                async with self._renewal:
                    if self._token == renewed:  # else who needed one was faster
                        await self._renew()
                    renewed = self._token
                await asyncio.sleep(max(self._renew_at - self._clock.monotonic(), 0.0))
            except CrmFault as fault:
                log.warning(self._event, reason=fault.reason, detail=fault.detail)
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await self._exchange.close()

    def _stands(self, refused: str | None) -> bool:
        holds = bool(self._token) and self._clock.monotonic() < self._ends_at
        return holds and self._token != refused

    async def _renew(self) -> None:
        """Logs in."""
        began = self._clock.monotonic()
        answer = await self._exchange.send(
            "POST", self._token_url, headers=self._headers, form=self._form
        )
        if answer.status == 400:  # invalid_client and its like (RFC 6749, 5.2)
            raise CrmFault("auth", answer.error_code() or "status 400")
        answer.require_ok()
        granted = answer.document()
        token = _bearer(granted)
        life_s = _seconds(granted.get("expires_in"))
        self._token, self._ends_at = token, began + life_s
        self._renew_at = began + max(life_s - EARLY_S, life_s / 2)


def _basic(client_id: str, client_secret: str) -> str:
    """HTTP Basic with both parts encoded as in a form, as OAuth has it (RFC 6749, 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _bearer(granted: object) -> str:
    """The token in the answer of a login; raises `CrmFault` when there is none that can be borne."""
    if not isinstance(granted, dict):
        raise CrmFault("bad_answer", "no access token")
    token, kind = granted.get("access_token"), granted.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise CrmFault("bad_answer", "no bearer token")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise CrmFault("bad_answer", "no access token")
    return token


def _seconds(value: object) -> float:
    """`expires_in`, which some servers give as a text; a modest life when it is left out."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, int | float) and 0 < value < 10**9:
        return float(value)
    return USUAL_LIFE_S
