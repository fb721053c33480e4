"""SMPP's bytes: alphabets, parts, receipts and ids, against oracles that share no code with them."""

from itertools import pairwise

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.adapters.smpp import pdu
from careline_surveys.adapters.smpp.coding import decode, encode, text_of
from careline_surveys.adapters.smpp.parts import bodies, read
from careline_surveys.adapters.smpp.receipts import canonical, is_receipt, read_receipt
from careline_surveys.domain.invitations import of_parts

pytestmark = pytest.mark.unit

GSM_LETTERS = "@£$¥èéùìòÇ ABCXYZabcxyz0123456789ÄÖÑÜ§¿äöñüà"
GSM_EXTENSION = "^{}\\[~]|€"
WAYS = ("udh", "udh8", "sar", "payload")


def joined(text: str, way: str) -> tuple[list[bytes], bytes]:
    """(contents of the parts, user data without headers) after a trip through the codec."""
    encoded = encode(text, "gsm7", way)
    found = []
    for body in bodies(encoded, way, 0xABCD):
        tlvs = [smpp34.Tlv(tag, value) for tag, value in body.tlvs]
        sent = smpp34.SubmitSm(
            "1", "2", body.short_message, esm_class=body.esm_class, data_coding=body.data_coding,
            tlvs=tlvs, sequence_number=1,
        )  # fmt: skip
        back = smpp34.decode(sent.encode())
        assert isinstance(back, smpp34.SubmitSm)
        found.append(read(back)[0])
    return found, b"".join(found)


@given(st.text(alphabet=GSM_LETTERS + GSM_EXTENSION, min_size=1, max_size=700))
def test_gsm_texts_come_back_and_no_escape_is_cut(text: str) -> None:
    for way in WAYS:
        parts, whole = joined(text, way)
        assert decode(whole, 0, "gsm7") == text
        assert all(part[-1] != 0x1B for part in parts)
        septets = sum(2 if char in GSM_EXTENSION else 1 for char in text)
        assert (len(parts) == 1) == (septets <= 160 or way == "payload")


@given(st.text(alphabet="аяё😀𝄞 ۵پ评", min_size=1, max_size=400))
def test_other_texts_come_back_and_no_pair_is_cut(text: str) -> None:
    for way in WAYS:
        parts, whole = joined(text + "я", way)
        assert whole == (text + "я").encode("utf-16-be")
        for part in parts:
            assert part.decode("utf-16-be")
        if way != "payload" and len(parts) > 1:
            room = {"udh": 132, "udh8": 134, "sar": 134}[way]
            assert all(len(part) <= room for part in parts)
            assert all(len(one) > room - 4 for one, _ in pairwise(parts))


@pytest.mark.parametrize(
    ("way", "header"),
    [("udh", bytes([6, 8, 4, 0xAB, 0xCD, 2, 1])), ("udh8", bytes([5, 0, 3, 0xCD, 2, 1]))],
)
def test_the_header_of_a_part_is_that_of_gsm_03_40(way: str, header: bytes) -> None:
    first = bodies(encode("x" * 161, "gsm7", way), way, 0xABCD)[0]
    assert first.short_message.startswith(header + b"x")
    assert first.esm_class == 0x40
    assert len(first.short_message) - len(header) + -(-8 * len(header) // 7) == 160


@pytest.mark.parametrize(
    ("content", "coding", "alphabet", "text"),
    [
        (b"\x00\x1b\x65", 0, "gsm7", "@€"),
        (b"\xe9t\xe9", 0, "gsm7", "été"),
        (b"\xe9t\xe9", 0, "latin1", "été"),
        (b"\xe9", 3, "gsm7", "é"),
        (b"\xbf\xef", 6, "gsm7", "Пя"),
        ("５".encode("utf-16-be"), 8, "gsm7", "５"),
        ("۵".encode("utf-16-be"), 0x18, "gsm7", "۵"),
        (b"5", 0xF0, "gsm7", "5"),
        (b"\x04\x3f\x04", 8, "gsm7", "п\ufffd"),
    ],
)
def test_replies_are_read_in_every_alphabet(content, coding, alphabet, text) -> None:
    assert decode(content, coding, alphabet) == text


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from(["gsm7", "latin1"]))
def test_no_bytes_at_all_can_break_reading(content: bytes, coding: int, alphabet: str) -> None:
    assert "\0" not in text_of(f"{coding}:{alphabet}", content)


