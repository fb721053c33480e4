"""Kavenegar (Iran): `sms/send.json`, and callbacks that its panel sends to our addresses.

Its callbacks carry no signature: they are known by a secret in the address that is given to the
panel, `…/status?secret=…`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

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

URL = "https://api.kavenegar.com"
FORM = {"content-type": "application/x-www-form-urlencoded"}

STATUSES: Mapping[str, str] = {
    "1": "queued", "2": "scheduled", "4": "sent", "5": "sent", "6": "failed", "10": "delivered",
    "11": "undelivered", "13": "cancelled", "14": "filtered", "100": "invalid_id",
}  # fmt: skip
NOBODY = "100"
BLAME = frozenset({"cancelled", "filtered"})
"""Words of its own for what will not be delivered."""

BUSY = frozenset({451})
OF_ACCOUNT = frozenset({401, 403, 404, 405, 407, 412, 418, 419, 426, 427, 501, 502, 503, 504, 505})
"""Its errors for which no message is to blame: key, credit, sender number, plan. Nothing was sent."""
OF_MESSAGE = frozenset({400, 406, 411, 413, 414, 415, 416, 417, 420, 422, 424, 428, 431, 432, 606})


class KavenegarWire:
    thanks = Thanks()

    def __init__(self, entry: SmsEntry) -> None:
        assert entry.key is not None
        key = quote(entry.key.get_secret_value(), safe="")
        self._base = f"{(entry.url or URL).rstrip('/')}/v1/{key}/sms"
        self._source = entry.source
        self._secret = entry.callback_secret

    def ask(self, sms: OutgoingSms, _now: datetime) -> Ask:
        fields = {"receptor": written(sms.to), "message": sms.text, "localid": local_id(sms.id)}
        if self._source:
            fields["sender"] = self._source
        return Ask(url=f"{self._base}/send.json", content=urlencode(fields).encode(), headers=FORM)

    def outcome(self, _sms: OutgoingSms, told: Told) -> Handover:
        document = object_of(told.document())
        status = object_of(document.get("return")).get("status")
        if status == 200:
            entries = document.get("entries")
            first = object_of(entries[0] if isinstance(entries, list) and entries else None)
            message_id = named(first.get("messageid"))
            if message_id is not None:
                return Handover(outcome="accepted", provider_message_id=message_id)
            return Handover(outcome="unknown")
        if status in BUSY:
            return Handover(outcome="refused", reason=THROTTLED)
        if status in OF_ACCOUNT:
            return Handover(outcome="refused", reason=ACCOUNT)
        if status in OF_MESSAGE:
            return Handover(outcome="failed", reason=f"kavenegar {status}")
        return (None if status else refused_by_status(told)) or Handover(outcome="unknown")

    def look_up(self, sent: SentSms, _now: datetime) -> Ask | None:
        fields = {"localid": local_id(sent.sms.id)}
        return Ask(
            url=f"{self._base}/statuslocalmessageid.json",
            content=urlencode(fields).encode(),
            headers=FORM,
        )

    def found(self, sent: SentSms, told: Told) -> Found | None:
        entries = object_of(told.document()).get("entries")
        for entry in entries if isinstance(entries, list) else []:
            each = object_of(entry)
            message_id, status = named(each.get("messageid")), str(each.get("status"))
            right = named(each.get("localid")) == local_id(sent.sms.id)
            if right and message_id not in {None, "0"} and status != NOBODY:
                assert message_id is not None
                return Found(message_id=message_id, status=word(status))
        return None

    def prove(self, callback: Callback) -> None:
        require_secret(callback, self._secret)

    def receipts(self, callback: Callback) -> Sequence[SmsReceipt]:
        fields = callback.fields()
        return [
            SmsReceipt(
                message_id=text_at(fields, "messageid"),
                status=word(text_at(fields, "status")),
                reference=None,
                sender=None,
            )
        ]

    def replies(self, callback: Callback) -> Sequence[HeardReply]:
        fields = callback.fields()
        return [
            HeardReply(
                external_id=text_at(fields, "messageid"),
                sender=read(text_at(fields, "from")),
                text=text_at(fields, "message"),
            )
        ]


def word(status: str) -> str:
    """Its status code in the words of receipts; a code that we do not know stays as it is."""
    known = STATUSES.get(status.strip(), status.strip())
    return "failed" if known in BLAME else known


def local_id(message_id: str) -> str:
    """Our id as the 63 bits that it keeps of one; with it a message can be asked for."""
    digest = hashlib.sha256(message_id.encode()).digest()
    return str(int.from_bytes(digest[:8]) >> 1)


def written(number: str) -> str:
    """A number as it wants it: `09…` in Iran, `00` and the country code elsewhere."""
    digits = number.removeprefix("+")
    return f"0{digits[2:]}" if digits.startswith("98") else f"00{digits}"


def read(number: str) -> str:
    """An Iranian number without its country code with it; others as they are."""
    bare = number.strip()
    national = bare.startswith("0") and not bare.startswith("00")
    return f"+98{bare[1:]}" if national else bare
