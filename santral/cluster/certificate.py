"""Make the certificate under which secrets are handed out once, and check its dates on the other machine."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CODE_S = 600.0
"""Time for which a code and its certificate are good: enough to walk to another machine."""

SKEW = timedelta(minutes=5)
"""Difference by which the clock of the joining machine may be behind."""


class JoinCertificate:
    """A new key and its certificate, in memory only."""

    def __init__(self, now: datetime | None = None) -> None:
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "santral cluster init")])
        made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - SKEW)
                .not_valid_after(now + timedelta(seconds=CODE_S)).sign(key, hashes.SHA256()))
        self.der = made.public_bytes(serialization.Encoding.DER)
        self._pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def server_context(self) -> ssl.SSLContext:
        """Return the server's side of TLS 1.3. The key is in no file: the library reads it from memory."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        handle = os.memfd_create("santral-join", os.MFD_CLOEXEC)
        try:
            os.write(handle, self._pem)
            context.load_cert_chain(f"/proc/self/fd/{handle}")
        finally:
            os.close(handle)
        return context


def client_context() -> ssl.SSLContext:
    """Return the joining side of TLS 1.3. It trusts no authority: the caller compares the fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def find_wrong_date(certificate: bytes, now: datetime) -> str:
    """Return why a certificate in DER is not valid now, or an empty text."""
    found = x509.load_der_x509_certificate(certificate)
    if now >= found.not_valid_after_utc:
        return f"expired at {found.not_valid_after_utc:%H:%M:%S} UTC"
    return f"begins at {found.not_valid_before_utc:%H:%M:%S} UTC" if now < found.not_valid_before_utc else ""
