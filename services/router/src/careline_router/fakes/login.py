"""A login by client credentials (RFC 6749, 4.4), which the other fakes ask for with `--login`."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote_plus

from careline_common.clock import Clock, SystemClock
from careline_router.fakes.http_server import Desk, Handler, Reply, Request

PATH = "/oauth2/token"
CLIENT_ID = "careline"
CLIENT_SECRET = "let me in: +%"  # noqa: S105 - the fake's own, with signs that must be encoded


class Login:
    """Gives a token that lives `life_s` seconds to the one client it knows. Faults go into `desk`."""

    def __init__(self, *, clock: Clock | None = None, life_s: int = 3599) -> None:
        self.desk = Desk()
        self.life_s = life_s
        self._clock = clock or SystemClock()
        self._tokens: dict[str, float] = {}

    def withdraw_tokens(self) -> None:
        """All tokens given so far are refused from now on."""
        self._tokens.clear()

    def knows(self, token: str) -> bool:
        return self._clock.monotonic() < self._tokens.get(token, float("-inf"))

    def reply(self, request: Request) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return Reply.json({"error": "unsupported_grant_type"}, 400)
        if _client(request, form) != (CLIENT_ID, CLIENT_SECRET):
            return Reply.json({"error": "invalid_client"}, 401)
        token = f"token-{len(self.desk.asked)}"
        self._tokens[token] = self._clock.monotonic() + self.life_s
        granted = {"access_token": token, "token_type": "Bearer", "expires_in": self.life_s}
        return Reply.json(granted)


class BehindLogin:
    """Another fake, that everybody may ask, with a login in front of it: it answers who has a token."""

    def __init__(self, fake: Handler, login: Login) -> None:
        self._fake = fake
        self._login = login

    def desk(self, request: Request) -> Desk:
        return self._login.desk if request.parts.path == PATH else self._fake.desk(request)

    def reply(self, request: Request) -> Reply:
        if request.parts.path == PATH:
            return self._login.reply(request)
        if not self._login.knows(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return Reply(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return self._fake.reply(request)


def _client(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """Who the client says it is, in the header or in the form (RFC 6749, 2.3.1)."""
    kind, _, packed = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)
