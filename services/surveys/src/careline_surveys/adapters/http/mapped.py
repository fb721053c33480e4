"""A provider described in the configuration: where in its formats everything stands."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from careline_common.http.problem import MalformedRequest
from careline_surveys.adapters.http.proof import require_same
from careline_surveys.adapters.http.wire import (
    LONGEST_ID,
    THROTTLED,
    Ask,
    Callback,
    Thanks,
    Told,
    named,
    refused_by_status,
    retry_after_s,
)
from careline_surveys.config_sms import SmsEntry
from careline_surveys.config_sms_map import SLOT, MapEntry
from careline_surveys.ports import Found, Handover, HeardReply, OutgoingSms, SentSms, SmsReceipt

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]")


class MappedWire:
    def __init__(self, entry: SmsEntry) -> None:
        assert entry.url is not None
        assert entry.map is not None
        self._url = entry.url
        self._map: MapEntry = entry.map
        self._source = entry.source
        self._key = "" if entry.key is None else entry.key.get_secret_value()
        self._secret = entry.callback_secret
        self.thanks = Thanks(content=self._map.thanks.encode())

    def ask(self, sms: OutgoingSms, _now: datetime) -> Ask:
        to = sms.to if self._map.number == "e164" else sms.to.removeprefix("+")
        slots = {"id": sms.id, "to": to, "text": sms.text, "from": self._source, "key": self._key}
        fields = {name: _filled(text, slots) for name, text in self._map.send.items()}
        headers = {name.lower(): _filled(text, slots) for name, text in self._map.headers.items()}
        if self._map.method == "GET":
            join = "&" if "?" in self._url else "?"
            return Ask(method="GET", url=f"{self._url}{join}{urlencode(fields)}", headers=headers)
        if self._map.body == "form":
            content, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        else:
            content, kind = json.dumps(fields, ensure_ascii=False).encode(), "application/json"
        return Ask(url=self._url, content=content, headers={"content-type": kind} | headers)

    def outcome(self, _sms: OutgoingSms, told: Told) -> Handover:
        answer, document = self._map.answer, told.document()
        code = None if answer.code is None else named(at(document, answer.code))
        if told.status in answer.refused_statuses:
            return Handover(outcome="refused", reason=THROTTLED, retry_after_s=retry_after_s(told))
        if code is not None and code in answer.refused:
            return Handover(outcome="refused")
        if code is not None and code in answer.failed:
            return Handover(outcome="failed", reason=f"code {code[:80]}")
        message_id = named(at(document, answer.message_id))
        taken = code in answer.accepted if answer.code is not None else 200 <= told.status < 300
        if taken and message_id is not None:
            return Handover(outcome="accepted", provider_message_id=message_id)
        return refused_by_status(told) or Handover(outcome="unknown")

    def look_up(self, _sent: SentSms, _now: datetime) -> Ask | None:
        return None

    def found(self, _sent: SentSms, _told: Told) -> Found | None:
        return None

    def prove(self, callback: Callback) -> None:
        proof = self._map.proof
        secret = None if self._secret is None else self._secret.get_secret_value()
        if proof.by == "query":
            require_same(callback.parameter(proof.name), secret)
            return
        given = callback.headers.get(proof.name.lower())
        if proof.by == "header":
            require_same(given, secret)
            return
        digest = hmac.new(
            (secret or "").encode(), callback.body, getattr(hashlib, proof.by.removeprefix("hmac-"))
        )
        right = (
            digest.hexdigest()
            if proof.encoding == "hex"
            else base64.b64encode(digest.digest()).decode()
        )
        require_same(given, None if secret is None else right)

    def receipts(self, callback: Callback) -> Sequence[SmsReceipt]:
        where = self._map.status
        if where is None:
            raise MalformedRequest("no receipts are mapped for this provider")
        fields = callback.fields()
        word = _at(fields, where.status)
        return [
            SmsReceipt(
                message_id=_at(fields, where.message_id)[:LONGEST_ID],
                status=where.words.get(word, word),
                reference=None,
                sender=None if where.sender is None else named(at(fields, where.sender)),
            )
        ]

    def replies(self, callback: Callback) -> Sequence[HeardReply]:
        where = self._map.inbound
        if where is None:
            raise MalformedRequest("no replies are mapped for this provider")
        fields = callback.fields()
        return [
            HeardReply(
                external_id=_at(fields, where.id)[:LONGEST_ID],
                sender=_at(fields, where.sender),
                text=_at(fields, where.text),
            )
        ]


def _filled(text: str, slots: Mapping[str, str]) -> str:
    """In one pass, so that a text with braces in it stays as it is."""
    return SLOT.sub(lambda match: slots[match[1]], text)


def at(document: Any, path: str) -> Any:
    """The value at a path such as `$.data[0].id`; None where the path leads nowhere."""
    value = document
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name and isinstance(value, Mapping):
            value = value.get(name)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return None
    return value


def _at(document: Any, path: str) -> str:
    """The text or number at a path; raises 400 with the path."""
    value = at(document, path)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedRequest(f"the callback has nothing at {path}")
    return str(value)
