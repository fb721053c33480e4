"""Aliyun (Dysmsapi 2017-05-25): SendSms by template, reports and replies pushed in JSON lists.

Aliyun sends templates only: ours has one variable, and the whole text goes into it. Pushes carry no
signature: they are known by a secret in the address that is given to the console.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode

from careline_common.http.problem import MalformedRequest
from careline_surveys.adapters.http.proof import require_secret
from careline_surveys.adapters.http.wire import (
    ACCOUNT,
    THROTTLED,
    Ask,
    Callback,
    Thanks,
    Told,
    named,
    object_of,
    refused_by_status,
    text_at,
)
from careline_surveys.config_sms import SmsEntry
from careline_surveys.ports import Found, Handover, HeardReply, OutgoingSms, SentSms, SmsReceipt

URL = "https://dysmsapi.aliyuncs.com"
CHINA = timezone(timedelta(hours=8))
"""Its times have no zone and are these."""
DELIVERED = {"1": "sent", "2": "failed", "3": "delivered"}

BUSY = ("Throttling", "isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL")
OF_ACCOUNT = (
    "isv.OUT_OF_SERVICE", "isv.PRODUCT_UN_SUBSCRIPT", "isv.PRODUCT_UNSUBSCRIBE", "isv.ACCOUNT_",
    "isv.AMOUNT_NOT_ENOUGH", "isv.SMS_SIGNATURE_", "isv.SMS_TEMPLATE_", "isv.SMS_SIGN_",
    "isp.RAM_PERMISSION_DENY", "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidTimeStamp",
    "Forbidden",
)  # fmt: skip


class AliyunWire:
    thanks = Thanks(
        content=json.dumps({"code": 0, "msg": "接收成功"}, ensure_ascii=False).encode(),
        media_type="application/json",
    )

    def __init__(self, entry: SmsEntry) -> None:
        assert entry.account is not None
        assert entry.key is not None
        self._url = f"{(entry.url or URL).rstrip('/')}/"
        self._account = entry.account
        self._key = entry.key.get_secret_value()
        self._sign_name = entry.sign_name or ""
        self._template = entry.template or ""
        self._variable = entry.template_variable
        self._secret = entry.callback_secret

    def ask(self, sms: OutgoingSms, now: datetime) -> Ask:
        return self._signed(
            "SendSms",
            sms.id,
            now,
            PhoneNumbers=written(sms.to),
            SignName=self._sign_name,
            TemplateCode=self._template,
            TemplateParam=json.dumps({self._variable: sms.text}, ensure_ascii=False),
            OutId=sms.id,
        )

    def _signed(self, action: str, nonce: str, now: datetime, **fields: str) -> Ask:
        common = {
            "AccessKeyId": self._account,
            "Action": action,
            "Format": "JSON",
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": f"{nonce}-{now.timestamp():.6f}",
            "SignatureVersion": "1.0",
            "Timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Version": "2017-05-25",
        }
        values = common | fields
        values["Signature"] = signature(self._key, "POST", values)
        return Ask(
            url=self._url,
            content=urlencode(values).encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )

    def outcome(self, _sms: OutgoingSms, told: Told) -> Handover:
        document = object_of(told.document())
        code, biz_id = str(document.get("Code", "")), named(document.get("BizId"))
        if code == "OK":
            return Handover(outcome="accepted", provider_message_id=biz_id)
        if code.startswith(BUSY):
            return Handover(outcome="refused", reason=THROTTLED)
        if code.startswith(OF_ACCOUNT):
            return Handover(outcome="refused", reason=ACCOUNT)
        if code.startswith("isv."):
            return Handover(outcome="failed", reason=f"aliyun {code[:80]}")
        return (None if code else refused_by_status(told)) or Handover(outcome="unknown")

    def look_up(self, sent: SentSms, now: datetime) -> Ask | None:
        return self._signed(
            "QuerySendDetails",
            f"{sent.sms.id}-query",
            now,
            PhoneNumber=written(sent.sms.to),
            SendDate=sent.at.astimezone(CHINA).strftime("%Y%m%d"),
            PageSize="50",
            CurrentPage="1",
        )

    def found(self, sent: SentSms, told: Told) -> Found | None:
        listed = object_of(object_of(told.document()).get("SmsSendDetailDTOs"))
        details = listed.get("SmsSendDetailDTO")
        for detail in details if isinstance(details, list) else []:
            each = object_of(detail)
            if each.get("OutId") == sent.sms.id:
                status = str(each.get("SendStatus"))
                return Found(message_id=sent.sms.id, status=DELIVERED.get(status, status))
        return None

    def prove(self, callback: Callback) -> None:
        require_secret(callback, self._secret)

    def receipts(self, callback: Callback) -> Sequence[SmsReceipt]:
        return [
            SmsReceipt(
                message_id=named(each.get("out_id")) or text_at(each, "biz_id"),
                status="delivered" if each.get("success") in {True, "true"} else "failed",
                reference=None,
                sender=read(text_at(each, "phone_number")),
            )
            for each in _listed(callback)
        ]

    def replies(self, callback: Callback) -> Sequence[HeardReply]:
        return [
            HeardReply(
                external_id=text_at(each, "sequence_id"),
                sender=read(text_at(each, "phone_number")),
                text=text_at(each, "content"),
                at=_time(each.get("send_time")),
            )
            for each in _listed(callback)
        ]


def _listed(callback: Callback) -> Sequence[Mapping[str, Any]]:
    listed = callback.json()
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        raise MalformedRequest("the body is no list of objects")
    return listed


def _time(value: Any) -> datetime | None:
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        return None


def written(number: str) -> str:
    """A number as it wants it: without a country code in China, elsewhere with it and without +."""
    digits = number.removeprefix("+")
    return digits.removeprefix("86") if len(digits) == 13 else digits


def read(number: str) -> str:
    """A Chinese mobile number without its country code with it; others as they are."""
    bare = number.strip()
    return f"+86{bare}" if len(bare) == 11 and bare.startswith("1") else bare


def signature(key: str, method: str, values: Mapping[str, str]) -> str:
    """Of an RPC request: HMAC-SHA1 over method and sorted parameters, both percent-encoded."""
    pairs = "&".join(f"{_encoded(name)}={_encoded(values[name])}" for name in sorted(values))
    signed = f"{method}&{_encoded('/')}&{_encoded(pairs)}"
    return base64.b64encode(hmac.digest(f"{key}&".encode(), signed.encode(), hashlib.sha1)).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="~")
