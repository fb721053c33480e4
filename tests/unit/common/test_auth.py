"""Tokens: who is let in, and what the others are told."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from careline_common.clock import ManualClock
from careline_common.http.auth import LEEWAY_S, Authenticator
from careline_common.http.issuer import IssuerFileError, LocalIssuer, ServiceTokens
from careline_common.http.jwks import FRESH_S, SHORTEST_PAUSE_S, UrlKeys
from careline_common.http.problem import Unauthorized
from careline_common.testing.http import authenticator_of, settings_for

pytestmark = pytest.mark.unit


@pytest.fixture
def own(tmp_path: Path, manual_clock: ManualClock) -> LocalIssuer:
    return LocalIssuer(tmp_path / "own.json", clock=manual_clock)


@pytest.fixture
def authenticator(own: LocalIssuer, manual_clock: ManualClock) -> Authenticator:
    return authenticator_of(own, manual_clock)


def _claims(clock: ManualClock, **changes: Any) -> dict[str, Any]:
    claims = {
        "iss": "careline-local",
        "aud": "careline",
        "sub": "a1",
        "roles": ["agent"],
        "exp": int(clock.now().timestamp()) + 60,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _signed(own: LocalIssuer, claims: dict[str, Any]) -> str:
    key = ECKey.import_key(json.loads(own.path.read_text()))
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


async def test_a_token_names_its_bearer(own: LocalIssuer, authenticator: Authenticator) -> None:
    token = own.token(subject="op7", roles=["insurer", "auditor"], insurer="ins7", pbx="p1")
    principal = await authenticator.verify(token)
    assert principal.subject == "op7"
    assert principal.roles == {"insurer", "auditor"}
    assert (principal.insurer, principal.pbx) == ("ins7", "p1")
    assert principal.has("auditor", "admin")
    assert not principal.has("admin")


async def test_a_token_holds_until_it_expires_and_a_little_longer(
    own: LocalIssuer, authenticator: Authenticator, manual_clock: ManualClock
) -> None:
    token = own.token(subject="a1", roles=["agent"], ttl_s=60)
    await authenticator.verify(token)
    manual_clock.advance(60 + LEEWAY_S - 1)
    principal = await authenticator.verify(token)
    assert principal.expires_at == manual_clock.now() - timedelta(seconds=LEEWAY_S - 1)
    manual_clock.advance(1)
    with pytest.raises(Unauthorized, match="expired"):
        await authenticator.verify(token)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "elsewhere"}, "another issuer"),
        ({"aud": "payroll"}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"aud": ["payroll", "mail"]}, "another audience"),
        ({"exp": None}, "no exp"),
        ({"exp": "tomorrow"}, "exp is no number"),
        ({"exp": True}, "exp is no number"),
        ({"exp": 1e300}, "exp is no moment"),
        ({"exp": 1}, "expired"),
        ({"sub": None}, "no sub"),
        ({"sub": " "}, "no sub"),
        ({"nbf": 1 << 34}, "not valid yet"),
    ],
)
async def test_a_wrong_claim_is_told(
    own: LocalIssuer,
    authenticator: Authenticator,
    manual_clock: ManualClock,
    changes: dict[str, Any],
    reason: str,
) -> None:
    with pytest.raises(Unauthorized, match=reason):
        await authenticator.verify(_signed(own, _claims(manual_clock, **changes)))


async def test_one_of_several_audiences_is_enough(
    own: LocalIssuer, authenticator: Authenticator, manual_clock: ManualClock
) -> None:
    token = _signed(own, _claims(manual_clock, aud=["mail", "careline"], nbf=1))
    assert (await authenticator.verify(token)).subject == "a1"


@pytest.mark.parametrize("token", ["", "a.b.c", "not a token", "ключ", "a" * 5000])
async def test_what_is_no_token_is_refused(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(Unauthorized, match="not signed"):
        await authenticator.verify(token)


async def test_a_token_of_another_key_is_refused(
    authenticator: Authenticator, tmp_path: Path, manual_clock: ManualClock
) -> None:
    stranger = LocalIssuer(tmp_path / "stranger.json", clock=manual_clock)
    with pytest.raises(Unauthorized, match="not signed"):
        await authenticator.verify(stranger.token(subject="a1", roles=["admin"]))


async def test_a_changed_token_is_refused(own: LocalIssuer, authenticator: Authenticator) -> None:
    head, body, signature = own.token(subject="a1", roles=["agent"]).split(".")
    other = own.token(subject="a1", roles=["admin"]).split(".")[1]
    assert other != body
    with pytest.raises(Unauthorized, match="not signed"):
        await authenticator.verify(f"{head}.{other}.{signature}")


async def test_none_and_symmetric_algorithms_are_refused(
    own: LocalIssuer, authenticator: Authenticator, manual_clock: ManualClock
) -> None:
    claims = _claims(manual_clock, roles=["admin"])
    unsigned = f"{_part({'alg': 'none'})}.{_part(claims)}."
    public = json.dumps(own.jwks()["keys"][0])
    confused = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(public))
    for token in (unsigned, confused):
        with pytest.raises(Unauthorized, match="not signed"):
            await authenticator.verify(token)


KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: RSAKey.generate_key(2048, auto_kid=True),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", auto_kid=True),
    "ES256": lambda: ECKey.generate_key("P-256", auto_kid=True),
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("algorithm", sorted(KEYS))
async def test_keys_of_an_outside_issuer_are_read_from_a_file(
    tmp_path: Path, manual_clock: ManualClock, algorithm: str
) -> None:
    key = KEYS[algorithm]()
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False), {"kty": "oct", "k": "eA"}]}))
    authenticator = Authenticator.from_settings(settings_for(oidc_jwks=str(file)), manual_clock)
    token = jws.serialize_compact(
        {"alg": algorithm, "kid": key.kid},
        json.dumps(_claims(manual_clock)).encode(),
        key,
        algorithms=[algorithm],
    )
    assert (await authenticator.verify(token)).subject == "a1"


async def test_a_file_of_keys_is_read_again_when_it_changes(
    tmp_path: Path, manual_clock: ManualClock
) -> None:
    first = LocalIssuer(tmp_path / "first.json", clock=manual_clock)
    second = LocalIssuer(tmp_path / "second.json", clock=manual_clock)
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(first.jwks()))
    authenticator = Authenticator.from_settings(settings_for(oidc_jwks=str(file)), manual_clock)
    old, new = (issuer.token(subject="a1", roles=["agent"]) for issuer in (first, second))
    await authenticator.verify(old)
    with pytest.raises(Unauthorized):
        await authenticator.verify(new)
    replacement = tmp_path / "next.json"
    replacement.write_text(json.dumps(second.jwks()))
    replacement.replace(file)
    await authenticator.verify(new)
    with pytest.raises(Unauthorized):
        await authenticator.verify(old)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"keys": [7]}', '{"keys": []}'])
async def test_without_readable_keys_nobody_is_let_in(
    tmp_path: Path, manual_clock: ManualClock, own: LocalIssuer, content: str | None
) -> None:
    file = tmp_path / "jwks.json"
    if content is not None:
        file.write_text(content)
    authenticator = Authenticator.from_settings(settings_for(oidc_jwks=str(file)), manual_clock)
    with pytest.raises(Unauthorized):
        await authenticator.verify(own.token(subject="a1", roles=["admin"]))


async def test_without_an_issuer_nobody_is_let_in(
    manual_clock: ManualClock, own: LocalIssuer
) -> None:
    authenticator = Authenticator.from_settings(settings_for(), manual_clock)
    with pytest.raises(Unauthorized, match="CARELINE_OIDC_JWKS"):
        await authenticator.verify(own.token(subject="a1", roles=["admin"]))


class Endpoint:
    """A JWKS URL that counts how often it is asked, and can be away."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self.issuer: LocalIssuer | None = issuer
        self.asked = 0

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.issuer is None:
            return httpx.Response(500)
        return httpx.Response(200, json=self.issuer.jwks())


