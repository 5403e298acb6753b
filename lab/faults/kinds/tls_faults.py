"""Faults of TLS: a broker whose certificate has expired and comes from nobody the node knows."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.faults.fault_place import FaultPlace

AGO = timedelta(days=2)
READ_MAX = 1024


@asynccontextmanager
async def offer_expired(place: FaultPlace) -> AsyncIterator[None]:
    """Answer at the broker's port with an expired certificate. A node that says anything behind it trusts too much."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_write_certificate(place.lab.folder / "expired.pem"))
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            told.append(await reader.read(READ_MAX))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", place.free_port, ssl=context)
    try:
        yield
    finally:
        server.close()
    if any(told):
        place.problems.append("the node spoke to a broker whose certificate has expired")
    log = await asyncio.to_thread((place.lab.folder / "node.log").read_text, encoding="utf-8")
    refused = [line for line in log.splitlines() if "mqtt" in line and "certificate" in line]
    place.notes.append(f"the node told {len(refused)} times in its log that it does not trust the broker")


def _write_certificate(path: Path) -> Path:
    """Write key and certificate of a server, which ended yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - 2 * AGO)
                   .not_valid_after(now - AGO / 2).sign(key, hashes.SHA256()))
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption())
                     + certificate.public_bytes(serialization.Encoding.PEM))
    return path
