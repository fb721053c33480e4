"""Twilio: the Messages resource, and callbacks signed with `X-Twilio-Signature`.

The address for a message's status has our own id in it, so that its receipts are known even when
the answer to the sending never came.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from careline_common.http.problem import MalformedRequest
from careline_surveys.adapters.http.proof import require_same
from careline_surveys.adapters.http.wire import (
    ACCOUNT,
    THROTTLED,
    Ask,
    Callback,
    ForgedError,
    Thanks,
    Told,
    named,
    object_of,
    refused_by_status,
    retry_after_s,
    text_at,
)
from careline_surveys.config_sms import SmsEntry
from careline_surveys.ports import Found, Handover, HeardReply, OutgoingSms, SentSms, SmsReceipt

URL = "https://api.twilio.com"
TOO_MANY = frozenset({14107, 20429, 21611, 30022, 63018})
OF_ACCOUNT = frozenset({20003, 20005, 20404, 21603, 21606, 21659, 21660, 30002, 90010})
SKEW = timedelta(minutes=1)


class TwilioWire:
    thanks = Thanks(content=b"<Response></Response>", media_type="text/xml")

    def __init__(self, entry: SmsEntry, callback_url: str) -> None:
        assert entry.account is not None
        assert entry.key is not None
        self._key = entry.key.get_secret_value()
        self._account = entry.account
        self._sender = (
            {"From": entry.source}
            if entry.messaging_service is None
            else {"MessagingServiceSid": entry.messaging_service}
        )
        base = (entry.url or URL).rstrip("/")
        self._url = f"{base}/2010-04-01/Accounts/{entry.account}/Messages.json"
        self._callback_url = callback_url
        access = base64.b64encode(f"{entry.account}:{self._key}".encode()).decode()
        self._headers = {"authorization": f"Basic {access}"}

    def ask(self, sms: OutgoingSms, _now: datetime) -> Ask:
        fields = self._sender | {
            "To": sms.to,
            "Body": sms.text,
            "StatusCallback": f"{self._callback_url}/status?{urlencode({'message': sms.id})}",
        }
        return Ask(
            url=self._url,
            content=urlencode(fields).encode(),
            headers=self._headers | {"content-type": "application/x-www-form-urlencoded"},
        )

    def outcome(self, _sms: OutgoingSms, told: Told) -> Handover:
        document = object_of(told.document())
        sid, code = named(document.get("sid")), document.get("code")
        if told.status in {200, 201} and sid is not None:
            if document.get("status") in {"failed", "undelivered"}:
                return Handover(
                    outcome="failed",
                    provider_message_id=sid,
                    reason=f"twilio {document.get('error_code')}",
                )
            return Handover(outcome="accepted", provider_message_id=sid)
        if code in TOO_MANY:
            return Handover(outcome="refused", reason=THROTTLED, retry_after_s=retry_after_s(told))
        if code in OF_ACCOUNT:
            return Handover(outcome="refused", reason=ACCOUNT)
        if told.status == 400 and isinstance(code, int):
            return Handover(outcome="failed", reason=f"twilio {code}")
        return refused_by_status(told) or Handover(outcome="unknown")

    def look_up(self, sent: SentSms, _now: datetime) -> Ask | None:
        """Twilio has no name of ours for a message: it is asked for what went to this number."""
        query = {"To": sent.sms.to, "DateSent>": (sent.at - SKEW).date().isoformat()}
        return Ask(
            method="GET",
            url=f"{self._url}?{urlencode(query | {'PageSize': '50'})}",
            headers=self._headers,
        )

    def found(self, sent: SentSms, told: Told) -> Found | None:
        """The one message with these words since then; None when several have them."""
        messages = object_of(told.document()).get("messages")
        same = [
            each
            for each in (messages if isinstance(messages, list) else [])
            if isinstance(each, Mapping)
            and each.get("to") == sent.sms.to
            and each.get("body") == sent.sms.text
            and _made_since(each, sent.at - SKEW)
        ]
        sid = named(same[0].get("sid")) if len(same) == 1 else None
        if sid is None:
            return None
        return Found(message_id=sid, status=str(same[0].get("status")), own=False)

    def prove(self, callback: Callback) -> None:
        try:
            fields = callback.form()
        except MalformedRequest as error:
            raise ForgedError("the callback cannot be read") from error
        given = callback.headers.get("x-twilio-signature")
        if not given:
            raise ForgedError("the callback has no X-Twilio-Signature")
        query = f"?{callback.query}" if callback.query else ""
        right = [signature(self._key, f"{url}{query}", fields) for url in callback.urls]
        require_same(given, next((each for each in right if each == given), right[0]))

    def receipts(self, callback: Callback) -> Sequence[SmsReceipt]:
        fields = callback.form()
        return [
            SmsReceipt(
                message_id=callback.parameter("message") or text_at(fields, "MessageSid"),
                status=text_at(fields, "MessageStatus"),
                reference=None,
                sender=fields.get("To"),
            )
        ]

    def replies(self, callback: Callback) -> Sequence[HeardReply]:
        fields = callback.form()
        return [
            HeardReply(
                external_id=text_at(fields, "MessageSid"),
                sender=text_at(fields, "From"),
                text=text_at(fields, "Body"),
            )
        ]


def _made_since(message: Mapping[str, Any], since: datetime) -> bool:
    try:
        return parsedate_to_datetime(str(message.get("date_created"))) >= since
    except (ValueError, TypeError):
        return False


def signature(key: str, url: str, fields: Mapping[str, str]) -> str:
    """X-Twilio-Signature of a form: HMAC-SHA1 over the address and all fields in order of names."""
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.digest(key.encode(), signed.encode(), hashlib.sha1)).decode()
