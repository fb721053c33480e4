"""The generic HTTP provider: a signed POST `{"id","to","text"}` for each message.

Accepted is a 2xx answer with a `message_id`; 429 and 503 were not taken. Its callbacks are signed
likewise, and read where they come in (`api/sms.py`).
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_core import to_json

from careline_common.http.signed import signed_headers
from careline_surveys.adapters.http.wire import (
    LONGEST_ID,
    THROTTLED,
    Ask,
    Callback,
    ForgedError,
    Thanks,
    Told,
    retry_after_s,
)
from careline_surveys.ports import Found, Handover, HeardReply, OutgoingSms, SentSms, SmsReceipt

BUSY, AWAY = 429, 503


class _Accepted(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    message_id: str


class GenericWire:
    thanks = Thanks()

    def __init__(self, *, url: str, secret: SecretStr) -> None:
        self._url = url
        self._secret = secret

    def ask(self, sms: OutgoingSms, now: datetime) -> Ask:
        body = to_json({"id": sms.id, "to": sms.to, "text": sms.text})
        headers = signed_headers(self._secret, sms.id, now, body)
        return Ask(
            url=self._url, content=body, headers={**headers, "content-type": "application/json"}
        )

    def outcome(self, _sms: OutgoingSms, told: Told) -> Handover:
        if told.status in {BUSY, AWAY}:
            reason = THROTTLED if told.status == BUSY else None
            return Handover(outcome="refused", reason=reason, retry_after_s=retry_after_s(told))
        if not 200 <= told.status < 300:
            return Handover(outcome="unknown")
        try:
            accepted = _Accepted.model_validate_json(told.content)
        except ValidationError:
            return Handover(outcome="unknown")
        return Handover(outcome="accepted", provider_message_id=accepted.message_id[:LONGEST_ID])

    def look_up(self, _sent: SentSms, _now: datetime) -> Ask | None:
        return None

    def found(self, _sent: SentSms, _told: Told) -> Found | None:
        return None

    def prove(self, _callback: Callback) -> None:
        raise ForgedError("signed by Standard Webhooks")

    def receipts(self, _callback: Callback) -> Sequence[SmsReceipt]:
        return ()

    def replies(self, _callback: Callback) -> Sequence[HeardReply]:
        return ()
