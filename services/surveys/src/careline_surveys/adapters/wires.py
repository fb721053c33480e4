"""The formats of each kind of HTTP provider."""

from careline_surveys.adapters.http.aliyun import AliyunWire
from careline_surveys.adapters.http.generic import GenericWire
from careline_surveys.adapters.http.kavenegar import KavenegarWire
from careline_surveys.adapters.http.mapped import MappedWire
from careline_surveys.adapters.http.smsc_ru import SmscRuWire
from careline_surveys.adapters.http.twilio import TwilioWire
from careline_surveys.adapters.http.wire import Wire
from careline_surveys.config_sms import SmsEntry

LOOK_UP = frozenset({"kavenegar", "smsc_ru", "twilio", "aliyun"})
"""Kinds that can be asked for a message of unknown outcome."""


def wire_of(entry: SmsEntry, callback_url: str) -> Wire:
    """`callback_url` is where this provider finds `…/status` and `…/inbound`."""
    if entry.kind == "kavenegar":
        return KavenegarWire(entry)
    if entry.kind == "smsc_ru":
        return SmscRuWire(entry)
    if entry.kind == "twilio":
        return TwilioWire(entry, callback_url)
    if entry.kind == "aliyun":
        return AliyunWire(entry)
    if entry.kind == "http":
        return MappedWire(entry)
    assert entry.url is not None
    assert entry.secret is not None
    return GenericWire(url=entry.url, secret=entry.secret)