def _by_url(endpoint: Endpoint, clock: ManualClock) -> Authenticator:
    keys = UrlKeys("https://id.test/jwks", clock, transport=httpx.MockTransport(endpoint))
    return Authenticator(keys=keys, issuer="careline-local", audience="careline", clock=clock)


async def test_keys_behind_a_url_are_kept_for_a_while(
    own: LocalIssuer, manual_clock: ManualClock
) -> None:
    endpoint = Endpoint(own)
    authenticator = _by_url(endpoint, manual_clock)
    token = own.token(subject="a1", roles=["agent"])
    for _ in range(3):
        await authenticator.verify(token)
    assert endpoint.asked == 1
    manual_clock.advance(FRESH_S + 1)
    await authenticator.verify(token)
    assert endpoint.asked == 2


async def test_an_unknown_key_is_looked_up_at_once_but_not_hot(
    own: LocalIssuer, manual_clock: ManualClock, tmp_path: Path
) -> None:
    endpoint = Endpoint(own)
    authenticator = _by_url(endpoint, manual_clock)
    await authenticator.verify(own.token(subject="a1", roles=["agent"]))
    rotated = endpoint.issuer = LocalIssuer(tmp_path / "rotated.json", clock=manual_clock)
    token = rotated.token(subject="a1", roles=["agent"])
    manual_clock.advance(SHORTEST_PAUSE_S)
    await authenticator.verify(token)
    for _ in range(5):
        with pytest.raises(Unauthorized):
            await authenticator.verify(own.token(subject="a2", roles=["agent"]))
    assert endpoint.asked == 2


