"""Signed callbacks (Standard Webhooks): from PBXs and SMS providers, and to them.

    callbacks = SignedCallbacks(clock=clock, metrics=metrics)

    @router.post("/sms/{provider}/inbound")
    async def inbound(provider: str, request: Request) -> Response:
        secrets = config.secrets_of(provider)          # empty for an unknown sender

        async def effect(uow: UnitOfWork, message: SignedMessage) -> Answer:
            reply = message.model(InboundReply)        # 422 with paths
            …
            return Answer.json({"status": "taken"})

        return await callbacks.once(request, database, f"sms:{provider}", secrets, effect)

Such a route declares no body: the signature is checked before anything is parsed.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, SecretStr
from starlette.responses import Response

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, KeyReusedError, answer_once, fingerprint
from careline_common.http.json_body import raw_body, read_model
from careline_common.http.problem import Conflict, Unauthorized
from careline_common.observability.metrics import MetricsRegistry

WINDOW_S = 300
PREFIX = "whsec_"
LONGEST_ID = 255

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A callback whose signature held."""

    id: str
    sent_at: datetime
    body: bytes
    fingerprint: bytes

    def model(self, model: type[Model]) -> Model:
        """The body as a model; raises 400 `malformed-json` or 422 with paths."""
        return read_model(model, self.body)


SignedEffect = Callable[[UnitOfWork, SignedMessage], Awaitable[Answer]]


def secret_bytes(secret: SecretStr | str) -> bytes:
    """The key in `whsec_<base64>`; raises ValueError that says what a secret looks like."""
    value = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    try:
        key = base64.b64decode(value.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not value.startswith(PREFIX) or not key:
        raise ValueError("a secret is whsec_ and base64 of at least one byte")
    return key


def sign(secret: SecretStr | str, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a message; `timestamp` in seconds since 1970."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(secret_bytes(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(
    secret: SecretStr | str, message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """The three headers of a message that goes out."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id, timestamp, body),
    }


class SignedCallbacks:
    """Checks what is signed with a time window of ±300 s, and answers repeats.

    Every refusal is 401, has no effect, and counts under `signed_rejections_total{reason}` with
    `unknown_sender`, `unsigned`, `stale` or `wrong_signature`.
    """

    def __init__(self, *, clock: Clock, metrics: MetricsRegistry) -> None:
        self._clock = clock
        self._rejections = metrics.counter(
            "signed_rejections_total", "Signed callbacks that were refused", ["reason"]
        )

    async def verify(self, request: Request, secrets: Sequence[SecretStr | str]) -> SignedMessage:
        """The message, if one of the sender's secrets signed it; raises 401.

        A sender has several secrets while one replaces another, and none when he is unknown.
        """
        message_id = request.headers.get("webhook-id", "")
        stamp = request.headers.get("webhook-timestamp", "")
        signatures = request.headers.get("webhook-signature", "").split()
        if not (message_id and stamp and signatures):
            raise self.refused("unsigned", "webhook-id, -timestamp and -signature are needed")
        if len(message_id) > LONGEST_ID or not message_id.isprintable():
            raise self.refused("unsigned", f"webhook-id takes {LONGEST_ID} printable characters")
        if not secrets:
            raise self.refused("unknown_sender", "the signature is not the sender's")
        if not stamp.isascii() or not stamp.isdecimal() or len(stamp) > 12:
            raise self.refused("unsigned", "webhook-timestamp is in seconds since 1970")
        timestamp = int(stamp)
        if abs(self._clock.now().timestamp() - timestamp) > WINDOW_S:
            raise self.refused("stale", f"webhook-timestamp is over {WINDOW_S} s off")
        body = await raw_body(request)
        expected = [sign(secret, message_id, timestamp, body) for secret in secrets]
        if not any(_same(given, right) for given in signatures for right in expected):
            raise self.refused("wrong_signature", "the signature is not the sender's")
        return SignedMessage(
            id=message_id,
            sent_at=datetime.fromtimestamp(timestamp, UTC),
            body=body,
            fingerprint=await fingerprint(request),
        )

    async def once(
        self,
        request: Request,
        database: Database,
        scope: str,
        secrets: Sequence[SecretStr | str],
        effect: SignedEffect,
    ) -> Response:
        """Verifies, and runs the effect once for each webhook-id of this sender.

        `scope` names the sender (`pbx:pbx1`). The same id with another body: 409.
        """
        message = await self.verify(request, secrets)

        async def run(uow: UnitOfWork) -> Answer:
            return await effect(uow, message)

        try:
            return await answer_once(
                database,
                scope=signed_scope(scope),
                key=message.id,
                print_=message.fingerprint,
                effect=run,
            )
        except KeyReusedError as error:
            raise id_reused() from error

    def refused(self, reason: str, detail: str) -> Unauthorized:
        """The answer to a callback that is not its sender's; counts it."""
        self._rejections.labels(reason).inc()
        return Unauthorized(detail, type="bad-signature")


def signed_scope(sender: str) -> str:
    """Ids of webhooks and keys of token bearers cannot meet."""
    return f"signed:{sender}"


def id_reused() -> Conflict:
    return Conflict("this webhook-id came before with another body", type="webhook-id-reused")


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
