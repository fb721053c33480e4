"""A certificate authority of one's own, for servers on this machine."""

import ipaddress
import ssl
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from careline_common.clock import Clock, SystemClock

LIFE = timedelta(days=30)


class PrivateAuthority:
    """Vouches for `localhost` and `127.0.0.1`. Its files are made anew in `folder`: `ca.pem` to be
    trusted, `server.pem` and `server.key` for a server."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.ca = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        begins = (clock or SystemClock()).now() - timedelta(hours=1)
        authority_key, server_key = _new_key(), _new_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of tests")])
        own = _certificate(name, name, authority_key, begins, x509.BasicConstraints(True, 0))
        server = _certificate(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
            name,
            server_key,
            begins,
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False
        )
        self.ca.write_bytes(_signed(own, authority_key))
        self.certificate.write_bytes(_signed(server, authority_key))
        self.key.touch(mode=0o600)
        self.key.write_bytes(
            server_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def server_context(self) -> ssl.SSLContext:
        """For a server that shows this authority's certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begins: datetime,
    extension: x509.ExtensionType,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + LIFE)
        .add_extension(extension, isinstance(extension, x509.BasicConstraints))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
