"""Delivery receipts: by optional parameters or by their text, which is custom and not standard.

`id:IIII sub:SSS dlvrd:DDD submit date:… done date:… stat:DDDDDDD err:E text:…` (SMPP 3.4, appendix B).
Dates in it have no zone and are not read.
"""

import re
from typing import Literal

import smpp34

from careline_surveys.adapters.smpp import pdu
from careline_surveys.adapters.smpp.coding import Alphabet, decode
from careline_surveys.adapters.smpp.parts import read
from careline_surveys.ports import SmsReceipt

IdBase = Literal["text", "hex", "decimal"]
"""How an SMSC writes its message ids; many write them one way here and another way there."""

STATES = {
    1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN",
    8: "REJECTD",
}  # fmt: skip

_KIND = 0x3C
_RECEIPT, _INTERMEDIATE = 0x04, 0x20
_ID = re.compile(r"\bid:\s*([^\s:\0]+)", re.IGNORECASE)
_DIGITS = {"hex": re.compile(r"(?:0x)?([0-9a-f]{1,64})"), "decimal": re.compile(r"([0-9]{1,64})")}
_STAT = re.compile(r"\bstat:\s*([a-z]+)", re.IGNORECASE)


def canonical(message_id: str, base: IdBase) -> str:
    """An id in one form, whichever way it was written: `0x1F` in hex is `31`, as is `0031`.

    Ids that are no numbers in this base are compared without case and leading zeros.
    """
    text = message_id.strip().lower()
    number = _DIGITS[base].fullmatch(text) if base != "text" else None
    if number is not None:
        return str(int(number[1], 16 if base == "hex" else 10))
    return text.lstrip("0") or "0"


def is_receipt(found: smpp34.DeliverSm) -> bool:
    kind = found.esm_class & _KIND
    tags = {tlv.tag for tlv in found.tlvs}
    return kind in {_RECEIPT, _INTERMEDIATE} or pdu.RECEIPTED_MESSAGE_ID in tags


def read_receipt(found: smpp34.DeliverSm, alphabet: Alphabet, base: IdBase) -> SmsReceipt | None:
    """The receipt; None when it names no state, so that nothing could follow from it."""
    tlvs = {tlv.tag: tlv for tlv in found.tlvs}
    text = decode(read(found)[0], found.data_coding, alphabet)
    receipted = tlvs.get(pdu.RECEIPTED_MESSAGE_ID)
    named = None if receipted is None else receipted.value.partition(b"\0")[0].decode("latin-1")
    in_text = _ID.search(text)
    message_id = named or (None if in_text is None else in_text[1])
    status = _status(tlvs.get(pdu.MESSAGE_STATE), _STAT.search(text))
    if status is None:
        return None
    reference = tlvs.get(pdu.USER_MESSAGE_REFERENCE)
    return SmsReceipt(
        message_id=None if not message_id else canonical(message_id, base),
        status=status,
        reference=_two_octets(reference),
        sender=found.source_addr,
    )


def _two_octets(reference: smpp34.Tlv | None) -> int | None:
    """user_message_reference (5.3.2.17); in another length it is not one of ours."""
    return None if reference is None or len(reference.value) != 2 else reference.as_int()


def _status(state: smpp34.Tlv | None, stat: re.Match[str] | None) -> str | None:
    """The parameter goes before the text, unless it says what the standard does not know."""
    value = None if state is None else state.as_int()
    if value in STATES:
        return STATES[value]
    return None if stat is None else stat[1].upper()
