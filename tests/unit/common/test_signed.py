"""Signatures of callbacks, by the Standard Webhooks specification."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from careline_common.clock import ManualClock
from careline_common.http.problem import Unauthorized
from careline_common.http.signed import SignedCallbacks, secret_bytes, sign, signed_headers
from careline_common.observability.metrics import MetricsRegistry

pytestmark = pytest.mark.unit

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes, all.").decode()
BODY = '{"type": "call.arrived", "text": "Алло"}'.encode()


@pytest.fixture
def metrics() -> MetricsRegistry:
    return MetricsRegistry("router")


@pytest.fixture
def callbacks(manual_clock: ManualClock, metrics: MetricsRegistry) -> SignedCallbacks:
    return SignedCallbacks(clock=manual_clock, metrics=metrics)


def _request(headers: dict[str, str], body: bytes = BODY) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/pbx/p1/events",
        "query_string": b"",
        "server": ("careline.test", 80),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    return Request(scope, receive)


def test_our_signature_is_the_specification_s() -> None:
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    reference = Webhook(SECRET).sign("msg_1", moment, BODY.decode())
    assert sign(SECRET, "msg_1", int(moment.timestamp()), BODY) == reference


async def test_a_signed_message_is_let_in(
    callbacks: SignedCallbacks, manual_clock: ManualClock
) -> None:
    headers = signed_headers(SecretStr(SECRET), "msg.1", manual_clock.now(), BODY)
    message = await callbacks.verify(_request(headers), [SECRET])
    assert (message.id, message.body, message.sent_at) == ("msg.1", BODY, manual_clock.now())


async def test_any_signature_and_any_secret_may_fit(
    callbacks: SignedCallbacks, manual_clock: ManualClock
) -> None:
    headers = signed_headers(SECRET, "msg_1", manual_clock.now(), BODY)
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"
    await callbacks.verify(_request(headers), [OTHER, SECRET])


@pytest.mark.parametrize("off_s", [-300, 300])
async def test_the_window_is_five_minutes_both_ways(
    callbacks: SignedCallbacks, manual_clock: ManualClock, off_s: int
) -> None:
    inside = manual_clock.now() + timedelta(seconds=off_s)
    outside = inside + timedelta(seconds=1 if off_s > 0 else -1)
    await callbacks.verify(_request(signed_headers(SECRET, "m", inside, BODY)), [SECRET])
    with pytest.raises(Unauthorized, match="300 s off"):
        await callbacks.verify(_request(signed_headers(SECRET, "m", outside, BODY)), [SECRET])


REFUSED: list[tuple[dict[str, str | None], str]] = [
    ({"webhook-id": None}, "unsigned"),
    ({"webhook-id": ""}, "unsigned"),
    ({"webhook-id": "m" * 256}, "unsigned"),
    ({"webhook-timestamp": None}, "unsigned"),
    ({"webhook-timestamp": "soon"}, "unsigned"),
    ({"webhook-timestamp": "1" * 30}, "unsigned"),
    ({"webhook-timestamp": "²"}, "unsigned"),
    ({"webhook-timestamp": "-5"}, "unsigned"),
    ({"webhook-timestamp": "5"}, "stale"),
    ({"webhook-signature": None}, "unsigned"),
    ({"webhook-signature": " "}, "unsigned"),
    ({"webhook-signature": "v1,"}, "wrong_signature"),
    ({"webhook-signature": "v1,é"}, "wrong_signature"),
    ({"webhook-id": "another"}, "wrong_signature"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
async def test_what_is_not_signed_rightly_is_refused_and_counted(
    callbacks: SignedCallbacks,
    metrics: MetricsRegistry,
    manual_clock: ManualClock,
    changes: dict[str, str | None],
    reason: str,
) -> None:
    headers = signed_headers(SECRET, "m", manual_clock.now(), BODY) | changes
    given = {name: value for name, value in headers.items() if value is not None}
    with pytest.raises(Unauthorized) as refused:
        await callbacks.verify(_request(given), [SECRET])
    assert (refused.value.status, refused.value.type) == (401, "bad-signature")
    assert metrics.value("signed_rejections_total", reason=reason) == 1


async def test_an_unknown_sender_looks_like_a_wrong_signature(
    callbacks: SignedCallbacks, metrics: MetricsRegistry, manual_clock: ManualClock
) -> None:
    headers = signed_headers(SECRET, "m", manual_clock.now(), BODY)
    with pytest.raises(Unauthorized) as unknown:
        await callbacks.verify(_request(headers), [])
    with pytest.raises(Unauthorized) as wrong:
        await callbacks.verify(_request(headers), [OTHER])
    assert unknown.value.document() == wrong.value.document()
    assert metrics.value("signed_rejections_total", reason="unknown_sender") == 1


@given(st.binary(max_size=200), st.integers(0, 5000), st.integers(0, 7))
def test_one_changed_bit_of_the_body_changes_the_signature(
    body: bytes, place: int, bit: int
) -> None:
    changed = bytearray(body or b"x")
    before = sign(SECRET, "m", 1, bytes(changed))
    changed[place % len(changed)] ^= 1 << bit
    assert sign(SECRET, "m", 1, bytes(changed)) != before


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_?", "whsec_abc", SECRET[6:], "secret"])
def test_what_is_no_secret_is_said_so(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64"):
        secret_bytes(secret)
