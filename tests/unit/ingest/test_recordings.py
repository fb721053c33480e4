"""Which recordings of partners may be fetched at all: by host, by address, by what comes."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from careline_ingest.config_recordings import Recordings
from careline_ingest.domain.recordings import (
    NotAllowedError,
    address_of,
    check_addresses,
    check_host,
    is_sound,
)

pytestmark = pytest.mark.unit

TEMPLATE = "https://rec.ins7.example/calls/{external_id}.wav"


@pytest.mark.parametrize(
    ("template", "recording", "address"),
    [
        (TEMPLATE, None, "https://rec.ins7.example/calls/A%2F1%3F.wav"),
        ("https://h.example/{recording}", None, None),
        ("https://h.example/{recording}", "../../etc a.wav", "https://h.example/..%2F..%2Fetc%20a.wav"),
        ("https://h.example/f?n={recording}&x=1", "a&b", "https://h.example/f?n=a%26b&x=1"),
        (TEMPLATE, "https://else.example/1.wav", "https://else.example/1.wav"),
        (TEMPLATE, "https://[else.example/1.wav", "https://[else.example/1.wav"),
        ("https://h.example/{recording}", "file:///etc/passwd", "https://h.example/file%3A%2F%2F%2Fetc%2Fpasswd"),
    ],
)  # fmt: skip
def test_what_a_record_says_never_leaves_its_place_in_the_address(
    template: str, recording: str | None, address: str | None
) -> None:
    assert address_of(template, external_id="A/1?", recording=recording) == address


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/1.wav",
        "https://rec.ins7.example.evil.example/1.wav",
        "https://rec.ins7.example@evil.example/1.wav",
        "https://evil.example@rec.ins7.example/1.wav",
        "http://rec.ins7.example/1.wav",
        "https://[::1]/1.wav",
        "gopher://rec.ins7.example/1",
        "https://[rec.ins7.example/1.wav",
        "https://rec.ins7.example:99999/1.wav",
        "https:rec.ins7.example/1.wav",
        "//",
    ],
)
def test_another_host_and_a_weaker_way_are_refused(url: str) -> None:
    with pytest.raises(NotAllowedError):
        check_host(url, TEMPLATE, ["store.ins7.example"])


def test_the_own_host_and_named_ones_are_allowed_however_they_are_written() -> None:
    for url in ("https://REC.ins7.example:8443/x", "https://store.ins7.example/x"):
        check_host(url, TEMPLATE, ["store.ins7.example"])


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.9.9", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "224.0.0.1", "ff02::1", "::",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_within_our_walls_is_asked_also_not_beside_a_public_one(address: str) -> None:
    for addresses in ([address], ["93.184.216.34", address]):
        with pytest.raises(NotAllowedError):
            check_addresses(addresses, networks=[], loopback=False)


@given(number=st.integers(0, 2**32 - 1))
def test_an_address_is_asked_only_if_it_is_public_or_in_a_named_network(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    named = ipaddress.ip_network("10.20.0.0/16")
    may = (address.is_global and not address.is_multicast) or address in named
    try:
        told = check_addresses([str(address)], networks=["10.20.0.0/16"], loopback=False)
    except NotAllowedError:
        assert not may
    else:
        assert (may, told) == (True, [str(address)])


def test_a_name_without_an_address_is_refused_and_this_machine_only_where_it_is_configured() -> (
    None
):
    with pytest.raises(NotAllowedError):
        check_addresses([], networks=[], loopback=True)
    assert check_addresses(["127.0.0.1"], networks=[], loopback=True) == ["127.0.0.1"]
    with pytest.raises(NotAllowedError):
        check_addresses(["10.0.0.1"], networks=[], loopback=True)


@pytest.mark.parametrize(
    ("content_type", "sound"),
    [
        ("audio/wav", True), ("Audio/MPEG; rate=8000", True), ("application/ogg", True),
        ("application/octet-stream", True), ("text/html; charset=utf-8", False), ("", False),
        ("image/svg+xml", False), ("application/json", False), ("audio", False),
    ],
)  # fmt: skip
def test_a_page_to_log_in_at_is_no_recording(content_type: str, sound: bool) -> None:
    assert is_sound(content_type) is sound


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"url": "https://h.example/all.wav"}, "say where the name"),
        ({"url": "http://h.example/{recording}"}, "https://"),
        ({"url": "https://{recording}.example/x"}, "no place in the host"),
        ({"url": "https://u:p@h.example/{recording}"}, "no login"),
        ({"url": "https://h.example/{recording}/{phone}"}, "no places but"),
        ({"url": "ftp://h.example/{recording}"}, "http"),
        ({"url": TEMPLATE, "hosts": ["rec.ins7.example"]}, "need not be named"),
        ({"url": TEMPLATE, "networks": ["10.20.0.1/16"]}, "no network"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_reason(given: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Recordings.model_validate(given)
