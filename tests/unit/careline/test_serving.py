"""Where others reach what listens here."""

import socket

import pytest

from careline.serving import address_of, listen


@pytest.mark.parametrize(
    ("host", "given", "expected"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:{port}"),
        ("0.0.0.0", None, f"http://{socket.gethostname()}:{{port}}"),
        ("0.0.0.0", "10.1.2.3", "http://10.1.2.3:{port}"),
        ("0.0.0.0", "fd00::7", "http://[fd00::7]:{port}"),
        ("127.0.0.1", "http://router-1.example.org:8443", "http://router-1.example.org:8443"),
    ],
)
def test_the_address_is_what_was_given_or_where_it_listens(
    host: str, given: str | None, expected: str
) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener, given) == expected.format(port=port)
