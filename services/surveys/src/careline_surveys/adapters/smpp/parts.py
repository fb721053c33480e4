"""Messages in parts: written by user data header, sar_* parameters or message_payload, and read back.

User data headers: GSM 03.40, 9.2.3.24. Optional parameters: SMPP 3.4, 5.3.2.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import smpp34

from careline_surveys.adapters.smpp import pdu
from careline_surveys.adapters.smpp.coding import Encoded, LongMessages

UDHI = 0x40
CONCAT_8, CONCAT_16 = 0x00, 0x08
LONGEST_SHORT = 160
"""Octets of a message that goes as one; a longer single part needs message_payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What one submit_sm or deliver_sm carries of a text."""

    data_coding: int
    esm_class: int = 0
    short_message: bytes = b""
    tlvs: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a part: the `number`th of `total`, counted from one."""

    reference: int
    total: int
    number: int


def bodies(encoded: Encoded, long_messages: LongMessages, reference: int) -> Sequence[Body]:
    """One for each submit_sm. `reference` (16 bits) is the same in all parts."""
    coding, total = encoded.data_coding, len(encoded.parts)
    if len(encoded.parts[0]) > LONGEST_SHORT:
        payload = (pdu.MESSAGE_PAYLOAD, encoded.parts[0])
        return [Body(data_coding=coding, tlvs=(payload,))]
    if total == 1:
        return [Body(data_coding=coding, short_message=encoded.parts[0])]
    return [
        _part(
            coding, content, long_messages, Place(reference=reference, total=total, number=number)
        )
        for number, content in enumerate(encoded.parts, 1)
    ]


def _part(coding: int, content: bytes, long_messages: LongMessages, place: Place) -> Body:
    if long_messages == "sar":
        tlvs = (
            (pdu.SAR_REFERENCE, struct.pack(">H", place.reference)),
            (pdu.SAR_TOTAL, bytes([place.total])),
            (pdu.SAR_NUMBER, bytes([place.number])),
        )
        return Body(data_coding=coding, short_message=content, tlvs=tlvs)
    if long_messages == "udh8":
        header = struct.pack(
            ">BBBBBB", 5, CONCAT_8, 3, place.reference & 0xFF, place.total, place.number
        )
    else:
        header = struct.pack(">BBBHBB", 6, CONCAT_16, 4, place.reference, place.total, place.number)
    return Body(data_coding=coding, esm_class=UDHI, short_message=header + content)


def read(found: smpp34.DeliverSm | smpp34.SubmitSm) -> tuple[bytes, Place | None]:
    """(content, place): what a message says, without headers; place is None where it is whole."""
    tlvs = {tlv.tag: tlv.value for tlv in found.tlvs}
    content = found.short_message or tlvs.get(pdu.MESSAGE_PAYLOAD, b"")
    if found.esm_class & UDHI and content:
        end = 1 + content[0]
        return content[end:], _place_in(_elements(content[1:end]))
    return content, _place_of(tlvs)


def _elements(header: bytes) -> Iterable[tuple[int, bytes]]:
    while len(header) >= 2:
        kind, length = header[0], header[1]
        yield kind, header[2 : 2 + length]
        header = header[2 + length :]


def _place_in(elements: Iterable[tuple[int, bytes]]) -> Place | None:
    for kind, value in elements:
        if kind == CONCAT_8 and len(value) == 3:
            return _sound(*value)
        if kind == CONCAT_16 and len(value) == 4:
            return _sound(int.from_bytes(value[:2]), value[2], value[3])
    return None


def _place_of(tlvs: dict[int, bytes]) -> Place | None:
    tags = (
        pdu.SAR_REFERENCE,
        pdu.SAR_TOTAL,
        pdu.SAR_NUMBER,
    )
    if not all(tlvs.get(tag) for tag in tags):
        return None
    return _sound(*(int.from_bytes(tlvs[tag]) for tag in tags))


def _sound(reference: int, total: int, number: int) -> Place | None:
    """A place that makes sense; nonsense counts as a whole message, so that nothing is lost."""
    if total < 2 or not 1 <= number <= total:
        return None
    return Place(reference=reference, total=total, number=number)
