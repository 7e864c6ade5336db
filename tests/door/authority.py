#!/usr/bin/env python3
"""Certificates of an authority of one's own, as someone brings them to the controller.

authority.py FOLDER     makes them there and says so, unless they are there and good for a while
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = datetime.timedelta(days=1)


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key(self) -> str:
        plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.private.private_bytes(serialization.Encoding.PEM, *plain).decode()


def pair(
    name: str, issuer: Pair | None = None, names: list[str] | None = None, begins: int = -1, ends: int = 90
) -> Pair:
    """A CA's pair, or with ``names`` a server's; good from so many days to so many days after now."""
    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
    return Pair(builder.sign(issuer.private if issuer else private, hashes.SHA256()), private)


def make(folder: Path) -> None:
    root = pair("Test Root")
    middle = pair("Test Intermediate", root)
    given = pair("given", middle, ["given.example.com"])
    directory = pair("directory", root, ["localhost"])
    for name, text in {
        "root.pem": root.pem,
        "given.pem": given.pem + middle.pem + root.pem,
        "given.key": given.key,
        "swapped.key": pair("other").key,
        "directory.pem": directory.pem,
        "directory.key": directory.key,
    }.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    try:
        until = x509.load_pem_x509_certificate((target / "given.pem").read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        until = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)
    # Near its end the host would speak of it.
    if until < datetime.datetime.now(datetime.timezone.utc) + 40 * DAY:
        make(target)
        print("made")
