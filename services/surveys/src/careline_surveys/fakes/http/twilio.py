"""A fake Twilio. `calls` is the address that the messages name for their status."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from careline_surveys.fakes.http.dialect import (
    FORM,
    Answer,
    Call,
    Request,
    Sent,
    State,
    Trouble,
    require,
)

ACCOUNT, TOKEN = "AC0123456789abcdef", "0f1e2d3c4b5a"
TROUBLES = {
    "throttled": (429, 20429, "Too Many Requests"),
    "account": (401, 20003, "Authenticate"),
    "refused_number": (400, 21211, "Invalid 'To' Phone Number"),
}
STATES = {"sent": "sent", "delivered": "delivered", "failed": "undelivered"}


class Twilio:
    thanks = b"<Response></Response>"

    def __init__(self, calls: str = "http://127.0.0.1:8080/surveys/v1/sms/tw") -> None:
        self._calls = calls

    def entry(self, base: str) -> dict[str, Any]:
        return {
            "id": "tw", "kind": "twilio", "url": base, "account": ACCOUNT, "key": TOKEN,
            "source": "+15005550006",
        }  # fmt: skip

    def _authorised(self, request: Request) -> None:
        require(request.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", "path")
        given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        require(given == f"{ACCOUNT}:{TOKEN}", "account or token")

    def read(self, request: Request, message_id: str) -> Sent:
        self._authorised(request)
        form = request.form
        require(form["From"] == "+15005550006", "From")
        require(form["StatusCallback"].startswith(f"{self._calls}/status"), "StatusCallback")
        return Sent(
            message_id=f"SM{int(message_id):032x}",
            to=form["To"],
            text=form["Body"],
            extra={"query": urlsplit(form["StatusCallback"]).query},
        )

    def taken(self, sent: Sent) -> Answer:
        return Answer.json(_shown(sent) | {"status": "queued"}, 201)

    def trouble(self, trouble: Trouble) -> Answer:
        status, code, message = TROUBLES[trouble]
        more_info = f"https://www.twilio.com/docs/errors/{code}"
        return Answer.json(
            {"code": code, "message": message, "more_info": more_info, "status": status}, status
        )

    def asked(self, request: Request, messages: Sequence[Sent]) -> Answer | None:
        if request.method != "GET":
            return None
        self._authorised(request)
        found = [_shown(each) for each in messages if each.to == request.query["To"]]
        require("DateSent>" in request.query, "DateSent>")
        return Answer.json({"messages": found, "page": 0, "page_size": 50})

    def status(self, sent: Sent, state: State) -> Call:
        fields = {
            "MessageSid": sent.message_id, "SmsSid": sent.message_id, "MessageStatus": STATES[state],
            "To": sent.to, "From": "+15005550006", "AccountSid": ACCOUNT, "RawDlrDoneDate": "2611261000",
        }  # fmt: skip
        return self._call("status", fields, sent.extra["query"])

    def inbound(self, message_id: str, sender: str, text: str) -> Call:
        fields = {
            "MessageSid": f"SM{message_id}", "From": sender, "To": "+15005550006", "Body": text,
            "NumSegments": "1", "FromCountry": "RU",
        }  # fmt: skip
        return self._call("inbound", fields, "")

    def _call(self, action: Any, fields: dict[str, str], query: str) -> Call:
        url = f"{self._calls}/{action}" + (f"?{query}" if query else "")
        signed = url + "".join(name + fields[name] for name in sorted(fields))
        proof = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), hashlib.sha1))
        return Call(
            action=action,
            query=query,
            body=urlencode(fields).encode(),
            headers={"content-type": FORM, "x-twilio-signature": proof.decode()},
        )

    def forged(self, call: Call) -> Call:
        """Another word in it, under the right signature."""
        fields = dict(parse_qsl(call.body.decode())) | {"AddOns": "{}"}
        return Call(
            action=call.action,
            query=call.query,
            body=urlencode(fields).encode(),
            headers=call.headers,
        )


def _shown(sent: Sent) -> dict[str, Any]:
    return {
        "sid": sent.message_id, "status": STATES[sent.state], "to": sent.to, "from": "+15005550006",
        "body": sent.text, "num_segments": "1", "error_code": None,
        "date_created": sent.extra.get("created", "Fri, 31 Dec 2100 00:00:00 +0000"),
    }  # fmt: skip
