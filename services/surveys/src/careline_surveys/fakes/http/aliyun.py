"""A fake Aliyun short message service; every request's signature is checked."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from careline_surveys.fakes.http.dialect import (
    JSON,
    Answer,
    Call,
    Request,
    Sent,
    State,
    Trouble,
    in_query,
    require,
)

KEY_ID, KEY_SECRET = "LTAI5tExample", "aSecretOfTrials"
SECRET = "aliyun-calls-here-1"  # noqa: S105 - the fake's own
TEMPLATE, SIGN_NAME = "SMS_154950909", "医保热线"
TROUBLES = {
    "throttled": ("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"),
    "account": ("isv.AMOUNT_NOT_ENOUGH", "账户余额不足"),
    "refused_number": ("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号"),
}
CODES = {"sent": 1, "delivered": 3, "failed": 2}


class Aliyun:
    thanks = json.dumps({"code": 0, "msg": "接收成功"}, ensure_ascii=False).encode()

    def __init__(self) -> None:
        self._nonces: set[str] = set()

    def entry(self, base: str) -> dict[str, Any]:
        return {
            "id": "ali", "kind": "aliyun", "url": base, "account": KEY_ID, "key": KEY_SECRET,
            "sign_name": SIGN_NAME, "template": TEMPLATE, "callback_secret": SECRET,
        }  # fmt: skip

    def _signed(self, request: Request) -> dict[str, str]:
        form = request.form
        given = form.pop("Signature")
        canonical = urlencode(sorted(form.items()), quote_via=quote, safe="~")
        whole = f"{request.method}&%2F&{quote(canonical, safe='~')}"
        right = hmac.new(f"{KEY_SECRET}&".encode(), whole.encode(), hashlib.sha1).digest()
        require(base64.b64encode(right).decode() == given, "Signature")
        require(form["AccessKeyId"] == KEY_ID and form["Version"] == "2017-05-25", "key")
        require(form["SignatureNonce"] not in self._nonces, "SignatureNonce again")
        self._nonces.add(form["SignatureNonce"])
        return form

    def read(self, request: Request, message_id: str) -> Sent:
        form = self._signed(request)
        require((form["SignName"], form["TemplateCode"]) == (SIGN_NAME, TEMPLATE), "template")
        number = form["PhoneNumbers"]
        return Sent(
            message_id=f"{message_id}^0",
            to=f"+86{number}" if len(number) == 11 and number.startswith("1") else f"+{number}",
            text=json.loads(form["TemplateParam"])["text"],
            name=form["OutId"],
        )

    def taken(self, sent: Sent) -> Answer:
        return Answer.json(
            {"Code": "OK", "Message": "OK", "RequestId": "873043ac", "BizId": sent.message_id}
        )

    def trouble(self, trouble: Trouble) -> Answer:
        code, message = TROUBLES[trouble]
        return Answer.json({"Code": code, "Message": message, "RequestId": "873043ac"})

    def asked(self, request: Request, messages: Sequence[Sent]) -> Answer | None:
        if request.form.get("Action") != "QuerySendDetails":
            return None
        form = self._signed(request)
        details = [
            {"PhoneNum": form["PhoneNumber"], "OutId": each.name, "SendStatus": CODES[each.state]}
            for each in messages
            if each.to.endswith(form["PhoneNumber"])
        ]
        listed = {"SmsSendDetailDTO": details}
        return Answer.json({"Code": "OK", "TotalCount": len(details), "SmsSendDetailDTOs": listed})

    def status(self, sent: Sent, state: State) -> Call:
        delivered = state == "delivered"
        report = {
            "phone_number": sent.to.removeprefix("+86").removeprefix("+"),
            "send_time": "2026-11-26 18:00:00", "report_time": "2026-11-26 18:00:01",
            "success": delivered, "err_code": "DELIVERED" if delivered else "MOBILE_NOT_ON_SERVICE",
            "err_msg": "", "sms_size": "1", "biz_id": sent.message_id, "out_id": sent.name,
        }  # fmt: skip
        return self._call("status", report)

    def inbound(self, message_id: str, sender: str, text: str) -> Call:
        reply = {
            "phone_number": sender.removeprefix("+"), "content": text, "send_time": "2026-11-26 18:00:02",
            "dest_code": "1069", "sequence_id": int(message_id), "sign_name": SIGN_NAME,
        }  # fmt: skip
        return self._call("inbound", reply)

    def _call(self, action: Any, item: dict[str, Any]) -> Call:
        return Call(
            action=action,
            query=urlencode({"secret": SECRET}),
            body=json.dumps([item], ensure_ascii=False).encode(),
            headers={"content-type": JSON},
        )

    def forged(self, call: Call) -> Call:
        return in_query(call, "secret=")
