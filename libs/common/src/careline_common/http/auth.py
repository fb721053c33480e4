"""Who is asking: OIDC bearer tokens, checked against the issuer's public keys.

async def my_state(caller: Annotated[Principal, Depends(require("agent"))]) -> …
async def anyone(caller: Caller) -> …
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from careline_common.clock import Clock
from careline_common.http.jwks import ALGORITHMS, FileKeys, Keys, KeysUnavailableError, UrlKeys
from careline_common.http.problem import Forbidden, Unauthorized
from careline_common.settings import ServiceSettings

LEEWAY_S = 30
REMEMBERED_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The bearer of a token. `subject` is the id of a configured agent or user, or a service."""

    subject: str
    roles: frozenset[str]
    insurer: str | None = None
    pbx: str | None = None
    expires_at: datetime

    def has(self, *roles: str) -> bool:
        """Whether he has at least one of these roles."""
        return not self.roles.isdisjoint(roles)

    def check(self, *roles: str) -> None:
        """Raises 403 `forbidden` unless he has one of these roles."""
        if not self.has(*roles):
            raise Forbidden(f"this takes one of the roles {', '.join(sorted(roles))}")


class Authenticator:
    """Checks tokens: signature, `iss`, `aud`, `exp` and `nbf` with 30 s of leeway, `sub`."""

    def __init__(
        self, *, keys: Keys, issuer: str, audience: str, clock: Clock, roles_claim: str = "roles"
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._roles_claim = roles_claim
        self._verified: dict[str, tuple[int, Principal]] = {}

    @classmethod
    def from_settings(cls, settings: ServiceSettings, clock: Clock) -> "Authenticator":
        source = settings.oidc_jwks or settings.issuer_file
        keys: Keys
        if source is None:
            keys = FileKeys(None)
        elif str(source).startswith(("http://", "https://")):
            keys = UrlKeys(str(source), clock)
        else:
            keys = FileKeys(source)
        return cls(
            keys=keys,
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            clock=clock,
            roles_claim=settings.oidc_roles_claim,
        )

    async def verify(self, token: str) -> Principal:
        """The bearer of a token; raises 401 `unauthorized` that says what is wrong with it."""
        try:
            keys = await self._keys.current()
        except KeysUnavailableError as error:
            raise Unauthorized(str(error)) from error
        remembered = self._verified.get(token)
        if remembered and remembered[0] == self._keys.generation:
            self._check_time(remembered[1].expires_at)
            return remembered[1]
        principal = self._principal(await self._claims(token, keys))
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = (self._keys.generation, principal)
        return principal

    async def _claims(self, token: str, keys: KeySet) -> dict[str, Any]:
        try:
            try:
                return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            except (JoseError, ValueError):
                newer = await self._keys.refreshed()
                if newer is None:
                    raise
                return jwt.decode(token, newer, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, KeysUnavailableError) as error:
            raise Unauthorized("the token is not signed by the issuer's keys") from error

    def _principal(self, claims: dict[str, Any]) -> Principal:
        audience = claims.get("aud")
        if claims.get("iss") != self._issuer:
            raise Unauthorized("the token is of another issuer")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthorized("the token is for another audience")
        expires_at = _moment(claims, "exp")
        if expires_at is None:
            raise Unauthorized("the token has no exp")
        self._check_time(expires_at)
        not_before = _moment(claims, "nbf")
        if not_before and (not_before - self._clock.now()).total_seconds() > LEEWAY_S:
            raise Unauthorized("the token is not valid yet")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject.strip():
            raise Unauthorized("the token has no sub")
        return Principal(
            subject=subject,
            roles=self._roles(claims),
            insurer=_text(claims, "insurer"),
            pbx=_text(claims, "pbx"),
            expires_at=expires_at,
        )

    def _check_time(self, expires_at: datetime) -> None:
        if (self._clock.now() - expires_at).total_seconds() >= LEEWAY_S:
            raise Unauthorized("the token has expired")

    def _roles(self, claims: dict[str, Any]) -> frozenset[str]:
        roles: Any = claims.get(self._roles_claim)
        if roles is None:
            roles = claims
            for step in self._roles_claim.split("."):
                roles = roles.get(step) if isinstance(roles, dict) else None
        if isinstance(roles, str):
            roles = roles.split()
        if not isinstance(roles, list):
            return frozenset()
        return frozenset(role for role in roles if isinstance(role, str))


def _moment(claims: dict[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthorized(f"the token's {name} is no number")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unauthorized(f"the token's {name} is no moment") from None


def _text(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="OIDC access token")


async def principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """Dependency: the caller of this request; raises 401."""
    if credentials is None:
        raise Unauthorized("send a token as Authorization: Bearer …")
    authenticator: Authenticator = request.app.state.authenticator
    caller = await authenticator.verify(credentials.credentials)
    request.state.subject = caller.subject
    return caller


Caller = Annotated[Principal, Depends(principal)]


def require(*roles: str) -> Callable[[Principal], Awaitable[Principal]]:
    """Dependency: the caller, who must have one of these roles; raises 401 or 403."""

    async def allowed(caller: Caller) -> Principal:
        caller.check(*roles)
        return caller

    return allowed
