"""The frames of SMPP 3.4: headers and the small PDUs; submit_sm and deliver_sm are smpp34's."""

import asyncio
import struct
from dataclasses import dataclass

import smpp34

BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x1, 0x2, 0x9
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x4, 0x5, 0x6, 0x15
OUTBIND, ALERT_NOTIFICATION = 0xB, 0x102
RESPONSE = 0x8000_0000
GENERIC_NACK = RESPONSE

OK = 0x0
BAD_COMMAND, BAD_BIND_STATE, ALREADY_BOUND, SYSTEM_ERROR = 0x3, 0x4, 0x5, 0x8
BIND_FAILED, QUEUE_FULL, THROTTLED = 0xD, 0x14, 0x58
TEMPORARY, PERMANENT, UNKNOWN_ERROR = 0x64, 0x65, 0xFF

NAMES = {
    0x1: "ESME_RINVMSGLEN", 0x2: "ESME_RINVCMDLEN", 0x3: "ESME_RINVCMDID", 0x4: "ESME_RINVBNDSTS",
    0x5: "ESME_RALYBND", 0x6: "ESME_RINVPRTFLG", 0x7: "ESME_RINVREGDLVFLG", 0x8: "ESME_RSYSERR",
    0xA: "ESME_RINVSRCADR", 0xB: "ESME_RINVDSTADR", 0xC: "ESME_RINVMSGID", 0xD: "ESME_RBINDFAIL",
    0xE: "ESME_RINVPASWD", 0xF: "ESME_RINVSYSID", 0x14: "ESME_RMSGQFUL", 0x15: "ESME_RINVSERTYP",
    0x43: "ESME_RINVESMCLASS", 0x45: "ESME_RSUBMITFAIL", 0x48: "ESME_RINVSRCTON",
    0x49: "ESME_RINVSRCNPI", 0x50: "ESME_RINVDSTTON", 0x51: "ESME_RINVDSTNPI",
    0x53: "ESME_RINVSYSTYP", 0x58: "ESME_RTHROTTLED", 0x61: "ESME_RINVSCHED", 0x62: "ESME_RINVEXPIRY",
    0x64: "ESME_RX_T_APPN", 0x65: "ESME_RX_P_APPN", 0xC0: "ESME_RINVOPTPARSTREAM",
    0xC2: "ESME_RINVPARLEN", 0xFE: "ESME_RDELIVERYFAILURE", 0xFF: "ESME_RUNKNOWNERR",
}  # fmt: skip

MESSAGE_PAYLOAD, USER_MESSAGE_REFERENCE = 0x0424, 0x0204
SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x020C, 0x020E, 0x020F
RECEIPTED_MESSAGE_ID, MESSAGE_STATE = 0x001E, 0x0427
"""Tags of optional parameters."""

HEADER = struct.Struct(">IIII")
LONGEST = 1 << 17
"""Octets: more than any PDU with a whole message_payload has."""


class ProtocolError(Exception):
    """What came in is no SMPP; nothing after it on this connection can be read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One PDU as it came in; `data` is all of it, with its header."""

    command: int
    status: int
    sequence: int
    data: bytes

    def text(self) -> str:
        """The C string a response begins with: a message id or a system id; empty without one."""
        return self.data[HEADER.size :].partition(b"\0")[0].decode("latin-1")

    def deliver_sm(self) -> smpp34.DeliverSm:
        """Raises `smpp34.SmppError` for one that cannot be read."""
        found = smpp34.decode(self.data)
        assert isinstance(found, smpp34.DeliverSm)
        return found

    def submit_sm(self) -> smpp34.SubmitSm:
        """Raises `smpp34.SmppError` for one that cannot be read."""
        found = smpp34.decode(self.data)
        assert isinstance(found, smpp34.SubmitSm)
        return found


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next PDU. Raises `ProtocolError`, and `asyncio.IncompleteReadError` at the end."""
    header = await reader.readexactly(HEADER.size)
    length, command, status, sequence = HEADER.unpack(header)
    if not HEADER.size <= length <= LONGEST:
        raise ProtocolError(f"a PDU of {length} octets")
    body = await reader.readexactly(length - HEADER.size)
    return Frame(command, status, sequence, header + body)


def encode(command: int, sequence: int, body: bytes = b"", status: int = OK) -> bytes:
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def c_string(text: str) -> bytes:
    return text.encode("latin-1", "replace") + b"\0"


def bind_body(system_id: str, password: str, system_type: str) -> bytes:
    """Of all three binds; interface_version 3.4, any address."""
    return (
        c_string(system_id) + c_string(password) + c_string(system_type) + b"\x34\x00\x00" + b"\0"
    )


def name_of(status: int) -> str:
    """The standard's name of a command_status."""
    return NAMES.get(status, f"0x{status:08X}")
