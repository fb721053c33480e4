"""A fake provider of no known kind, and the `map` that fits it; callbacks have an HMAC of the body."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
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

KEY = "key-of-acme"
SECRET = "acme-signs-with-this"  # noqa: S105 - the fake's own
MAP: Mapping[str, Any] = {
    "headers": {"X-Api-Key": "{key}"},
    "send": {"ref": "{id}", "msisdn": "{to}", "body": "{text}", "sender": "{from}"},
    "number": "digits",
    "answer": {
        "code": "$.result.code", "message_id": "$.result.parts[0].id", "accepted": ["0"],
        "refused": ["7", "8"], "failed": ["3"],
    },
    "status": {
        "message_id": "$.event.id", "status": "$.event.state",
        "words": {"DLV": "delivered", "ERR": "failed", "SNT": "sent"},
    },
    "inbound": {"id": "$.event.id", "from": "$.event.src", "text": "$.event.body"},
    "proof": {"by": "hmac-sha256", "name": "X-Acme-Signature", "encoding": "base64"},
    "thanks": "ok",
}  # fmt: skip
CODES = {"throttled": 7, "account": 8, "refused_number": 3}
STATES = {"sent": "SNT", "delivered": "DLV", "failed": "ERR"}


class Mapped:
    thanks = b"ok"

    def entry(self, base: str) -> dict[str, Any]:
        return {
            "id": "acme", "kind": "http", "url": f"{base}/send", "key": KEY, "source": "Clinic",
            "callback_secret": SECRET, "map": dict(MAP),
        }  # fmt: skip

    def read(self, request: Request, message_id: str) -> Sent:
        require(request.headers.get("x-api-key") == KEY, "X-Api-Key")
        body = json.loads(request.body)
        require(body["sender"] == "Clinic", "sender")
        return Sent(
            message_id=message_id, to=f"+{body['msisdn']}", text=body["body"], name=body["ref"]
        )

    def taken(self, sent: Sent) -> Answer:
        return Answer.json({"result": {"code": 0, "parts": [{"id": int(sent.message_id)}]}})

    def trouble(self, trouble: Trouble) -> Answer:
        return Answer.json({"result": {"code": CODES[trouble]}})

    def asked(self, _request: Request, _messages: Sequence[Sent]) -> Answer | None:
        return None

    def status(self, sent: Sent, state: State) -> Call:
        return _call("status", {"id": int(sent.message_id), "state": STATES[state]})

    def inbound(self, message_id: str, sender: str, text: str) -> Call:
        return _call("inbound", {"id": message_id, "src": sender, "body": text})

    def forged(self, call: Call) -> Call:
        return Call(
            action=call.action, body=call.body.replace(b'"id"', b'"id" '), headers=call.headers
        )


def _call(action: Any, event: Mapping[str, Any]) -> Call:
    body = json.dumps({"event": event}, ensure_ascii=False).encode()
    proof = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    return Call(action=action, body=body, headers={"content-type": JSON, "x-acme-signature": proof})