@given(st.integers(0, 2**64 - 1), st.integers(0, 8))
def test_an_id_is_the_same_in_hex_and_decimal_with_zeros_or_without(
    number: int, zeros: int
) -> None:
    hexadecimal = {canonical(form.format(number), "hex") for form in ("{:x}", "{:X}", "0x{:x}")}
    assert hexadecimal == {canonical("0" * zeros + str(number), "decimal")}
    assert canonical("0" * zeros + f"{number:X}", "text") == canonical(f"{number:x}", "text")


@pytest.mark.parametrize("base", ["decimal", "hex"])
@pytest.mark.parametrize("other", ["1_2", "+12", "-12", "1 2", "12h", "9" * 5000])
def test_what_only_looks_like_a_number_is_no_number(base, other) -> None:
    assert canonical(other, base) == other


def receipt(text: str = "", **tlvs: bytes) -> smpp34.DeliverSm:
    tags = {"id": pdu.RECEIPTED_MESSAGE_ID, "state": pdu.MESSAGE_STATE, "ref": 0x0204}
    values = [smpp34.Tlv(tags[name], value) for name, value in tlvs.items()]
    return smpp34.DeliverSm("79031234567", "1420", text.encode(), esm_class=4, tlvs=values)


@pytest.mark.parametrize(
    ("told", "message_id", "status", "reference"),
    [
        (
            receipt("id:00A1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:id:9"),
            "a1",
            "DELIVRD",
            None,
        ),
        (receipt("ID: a1 SUB:1 Stat: undeliv ERR:1"), "a1", "UNDELIV", None),
        (receipt(id=b"A1\0", state=b"\x02"), "a1", "DELIVRD", None),
        (receipt("id:77 stat:ENROUTE", id=b"a1\0", state=b"\x05"), "a1", "UNDELIV", None),
        (receipt("id:a1 stat:REJECTD", state=b"\x63"), "a1", "REJECTD", None),
        (receipt("stat:EXPIRED", ref=b"\x01\x02"), None, "EXPIRED", 258),
        (receipt("id:a1 stat:DELIVRD", ref=b"\xff\xff\xff\xff"), "a1", "DELIVRD", None),
        (receipt(id=b"a1\0b\0", state=b"\x02"), "a1", "DELIVRD", None),
    ],
)
def test_receipts_are_read_from_text_and_parameters(told, message_id, status, reference) -> None:
    assert is_receipt(told)
    found = read_receipt(told, "gsm7", "text")
    assert found is not None
    assert (found.message_id, found.status, found.reference) == (message_id, status, reference)


def test_an_id_ends_where_c_ends_a_string() -> None:
    found = read_receipt(receipt("id:a1\0b stat:DELIVRD"), "latin1", "text")
    assert found is not None
    assert found.message_id == "a1"


def test_a_receipt_without_a_state_says_nothing() -> None:
    assert read_receipt(receipt("id:a1"), "gsm7", "text") is None


@pytest.mark.parametrize(
    ("states", "total", "made"),
    [
        (["accepted"], 2, None),
        (["delivered"], 2, None),
        (["failed"], 2, "failed"),
        (["accepted", "accepted"], 2, "accepted"),
        (["delivered", "accepted"], 2, "accepted"),
        (["delivered", "delivered"], 2, "delivered"),
        (["delivered", "failed", "accepted"], 3, "failed"),
    ],
)
def test_a_message_is_delivered_when_all_its_parts_are(states, total, made) -> None:
    assert of_parts(states, total) == made
