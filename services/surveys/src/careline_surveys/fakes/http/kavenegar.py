"""A fake Kavenegar."""

import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from careline_surveys.fakes.http.dialect import (
    FORM,
    Answer,
    Call,
    Request,
    Sent,
    State,
    Trouble,
    in_query,
    require,
)

KEY = "6B4F4B65792F"
SECRET = "kavenegar-calls-here"  # noqa: S105 - the fake's own
CODES = {"sent": 4, "delivered": 10, "failed": 11}
TROUBLES = {
    "throttled": (451, "فراخوانی بیش از حد"),
    "account": (418, "اعتبار شما کافی نیست"),
    "refused_number": (411, "دریافت کننده نامعتبر است"),
}


class Kavenegar:
    thanks = b""

    def entry(self, base: str) -> dict[str, Any]:
        return {
            "id": "kav", "kind": "kavenegar", "url": base, "key": KEY, "source": "10004346",
            "callback_secret": SECRET,
        }  # fmt: skip

    def read(self, request: Request, message_id: str) -> Sent:
        require(hmac.compare_digest(request.path, f"/v1/{KEY}/sms/send.json"), "path or key")
        form = request.form
        require(form["sender"] == "10004346", "sender")
        require(form["localid"].isdecimal() and int(form["localid"]) < 2**63, "localid")
        number = form["receptor"]
        to = f"+{number[2:]}" if number.startswith("00") else f"+98{number[1:]}"
        return Sent(message_id=message_id, to=to, text=form["message"], name=form["localid"])

    def taken(self, sent: Sent) -> Answer:
        entry = {
            "messageid": int(sent.message_id), "message": sent.text, "status": 1,
            "statustext": "در صف ارسال", "sender": "10004346", "receptor": sent.to, "date": 1356619709,
            "cost": 120,
        }  # fmt: skip
        return Answer.json({"return": {"status": 200, "message": "تایید شد"}, "entries": [entry]})

    def trouble(self, trouble: Trouble) -> Answer:
        """As its SOAP side does: HTTP status 200, and the error within."""
        status, message = TROUBLES[trouble]
        return Answer.json({"return": {"status": status, "message": message}, "entries": None})

    def asked(self, request: Request, messages: Sequence[Sent]) -> Answer | None:
        if request.path != f"/v1/{KEY}/sms/statuslocalmessageid.json":
            return None
        name = request.form["localid"]
        found = next((each for each in messages if each.name == name), None)
        entry = {
            "messageid": 0 if found is None else int(found.message_id),
            "localid": name,
            "status": 100 if found is None else CODES[found.state],
            "statustext": "",
        }
        return Answer.json({"return": {"status": 200, "message": "تایید شد"}, "entries": [entry]})

    def status(self, sent: Sent, state: State) -> Call:
        fields = {"messageid": sent.message_id, "status": CODES[state]}
        return self._call("status", fields)

    def inbound(self, message_id: str, sender: str, text: str) -> Call:
        fields = {"messageid": message_id, "from": sender, "to": "10004346", "message": text}
        return self._call("inbound", fields)

    def _call(self, action: Any, fields: dict[str, Any]) -> Call:
        return Call(
            action=action,
            query=urlencode({"secret": SECRET}),
            body=urlencode(fields).encode(),
            headers={"content-type": FORM},
        )

    def forged(self, call: Call) -> Call:
        return in_query(call, urlencode({"secret": SECRET[:-1] + "x"}))
