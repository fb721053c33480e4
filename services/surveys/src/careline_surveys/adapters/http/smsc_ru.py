"""SMSC.ru: `send.php` and `status.php` with JSON answers, always with HTTP status 200.

Its handler of callbacks is given our address with `?charset=utf-8` and one of `md5` or `sha1`: the
callback then has that hash over its fields and a secret word. CRC32, which it offers too, proves
nothing and is not believed. Without `charset` it speaks windows-1251.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from careline_common.http.problem import MalformedRequest
from careline_surveys.adapters.http.proof import SECRET, require_same, require_secret
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
    text_at,
)
from careline_surveys.config_sms import SmsEntry
from careline_surveys.ports import Found, Handover, HeardReply, OutgoingSms, SentSms, SmsReceipt

URL = "https://smsc.ru"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}

STATUSES: Mapping[str, str] = {
    "-2": "stopped", "-1": "queued", "0": "sent", "1": "delivered", "2": "read", "3": "expired",
    "4": "clicked", "20": "undelivered", "22": "failed", "23": "failed", "24": "failed", "25": "failed",
}  # fmt: skip
DELIVERED_TOO = frozenset({"clicked"})
NOBODY = "-3"

OF_ACCOUNT = frozenset({2, 3, 4})
"""Login, funds, address: no message is to blame, and nothing was sent."""
OF_MESSAGE = frozenset({1, 5, 6, 7, 8})
TOO_OFTEN = 9
"""The same words to the same number within a minute, or too many requests at once. This request was
not taken, and none before it was ours: what may have been taken is never sent again."""
A_MINUTE_S = 61.0


class SmscRuWire:
    thanks = Thanks(content=b"OK")

    def __init__(self, entry: SmsEntry) -> None:
        assert entry.key is not None
        key = entry.key.get_secret_value()
        self._access = (
            {"apikey": key} if entry.account is None else {"login": entry.account, "psw": key}
        )
        self._base = f"{(entry.url or URL).rstrip('/')}/sys"
        self._source = entry.source
        self._secret = entry.callback_secret

    def ask(self, sms: OutgoingSms, _now: datetime) -> Ask:
        fields = self._access | {
            "phones": sms.to.removeprefix("+"),
            "mes": sms.text,
            "id": own_id(sms.id),
            "charset": "utf-8",
            "fmt": "3",
        }
        if self._source:
            fields["sender"] = self._source
        return self._post("send.php", fields)

    def _post(self, page: str, fields: Mapping[str, str]) -> Ask:
        return Ask(url=f"{self._base}/{page}", content=urlencode(fields).encode(), headers=FORM)

    def outcome(self, sms: OutgoingSms, told: Told) -> Handover:
        document = object_of(told.document())
        code, message_id = document.get("error_code"), named(document.get("id"))
        if code in OF_ACCOUNT:
            return Handover(outcome="refused", reason=ACCOUNT)
        if code == TOO_OFTEN:
            return Handover(outcome="refused", reason=THROTTLED, retry_after_s=A_MINUTE_S)
        if code in OF_MESSAGE:
            return Handover(outcome="failed", reason=f"smsc.ru {code}")
        if code is None and "error" not in document and message_id is not None:
            return Handover(outcome="accepted", provider_message_id=message_id)
        # the id is ours, so that a receipt will find it
        unknown = Handover(outcome="unknown", provider_message_id=own_id(sms.id))
        return refused_by_status(told) or unknown

    def look_up(self, sent: SentSms, _now: datetime) -> Ask | None:
        fields = self._access | {
            "phone": sent.sms.to.removeprefix("+"),
            "id": own_id(sent.sms.id),
            "charset": "utf-8",
            "fmt": "3",
        }
        return self._post("status.php", fields)

    def found(self, sent: SentSms, told: Told) -> Found | None:
        document = object_of(told.document())
        status = named(document.get("status"))
        if "error_code" in document or "error" in document or status in {None, NOBODY}:
            return None
        assert status is not None
        return Found(message_id=own_id(sent.sms.id), status=word(status))

    def prove(self, callback: Callback) -> None:
        if callback.parameter(SECRET) is not None:
            require_secret(callback, self._secret)
            return
        try:
            fields = _form(callback)
        except MalformedRequest as error:
            raise ForgedError("the callback cannot be read") from error
        signed = ("id", "phone", "mes", "to") if "mes" in fields else ("id", "phone", "status")
        secret = "" if self._secret is None else self._secret.get_secret_value()
        words = ":".join([*(fields.get(name, "") for name in signed), secret])
        name = "sha1" if "sha1" in fields else "md5"
        right = hashlib.new(name, words.encode(), usedforsecurity=False).hexdigest()
        require_same(fields.get(name, "").lower(), None if self._secret is None else right)

    def receipts(self, callback: Callback) -> Sequence[SmsReceipt]:
        fields = _form(callback)
        return [
            SmsReceipt(
                message_id=text_at(fields, "id"),
                status=word(text_at(fields, "status")),
                reference=None,
                sender=text_at(fields, "phone"),
            )
        ]

    def replies(self, callback: Callback) -> Sequence[HeardReply]:
        fields = _form(callback)
        return [
            HeardReply(
                external_id=text_at(fields, "id"),
                sender=text_at(fields, "phone"),
                text=text_at(fields, "mes"),
            )
        ]


def _form(callback: Callback) -> dict[str, str]:
    return callback.form(callback.parameter("charset") or "windows-1251")


def word(status: str) -> str:
    """Its status code in the words of receipts; a code that we do not know stays as it is."""
    known = STATUSES.get(status.strip(), status.strip())
    return "delivered" if known in DELIVERED_TOO else known


def own_id(message_id: str) -> str:
    """Our id as the 31 bits that it takes; beside the number that is enough to ask for a message."""
    digest = hashlib.sha256(message_id.encode()).digest()
    return str(int.from_bytes(digest[:4]) % (2**31 - 1) + 1)
