"""Tokens made here: the local issuer of the standalone, and what services call each other with."""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic_core import from_json, to_json

from careline_common.clock import Clock, SystemClock
from careline_common.settings import ServiceSettings

DEFAULT_TTL_S = 12 * 3600
SERVICE_TTL_S = 3600
ALGORITHM = "ES256"


class IssuerFileError(Exception):
    """The issuer's key cannot be read or made; the text says what to do."""


class LocalIssuer:
    """Signs tokens with the ES256 key in a file, which it makes (mode 0600) when absent.

    Two processes that start at once end up with the same key.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        issuer: str = "careline-local",
        audience: str = "careline",
        roles_claim: str = "roles",
    ) -> None:
        self.path = Path(path)
        self._clock = clock or SystemClock()
        self._issuer = issuer
        self._audience = audience
        self._roles_claim = roles_claim
        self._key = _read_key(self.path) or _make_key(self.path)

    def token(
        self,
        *,
        subject: str,
        roles: Iterable[str],
        insurer: str | None = None,
        pbx: str | None = None,
        ttl_s: float = DEFAULT_TTL_S,
    ) -> str:
        now = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            self._roles_claim: list(roles),
            "iat": now,
            "exp": now + int(ttl_s),
        }
        if insurer is not None:
            claims["insurer"] = insurer
        if pbx is not None:
            claims["pbx"] = pbx
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key)

    def jwks(self) -> dict[str, Any]:
        """The public key as a JWK set."""
        public = self._key.as_dict(private=False)
        return {"keys": [dict(public) | {"use": "sig", "alg": ALGORITHM}]}


def _read_key(path: Path) -> ECKey | None:
    try:
        return ECKey.import_key(from_json(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, JoseError) as error:
        raise IssuerFileError(
            f"{path} holds no readable ES256 key ({error}): remove it, and a new one is made"
        ) from error


def _make_key(path: Path) -> ECKey:
    """Writes a new key beside the file and links it into place: the first process wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = ECKey.generate_key("P-256", auto_kid=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(to_json(key.as_dict(private=True)))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    made = _read_key(path)
    if made is None:
        raise IssuerFileError(f"{path} went away while it was being made: try again")
    return made


class ServiceTokens:
    """The token a service shows to the others: signed by the local issuer, or read from a file."""

    def __init__(
        self,
        *,
        subject: str,
        clock: Clock,
        issuer: LocalIssuer | None = None,
        token_file: Path | None = None,
    ) -> None:
        self._subject = subject
        self._clock = clock
        self._issuer = issuer
        self._token_file = token_file
        self._token: str | None = None
        self._renew_at = 0.0

    @classmethod
    def from_settings(
        cls, settings: ServiceSettings, *, subject: str, clock: Clock
    ) -> "ServiceTokens":
        issuer = None
        if settings.issuer_file is not None:
            issuer = LocalIssuer(
                settings.issuer_file,
                clock=clock,
                issuer=settings.oidc_issuer,
                audience=settings.oidc_audience,
                roles_claim=settings.oidc_roles_claim,
            )
        return cls(
            subject=subject, clock=clock, issuer=issuer, token_file=settings.service_token_file
        )

    def bearer(self) -> str | None:
        """A token that holds for a while yet; None when this service was given no means.

        A token file is read again each time: whoever renews it just writes it anew.
        """
        if self._issuer is None:
            return self._token_file.read_text().strip() if self._token_file else None
        now = self._clock.monotonic()
        if self._token is None or now >= self._renew_at:
            self._token = self._issuer.token(
                subject=self._subject, roles=["service"], ttl_s=SERVICE_TTL_S
            )
            self._renew_at = now + SERVICE_TTL_S / 2
        return self._token