async def test_known_keys_hold_while_the_issuer_is_away(
    own: LocalIssuer, manual_clock: ManualClock
) -> None:
    endpoint = Endpoint(own)
    authenticator = _by_url(endpoint, manual_clock)
    token = own.token(subject="a1", roles=["agent"])
    await authenticator.verify(token)
    endpoint.issuer = None
    manual_clock.advance(FRESH_S + 1)
    assert (await authenticator.verify(token)).subject == "a1"


async def test_an_issuer_that_was_never_reached_lets_nobody_in(
    own: LocalIssuer, manual_clock: ManualClock
) -> None:
    endpoint = Endpoint(own)
    endpoint.issuer = None
    with pytest.raises(Unauthorized, match="cannot be fetched"):
        await _by_url(endpoint, manual_clock).verify(own.token(subject="a1", roles=["agent"]))


@pytest.mark.parametrize(
    ("claim", "claims", "roles"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["admin"]}}, {"admin"}),
        ("https://x.test/roles", {"https://x.test/roles": ["agent", 7]}, {"agent"}),
        ("scope", {"scope": "agent floor"}, {"agent", "floor"}),
        ("roles", {"roles": {"agent": True}}, set()),
        ("a.b.c", {"a": {"b": 1}}, set()),
    ],
)
async def test_the_claim_of_the_roles_is_a_setting(
    own: LocalIssuer,
    manual_clock: ManualClock,
    claim: str,
    claims: dict[str, Any],
    roles: set[str],
) -> None:
    settings = settings_for(own.path, oidc_roles_claim=claim)
    authenticator = Authenticator.from_settings(settings, manual_clock)
    token = _signed(own, _claims(manual_clock, **{"roles": None, **claims}))
    assert (await authenticator.verify(token)).roles == roles


def test_the_key_of_the_issuer_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "data" / "issuer.json"
    first = LocalIssuer(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert LocalIssuer(path).jwks() == first.jwks()
    assert "d" not in first.jwks()["keys"][0]
    assert [file.name for file in path.parent.iterdir()] == ["issuer.json"]


def test_issuers_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    made: list[dict[str, Any]] = []
    begin = threading.Barrier(8)

    def start() -> None:
        begin.wait()
        made.append(LocalIssuer(tmp_path / "issuer.json").jwks())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert all(jwks == made[0] for jwks in made)


@pytest.mark.parametrize("content", ["", "{}", '{"kty": "oct", "k": "eA"}', "[1]"])
def test_a_broken_key_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "issuer.json"
    path.write_text(content)
    with pytest.raises(IssuerFileError, match=r"issuer\.json.*remove it"):
        LocalIssuer(path)


async def test_a_service_renews_its_token_in_time(
    own: LocalIssuer, authenticator: Authenticator, manual_clock: ManualClock
) -> None:
    settings = settings_for(own.path)
    tokens = ServiceTokens.from_settings(settings, subject="tickets", clock=manual_clock)
    first = tokens.bearer()
    assert first is not None
    assert tokens.bearer() == first
    assert (await authenticator.verify(first)).roles == {"service"}
    manual_clock.advance(1801)
    second = tokens.bearer()
    assert second != first


def test_a_service_token_may_come_from_a_file(tmp_path: Path, manual_clock: ManualClock) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n")
    settings = settings_for(service_token_file=file)
    tokens = ServiceTokens.from_settings(settings, subject="tickets", clock=manual_clock)
    assert tokens.bearer() == "abc"
    file.write_text("def\n")
    assert tokens.bearer() == "def"


def test_without_means_a_service_has_no_token(manual_clock: ManualClock) -> None:
    tokens = ServiceTokens.from_settings(settings_for(), subject="tickets", clock=manual_clock)
    assert tokens.bearer() is None
