"""A fake of the generic provider: Standard Webhooks both ways."""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from careline_surveys.fakes.http.dialect import (
    JSON,
    Answer,
    Call,
    Request,
    Sent,
    State,
    Trouble,
    require,
)

SECRET = "whsec_" + base64.b64encode(b"a secret of trials").decode()
TROUBLES = {"throttled": 429, "account": 503}


class Generic:
    """`now` tells the seconds since 1970 with which callbacks are signed."""

    thanks = b'{"status":"taken","meaning":null}'

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ids = itertools.count(1)

    def entry(self, base: str) -> dict[str, Any]:
        return {"id": "g1", "kind": "generic", "url": f"{base}/send", "secret": SECRET}

    def read(self, request: Request, message_id: str) -> Sent:
        headers = request.headers
        right = _signature(headers["webhook-id"], headers["webhook-timestamp"], request.body)
        require(headers["webhook-signature"] == right, "webhook-signature")
        body = json.loads(request.body)
        require(headers["webhook-id"] == body["id"], "webhook-id")
        return Sent(message_id=f"m{message_id}", to=body["to"], text=body["text"], name=body["id"])

    def taken(self, sent: Sent) -> Answer:
        return Answer.json({"message_id": sent.message_id})

    def trouble(self, trouble: Trouble) -> Answer:
        """It has no word for a message that it will never take."""
        return Answer(status=TROUBLES[trouble])

    def asked(self, _request: Request, _messages: Sequence[Sent]) -> Answer | None:
        return None

    def status(self, sent: Sent, state: State) -> Call:
        return self._call(
            "status", {"id": f"s-{sent.message_id}", "message_id": sent.message_id, "status": state}
        )

    def inbound(self, message_id: str, sender: str, text: str) -> Call:
        body = {"id": message_id, "from": sender, "to": "1420", "text": text}
        return self._call("inbound", body)

    def _call(self, action: Any, document: Mapping[str, Any]) -> Call:
        body = json.dumps(document, ensure_ascii=False).encode()
        name, stamp = f"w{next(self._ids)}", str(int(self._now()))
        return Call(
            action=action,
            body=body,
            headers={
                "content-type": JSON,
                "webhook-id": name,
                "webhook-timestamp": stamp,
                "webhook-signature": _signature(name, stamp, body),
            },
        )

    def forged(self, call: Call) -> Call:
        headers = dict(call.headers) | {"webhook-signature": "v1,AAAA"}
        return Call(action=call.action, body=call.body, headers=headers)


def _signature(name: str, stamp: str, body: bytes) -> str:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()
