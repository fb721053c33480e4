"""Which address a recording has, and which hosts, addresses and types are allowed; pure."""

import ipaddress
from collections.abc import Collection, Iterable
from urllib.parse import quote, urlsplit

AUDIO = ("application/ogg", "application/octet-stream", "binary/octet-stream")
"""What servers call sound beside `audio/…`."""


class NotAllowedError(Exception):
    """An address from which nothing is fetched; the message says why, and holds nothing of the record."""


def address_of(template: str, *, external_id: str, recording: str | None) -> str | None:
    """Where a record's recording is; None where the template asks for what the record does not say."""
    if recording is not None and recording.lower().startswith(("http:", "https:")):
        return recording  # as it is: what is wrong with it is for `check_host` to say
    if "{recording}" in template and not recording:
        return None
    named = {"{external_id}": external_id, "{recording}": recording or ""}
    for place, value in named.items():
        template = template.replace(place, quote(value, safe=""))
    return template


def check_host(url: str, template: str, hosts: Collection[str]) -> None:
    """Raises `NotAllowedError` unless the host is the template's or a named one, as safely as the template's is."""
    own = urlsplit(template)
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise NotAllowedError("the record's address is none") from None
    if "@" in parts.netloc:
        raise NotAllowedError("the address has a login in it")
    if host not in {(own.hostname or "").lower(), *hosts}:
        raise NotAllowedError(f"host {host!r} is not in recordings.hosts")
    if parts.scheme not in {own.scheme, "https"}:
        raise NotAllowedError("the address does not begin with https://")


def check_addresses(
    addresses: Iterable[str], *, networks: Collection[str], loopback: bool
) -> list[str]:
    """The addresses that a host's name stands for, if all of them may be asked; raises `NotAllowedError`.

    Who controls a name could else have us ask a service within our own walls (SSRF; OWASP). `loopback` where the
    configuration names this very machine.
    """
    allowed = [ipaddress.ip_network(network) for network in networks]
    checked = []
    for text in addresses:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        named = any(
            address.version == network.version and address in network for network in allowed
        )
        public = address.is_global and not address.is_multicast
        if not (public or named or (loopback and address.is_loopback)):
            raise NotAllowedError("the host is at a private address that recordings.networks lacks")
        checked.append(str(address))
    if not checked:
        raise NotAllowedError("the host has no address")
    return checked


def is_sound(content_type: str) -> bool:
    """Whether an answer is a recording, by what it calls itself: a page to log in at is none."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("audio/") or kind in AUDIO
