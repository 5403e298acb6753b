"""Make and read the code of a join: a secret, the fingerprint of a certificate, and a check against typing errors.

The joining machine compares the fingerprint before it sends anything. The secret proves the joining machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

from santral.errors import SantralError

SECRET_BYTES = 16
"""Length of the secret: 128 bits cannot be guessed in the time of a code."""

PRINT_BYTES = 16
"""Length of the fingerprint in the code. Nobody makes a second certificate for 128 given bits."""

CHECK_BYTES = 3
"""Length of the check, so that a typing error is found before a machine is asked."""

GROUP = 4
"""Letters between two hyphens."""

PURPOSE = b"santral cluster join\0"


class JoinCode(NamedTuple):
    """The code that `santral cluster init` prints."""

    secret: bytes
    fingerprint: bytes
    """First bytes of the digest of the certificate."""

    @classmethod
    def make_code(cls, certificate: bytes) -> JoinCode:
        """Return a new code for a certificate in DER."""
        return cls(secrets.token_bytes(SECRET_BYTES), digest_certificate(certificate)[:PRINT_BYTES])

    @classmethod
    def read_code(cls, text: str) -> JoinCode:
        """Return the code that somebody typed or pasted. Raise SantralError if it is none."""
        letters = "".join(text.split()).replace("-", "").upper()
        try:
            content = base64.b32decode(letters)
        except ValueError:
            content = b""
        body, check = content[:-CHECK_BYTES], content[-CHECK_BYTES:]
        if len(body) != SECRET_BYTES + PRINT_BYTES or not hmac.compare_digest(check, _check_of(body)):
            raise SantralError("this is no join code: a letter is wrong, or a part is missing. Copy all of the line "
                               "that `santral cluster init` printed")
        return cls(body[:SECRET_BYTES], body[SECRET_BYTES:])

    def __str__(self) -> str:
        """Return the code as it is shown and typed."""
        body = self.secret + self.fingerprint
        letters = base64.b32encode(body + _check_of(body)).decode("ascii")
        return "-".join(letters[start:start + GROUP] for start in range(0, len(letters), GROUP))

    def fits_certificate(self, certificate: bytes) -> bool:
        """Return whether a certificate in DER is the one of the code."""
        return hmac.compare_digest(digest_certificate(certificate)[:PRINT_BYTES], self.fingerprint)

    def prove_secret(self, certificate: bytes) -> str:
        """Return the proof for the holder of this certificate. It is of no use for the holder of another one."""
        return hmac.new(self.secret, PURPOSE + digest_certificate(certificate), hashlib.sha256).hexdigest()


def digest_certificate(certificate: bytes) -> bytes:
    """Return the digest of a certificate in DER."""
    return hashlib.sha256(certificate).digest()


def _check_of(body: bytes) -> bytes:
    return hashlib.sha256(PURPOSE + body).digest()[:CHECK_BYTES]
